// SPDX-License-Identifier: GPL-2.0-only
//
// The user side of the torture test: processes and threads that come and go,
// change their memory, move and signal each other; threads that work in the
// module asi_test; and the reader of asi/verify.
//
//   torture nothing
//   torture failing COMMAND...
//   torture users SECONDS SEED
//   torture workers SECONDS SEED THREADS
//   torture oracle SECONDS FILE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Random = std::minstd_rand;

constexpr const char* kTorture = "/sys/kernel/debug/asi_test/torture";
constexpr const char* kVerify = "/sys/kernel/debug/asi/verify";

struct Counts {
    std::atomic<std::uint64_t> forks, execs, threads, maps, moves, signals, failures;
};
Counts counts;

unsigned below(Random& random, unsigned limit) {
    return static_cast<unsigned>(random()) % limit;
}

void pause_ms(unsigned ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// Memory or processes may run out: that is no failure of what is tested.
void count(bool done, std::atomic<std::uint64_t>& what) {
    ++(done ? what : counts.failures);
}

void on_signal(int) {
    ++counts.signals;
}

// Only what may be called between fork() and exec in a process with threads.
void fork_child(Random& random) {
    const bool exec = below(random, 2) != 0;
    const bool kill_it = below(random, 2) != 0;
    const pid_t child = ::fork();
    if (child == 0) {
        if (exec) {
            ::execl("/proc/self/exe", "torture", "nothing", nullptr);
            ::_exit(1);
        }
        if (kill_it) ::pause();
        ::_exit(0);
    }
    count(child > 0, exec ? counts.execs : counts.forks);
    if (child <= 0) return;
    if (kill_it) {
        pause_ms(below(random, 3));
        ::kill(child, SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
}

void come_and_go(Random& random) {
    try {
        std::thread([ms = below(random, 3)] { pause_ms(ms); }).join();
        ++counts.threads;
    } catch (const std::system_error&) {
        ++counts.failures;
    }
}

// Touched, protected, given back and unmapped in parts.
void change_memory(Random& random) {
    constexpr std::size_t kPage = 4096;
    const std::size_t pages = 1 + below(random, 600);
    const int sharing = below(random, 4) ? MAP_PRIVATE : MAP_SHARED;
    void* const at =
        ::mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    count(at != MAP_FAILED, counts.maps);
    if (at == MAP_FAILED) return;
    auto* const bytes = static_cast<volatile char*>(at);
    for (std::size_t i = 0; i < pages; ++i) bytes[i * kPage] = 1;
    const std::size_t from = below(random, pages);
    auto* const part = static_cast<char*>(at) + from * kPage;
    const std::size_t size = (1 + below(random, pages - from)) * kPage;
    switch (below(random, 4)) {
        case 0:
            ::mprotect(part, size, PROT_READ);
            break;
        case 1:
            ::madvise(part, size, MADV_DONTNEED);
            break;
        case 2:
            ::madvise(part, size, MADV_HUGEPAGE);
            break;
        default:
            // Never what is gone already: another thread may have been given it.
            ::munmap(part, size);
            if (part > at) ::munmap(at, from * kPage);
            if (from * kPage + size < pages * kPage)
                ::munmap(part + size, (pages - from) * kPage - size);
            return;
    }
    ::munmap(at, pages * kPage);
}

void move_to_another_cpu(Random& random) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(below(random, static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_CONF))), &set);
    // The processor may be offline.
    ::sched_setaffinity(0, sizeof(set), &set);
    if (below(random, 2)) {
        std::memset(&set, 0xff, sizeof(set));
        ::sched_setaffinity(0, sizeof(set), &set);
    }
    ++counts.moves;
}

void use(unsigned seed, Clock::time_point end) {
    Random random(seed);
    while (Clock::now() < end) {
        switch (below(random, 5)) {
            case 0:
                fork_child(random);
                break;
            case 1:
                come_and_go(random);
                break;
            case 2:
                change_memory(random);
                break;
            case 3:
                move_to_another_cpu(random);
                break;
            default:
                ::kill(::getpid(), SIGUSR1);
                pause_ms(below(random, 5));
                break;
        }
    }
}

// One stretch of work in the kernel by the calling thread.
bool work(unsigned seed, unsigned ms) {
    std::FILE* const file = std::fopen(kTorture, "w");
    if (!file) return false;
    std::setvbuf(file, nullptr, _IONBF, 0);
    const bool done = std::fprintf(file, "%u %u 0", seed, ms) > 0;
    return std::fclose(file) == 0 && done;
}

template <typename Function>
void run_threads(unsigned number, Function function) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < number; ++i) {
        try {
            threads.emplace_back(function, i);
        } catch (const std::system_error&) {
            ++counts.failures;
        }
    }
    for (auto& thread : threads) thread.join();
}

int users(Clock::time_point end, unsigned seed) {
    ::signal(SIGUSR1, on_signal);
    run_threads(4, [=](unsigned i) { use(seed + i, end); });
    std::printf(
        "forks %llu execs %llu threads %llu maps %llu moves %llu signals %llu failures %llu\n",
        static_cast<unsigned long long>(counts.forks),
        static_cast<unsigned long long>(counts.execs),
        static_cast<unsigned long long>(counts.threads),
        static_cast<unsigned long long>(counts.maps), static_cast<unsigned long long>(counts.moves),
        static_cast<unsigned long long>(counts.signals),
        static_cast<unsigned long long>(counts.failures));
    return counts.forks + counts.execs > 0 ? 0 : 1;
}

// Threads of one process enter the same domains; each stretch is a new thread,
// whose stack is mapped when it ends.
int workers(Clock::time_point end, unsigned seed, unsigned number) {
    std::atomic<unsigned> stretches = 0;
    run_threads(number, [&, seed, end](unsigned i) {
        Random random(seed + 1000 * i);
        while (Clock::now() < end) {
            const unsigned stretch_seed = static_cast<unsigned>(random());
            const unsigned ms = 20 + below(random, 1000);
            try {
                std::thread([&, stretch_seed, ms] { stretches += work(stretch_seed, ms); }).join();
            } catch (const std::system_error&) {
                ++counts.failures;
            }
        }
    });
    std::printf("stretches %u\n", stretches.load());
    return stretches > 0 ? 0 : 1;
}

struct Verdict {
    bool read = false;
    std::set<std::string> violations;
};

Verdict ask() {
    std::ifstream file(kVerify);
    Verdict verdict;
    std::string line;
    while (std::getline(file, line)) {
        if (line.starts_with("violation ")) verdict.violations.insert(line);
        if (line.starts_with("domains ")) verdict.read = true;
    }
    return verdict;
}

// The kernel changes its own table before the domains follow, so an entry that
// is no longer the kernel's may be seen for a moment.  Everything else may not.
bool may_pass(const std::string& violation) {
    for (const char* what : {"not mapped by the kernel", "another frame", "another cache mode",
                             "writable", "executable"})
        if (violation.ends_with(std::string("what ") + what)) return true;
    return false;
}

// Those of the first that are still there, or may never be.
std::set<std::string> confirmed(const std::set<std::string>& violations) {
    std::set<std::string> left = violations;
    for (int i = 0; i < 5 && !left.empty(); ++i) {
        pause_ms(20);
        const Verdict again = ask();
        std::erase_if(left, [&](const std::string& violation) {
            return may_pass(violation) && again.read && !again.violations.contains(violation);
        });
    }
    return left;
}

int oracle(Clock::time_point end, const std::string& name) {
    unsigned long long asked = 0, unanswered = 0;
    std::map<std::string, unsigned> passing;
    while (Clock::now() < end) {
        const Verdict verdict = ask();
        ++(verdict.read ? asked : unanswered);
        if (verdict.violations.empty()) continue;
        const auto left = confirmed(verdict.violations);
        for (const auto& violation : verdict.violations)
            if (!left.contains(violation)) ++passing[violation.substr(violation.rfind("what "))];
        if (left.empty()) continue;
        std::ofstream file(name);
        for (const auto& violation : left) file << violation << "\n";
        break;
    }
    std::printf("asked %llu unanswered %llu\n", asked, unanswered);
    for (const auto& [what, times] : passing) std::printf("passing %u %s\n", times, what.c_str());
    return asked > 0 && Clock::now() >= end ? 0 : 1;
}

}  // namespace

// Runs a program whose allocations may fail. Only a program in memory can do that
// for another: one that gives files of the root file system back meanwhile has
// its client fail, which does not recover.
int run_failing(char** command) {
    std::ofstream("/proc/self/make-it-fail") << "1" << std::flush;
    ::execv(command[0], command);
    return 127;
}

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "nothing") return 0;
    if (what == "failing" && argc > 2) return run_failing(argv + 2);
    if (argc < 4) return 2;
    const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[2]));
    const auto seed = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
    if (what == "users") return users(end, seed);
    if (what == "workers" && argc == 5) return workers(end, seed, std::atoi(argv[4]));
    if (what == "oracle") return oracle(end, argv[3]);
    return 2;
}
