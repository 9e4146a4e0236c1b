// SPDX-License-Identifier: GPL-2.0-only
//
// Random system calls with bad pointers.
//
//   bad_pointers compare SEED CALLS [SECONDS]	as user nobody, not isolated and isolated: the
//				answers are the same.  Until both are over; seed 0: any
//   bad_pointers provoke SEED CALLS REFUSALS	as an unprivileged user who isolates himself;
//				in between the test module is told to be refused while
//				it holds something.  Prints what it held, and how often
//   bad_pointers nobody COMMAND...	execute as user nobody
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "isolation.h"
#include "step.h"

namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;
constexpr std::uint64_t kPage = 4096;
/// The first byte above a process's half, with four levels of tables.
constexpr std::uint64_t kTop = 0x7ffffffff000;
/// Two pages that can be written, one that cannot, one that is out of reach; nothing
/// before and behind them.
constexpr std::uint64_t kArena = 0x10000000;
constexpr unsigned kBatch = 250;
constexpr long kNothing = -100000;
/// What calls find: as open_files() leaves it.
constexpr int kFirstFile = 3;
constexpr int kFiles = 8;
/// asi_test/attack.
constexpr int kAttack = 900;

/// The same everywhere for one seed.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t limit) { return next() % limit; }
    template <typename T, std::size_t N>
    const T& one_of(const T (&all)[N]) {
        return all[below(N)];
    }

  private:
    std::uint64_t state_;
};

void* at(std::uint64_t address) {
    return reinterpret_cast<void*>(address);
}

void map_at(std::uint64_t address, std::uint64_t size, int rights) {
    need(::mmap(at(address), size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                0) == at(address),
         "mmap");
}

void map_arena() {
    map_at(kArena, 2 * kPage, PROT_READ | PROT_WRITE);
    map_at(kArena + 2 * kPage, kPage, PROT_READ);
    map_at(kArena + 3 * kPage, kPage, PROT_NONE);
    // The end of a string behind which the process's half ends.
    map_at(kTop - kPage, kPage, PROT_READ | PROT_WRITE);
}

/// What calls left there is of no matter for the next.
void fill_arena(bool ends) {
    std::memset(at(kArena), 0, kPage);
    for (const std::uint64_t page : {kArena + kPage, kTop - kPage}) {
        std::memset(at(page), 'a', kPage);
        static_cast<char*>(at(page))[kPage - 1] = ends ? '\0' : 'a';
    }
}

std::uint64_t bad_pointer(Random& random) {
    const std::uint64_t little = random.below(24);
    switch (random.below(16)) {
        case 0:
            return little;
        case 1:
            return kArena - little;
        case 2:
            return kArena + random.below(kPage);
        case 3:
        case 4:
            // The read-only page begins here.
            return kArena + 2 * kPage - little;
        case 5:
            return kArena + 3 * kPage - little;
        case 6:
            return kArena + 4 * kPage - little;
        case 7:
        case 8:
            return kTop - little;
        case 9:
            return kTop + little * 200;
        case 10:
            return 0x800000000000 - 12 + little;
        case 11:
            return 0xffff800000000000 - 12 + little;
        case 12:
            return 0xffff888000000000 + random.below(1UL << 40);
        case 13:
            return 0xffffffff80000000 + random.below(1UL << 30);
        case 14:
            return ~0UL - little;
        default:
            return random.next();
    }
}

// ---- Calls --------------------------------------------------------------------

/// Arguments by letters: p pointer, z pointer or null, f file, n small number, s size,
/// d the current folder, 0 zero, 1 one, 8 eight, w do not wait, i an ioctl, l a lock,
/// u a signal that nobody sends.
struct Call {
    long number;
    const char* arguments;
};

constexpr Call kCalls[] = {
    {SYS_access, "pn"},
    {SYS_open, "p0"},
    {SYS_stat, "pp"},
    {SYS_lstat, "pp"},
    {SYS_newfstatat, "dpp0"},
    {SYS_statx, "dp0sp"},
    {SYS_readlink, "pps"},
    {SYS_chdir, "p"},
    {SYS_mkdir, "pn"},
    {SYS_rmdir, "p"},
    {SYS_unlink, "p"},
    {SYS_rename, "pp"},
    {SYS_link, "pp"},
    {SYS_symlink, "pp"},
    {SYS_chmod, "pn"},
    {SYS_truncate, "pn"},
    {SYS_statfs, "pp"},
    {SYS_utimensat, "dpz0"},
    {SYS_getxattr, "ppps"},
    {SYS_setxattr, "ppps0"},
    {SYS_listxattr, "pps"},
    {SYS_execve, "ppp"},
    {SYS_memfd_create, "pn"},
    {SYS_read, "fps"},
    {SYS_write, "fps"},
    {SYS_pread64, "fpsn"},
    {SYS_pwrite64, "fpsn"},
    {SYS_readv, "fpn"},
    {SYS_writev, "fpn"},
    {SYS_preadv, "fpnn0"},
    {SYS_sendfile, "ffps"},
    {SYS_splice, "fpfpsn"},
    {SYS_getdents64, "fps"},
    {SYS_fstat, "fp"},
    {SYS_ioctl, "fip"},
    {SYS_fcntl, "flp"},
    {SYS_poll, "pn0"},
    {SYS_epoll_ctl, "fnfp"},
    {SYS_epoll_wait, "fpn0"},
    {SYS_pipe2, "p0"},
    {SYS_getsockname, "fpp"},
    {SYS_getpeername, "fpp"},
    {SYS_getsockopt, "fnnpp"},
    {SYS_sendto, "fpswzn"},
    {SYS_recvfrom, "fpswzz"},
    {SYS_sendmsg, "fpw"},
    {SYS_recvmsg, "fpw"},
    {SYS_sendmmsg, "fpnw"},
    {SYS_connect, "fpn"},
    {SYS_bind, "fpn"},
    {SYS_clock_gettime, "np"},
    {SYS_clock_getres, "np"},
    {SYS_gettimeofday, "zz"},
    {SYS_getrusage, "0p"},
    {SYS_sysinfo, "p"},
    {SYS_uname, "p"},
    {SYS_getrlimit, "np"},
    {SYS_prlimit64, "0n0p"},
    {SYS_getitimer, "np"},
    {SYS_timer_create, "npp"},
    {SYS_rt_sigaction, "uzz8"},
    {SYS_rt_sigprocmask, "nzz8"},
    {SYS_rt_sigpending, "p8"},
    {SYS_sigaltstack, "zz"},
    {SYS_getcwd, "ps"},
    {SYS_getgroups, "np"},
    {SYS_getresuid, "ppp"},
    {SYS_getrandom, "ps0"},
    {SYS_sched_getaffinity, "0sp"},
    {SYS_sched_getparam, "0p"},
    {SYS_sched_getattr, "0ps0"},
    {SYS_futex, "p1n"},
    {SYS_mincore, "psp"},
    {SYS_msync, "psn"},
    {SYS_get_robust_list, "0pp"},
    {SYS_name_to_handle_at, "dppp0"},
    {SYS_process_vm_readv, "npnpn0"},
    {SYS_openat2, "dpps"},
};

std::uint64_t argument(Random& random, char letter) {
    static constexpr std::uint64_t kSizes[] = {0,    1,    8,     16,        100,
                                               4096, 4097, 70000, 1UL << 40, ~0UL};
    static constexpr std::uint64_t kIoctls[] = {FIONREAD, TCGETS, TIOCGWINSZ, FIGETBSZ};
    static constexpr std::uint64_t kLocks[] = {F_GETLK, F_SETLK, F_OFD_GETLK, F_GETOWN};
    switch (letter) {
        case 'p':
            return bad_pointer(random);
        case 'z':
            return random.below(2) == 0 ? 0 : bad_pointer(random);
        case 'f':
            // Not the terminal, which may wait.
            if (random.below(kFiles + 1) == 0) return ~0UL;
            return kFirstFile + random.below(kFiles);
        case 'n':
            return random.below(18);
        case 's':
            return random.one_of(kSizes);
        case 'd':
            return static_cast<std::uint64_t>(AT_FDCWD);
        case '1':
            return 1;
        case '8':
            return 8;
        case 'w':
            return MSG_DONTWAIT | MSG_NOSIGNAL;
        case 'i':
            return random.one_of(kIoctls);
        case 'l':
            return random.one_of(kLocks);
        case 'u':
            return SIGUSR2;
        default:
            return 0;
    }
}

struct Done {
    long number;
    std::array<std::uint64_t, 6> arguments;
    long answer;
};

void call_once(Random& random, Done& done) {
    const Call& call = random.one_of(kCalls);
    done.number = call.number;
    done.arguments = {};
    fill_arena(random.below(2) == 0);
    for (std::size_t i = 0; call.arguments[i] != '\0'; ++i)
        done.arguments[i] = argument(random, call.arguments[i]);
    const auto& a = done.arguments;
    done.answer = kNothing;
    const long result = ::syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
    done.answer = result == -1 ? -errno : result;
}

// ---- Who calls ----------------------------------------------------------------

void open_files(const std::string& folder) {
    ::close_range(kFirstFile, kAttack - 1, 0);
    need(::chdir(folder.c_str()) == 0, "chdir");
    int fds[2];
    need(::open("/dev/null", O_RDWR) == kFirstFile, "null");
    need(::open("file", O_RDWR | O_CREAT, 0600) >= 0, "file");
    need(::pipe2(fds, O_NONBLOCK) == 0, "pipe");
    need(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds) == 0, "sockets");
    need(::open(".", O_RDONLY | O_DIRECTORY) >= 0, "folder");
    need(::epoll_create1(0) == kFirstFile + kFiles - 1, "epoll");
}

void become_nobody() {
    need(::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
             ::setresuid(kNobody, kNobody, kNobody) == 0,
         "nobody");
}

void make_folder(const std::string& folder) {
    fs::remove_all(folder);
    fs::create_directory(folder);
    fs::permissions(folder, fs::perms::all);
}

/// Nothing grows without end.
void limit() {
    const rlimit files{4096, 4096};
    const rlimit size{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::setrlimit(RLIMIT_FSIZE, &size);
    ::signal(SIGXFSZ, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    ::alarm(200);
}

Done* shared_batch() {
    void* memory = ::mmap(nullptr, kBatch * sizeof(Done), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(memory != MAP_FAILED, "mmap");
    return static_cast<Done*>(memory);
}

int run_batch(const std::string& folder, std::uint64_t seed, bool isolated, Done* batch) {
    make_folder(folder);
    std::memset(batch, 0, kBatch * sizeof(Done));
    return ended(child([&] {
        limit();
        map_arena();
        if (isolated) {
            const sci_config config = all_calls(SCI_MODE_ENFORCE);
            if (sci(PR_SCI_ENABLE, &config) != 0) return 3;
        }
        become_nobody();
        open_files(folder);
        Random random(seed);
        for (unsigned i = 0; i < kBatch; ++i) call_once(random, batch[i]);
        return 0;
    }));
}

void describe(const char* who, const Done& done) {
    say("%s: call %ld(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx) = %ld", who, done.number,
        done.arguments[0], done.arguments[1], done.arguments[2], done.arguments[3],
        done.arguments[4], done.arguments[5], done.answer);
}

bool is_same(const Done* plain, const Done* isolated) {
    for (unsigned i = 0; i < kBatch; ++i) {
        if (plain[i].answer == isolated[i].answer) continue;
        say("call %u of the batch", i);
        describe("not isolated", plain[i]);
        describe("isolated", isolated[i]);
        return false;
    }
    return true;
}

std::uint64_t seed_of(const std::string& word) {
    const std::uint64_t seed = word.empty() ? 0 : std::stoull(word);
    return seed != 0 ? seed : std::random_device()();
}

class Folder {
  public:
    Folder() {
        char name[] = "/tmp/sci-pointers-XXXXXX";
        need(::mkdtemp(name) != nullptr, "mkdtemp");
        path_ = name;
        fs::permissions(path_, fs::perms::all);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }
    std::string operator/(const char* name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

double seconds_passed() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

int compare(std::uint64_t seed, std::uint64_t calls, double seconds) {
    const Folder folder;
    Done* const plain = shared_batch();
    Done* const isolated = shared_batch();
    const double end = seconds_passed() + seconds;
    std::map<long, unsigned> answers;
    std::uint64_t done = 0;
    say("seed %lu", seed);
    for (; done < calls || seconds_passed() < end; done += kBatch) {
        const int first = run_batch(folder / "calls", seed + done, false, plain);
        const int second = run_batch(folder / "calls", seed + done, true, isolated);
        if (first != second || !is_same(plain, isolated)) {
            say("batch %lu: status %d, isolated %d", seed + done, first, second);
            return 1;
        }
        for (unsigned i = 0; i < kBatch; ++i)
            if (plain[i].answer < 0) ++answers[plain[i].answer];
    }
    say("calls %lu EFAULT %u EINVAL %u EBADF %u", done, answers[-EFAULT], answers[-EINVAL],
        answers[-EBADF]);
    return answers[-EFAULT] > done / 10 ? 0 : 1;
}

// ---- Refusals -------------------------------------------------------------------

/// What the test module holds meanwhile: see attack.c.
constexpr const char* kHolds[] = {"nothing", "spin",  "bh",   "irq",  "rcu",
                                  "mutex",   "write", "read", "wait", "poll"};

/// Long enough to lie on a page of its own.
bool follows_long_link(const std::string& folder, std::uint64_t length) {
    const std::string target = folder + std::string(length, '/') + "file";
    const std::string link = folder + "/link";
    if (::symlink(target.c_str(), link.c_str()) != 0) return false;
    char text[4096];
    struct stat status {};
    const long size = ::readlink(link.c_str(), text, sizeof(text));
    return size > 0 && std::string_view(text, static_cast<std::size_t>(size)) == target &&
           ::stat(link.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// Refused while it waits for @pipe, too.
void refused_in_poll(int pipe) {
    pollfd both[] = {{pipe, POLLIN, 0}, {kAttack, POLLIN, 0}};
    ::poll(both, 2, -1);
}

int provoke(std::uint64_t seed, std::uint64_t calls, unsigned refusals) {
    const Folder folder;
    Done* const batch = shared_batch();
    std::map<std::string, unsigned> held;
    Random random(seed);
    std::uint64_t done = 0;
    say("seed %lu", seed);
    for (unsigned round = 0; done < calls || round < refusals; ++round, done += kBatch) {
        const std::string hold = kHolds[round % std::size(kHolds)];
        const std::uint64_t own = random.next();
        const std::uint64_t length = 128 + random.below(3000);
        const bool is_refused = round < refusals;
        make_folder(folder / "calls");
        int waited[2];
        need(::pipe(waited) == 0, "pipe");
        need(::fcntl(waited[0], F_DUPFD, kAttack + 1) == kAttack + 1, "dup");
        const int status = ended(child([&] {
            limit();
            map_arena();
            // Before the rights are gone.
            const int attack = ::open("/sys/kernel/debug/asi_test/attack", O_WRONLY);
            if (is_refused && (attack < 0 || ::dup2(attack, kAttack) != kAttack)) return 4;
            become_nobody();
            if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 5;
            const sci_config config = all_calls(SCI_MODE_ENFORCE);
            if (sci(PR_SCI_ENABLE, &config) != 0) return 6;
            open_files(folder / "calls");
            if (!follows_long_link(folder / "calls", length)) return 9;
            Random mine(own);
            for (unsigned i = 0; i < kBatch; ++i) call_once(mine, batch[i]);
            if (!is_refused) return 0;
            if (hold == "poll") {
                refused_in_poll(kAttack + 1);
                return 12;
            }
            const std::string order =
                hold == "nothing" ? "call_middle" : "locked " + hold + " call_middle";
            return ::write(kAttack, order.data(), order.size()) == 0 ? 10 : 11;
        }));
        // Who is woken now has ended.
        need(::write(waited[1], "x", 1) == 1, "write");
        for (const int fd : {waited[0], waited[1], kAttack + 1}) ::close(fd);
        const int expected = is_refused ? 1000 + SIGSEGV : 0;
        if (status != expected) {
            say("round %u, %s: status %d", round, hold.c_str(), status);
            return 1;
        }
        if (is_refused) ++held[hold];
    }
    std::string words = "calls " + std::to_string(done);
    for (const auto& [hold, count] : held) words += " " + hold + " " + std::to_string(count);
    say("%s", words.c_str());
    return 0;
}

int nobody(char** command) {
    become_nobody();
    ::execvp(command[0], command);
    std::perror(command[0]);
    return 127;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() >= 2 && words[0] == "nobody") return nobody(argv + 2);
    if (words.size() >= 3 && words[0] == "compare")
        return compare(seed_of(words[1]), std::stoull(words[2]),
                       words.size() > 3 ? std::stod(words[3]) : 0);
    if (words.size() == 4 && words[0] == "provoke")
        return provoke(seed_of(words[1]), std::stoull(words[2]),
                       static_cast<unsigned>(std::stoul(words[3])));
    return 2;
}
