// SPDX-License-Identifier: GPL-2.0-only
//
// Steps: processes, threads, the processors they run on, who they are.
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "step.h"

namespace {

constexpr const char* kSelf = "/proc/self/exe";

void fork_and_exit() {
    for (const int status : {0, 1, 7, 255}) {
        say("exit %d", ended(child([status] { return status; })));
    }
    say("abort %d", ended(child([] {
            const rlimit none{0, 0};
            ::setrlimit(RLIMIT_CORE, &none);
            std::abort();
            return 0;
        })));
    say("killed %d", ended(child([] { return ::raise(SIGKILL); })));
    say("segv %d", ended(child([] {
            const volatile std::uintptr_t nowhere = 8;
            *reinterpret_cast<volatile int*>(nowhere) = 1;
            return 0;
        })));
    for (int i = 0; i < 100; ++i) need(ended(child([i] { return i; })) == i, "child");
    std::vector<pid_t> crowd;
    for (int i = 0; i < 50; ++i) crowd.push_back(child([i] { return i; }));
    for (int i = 0; i < 50; ++i) need(ended(crowd[static_cast<unsigned>(i)]) == i, "crowd");
    say("no child left: %s", outcome(::waitpid(-1, nullptr, 0)).c_str());
}

void core_dump() {
    char folder[] = "/tmp/sci-core-XXXXXX";
    need(::mkdtemp(folder) != nullptr, "mkdtemp");
    const pid_t pid = child([&folder] {
        const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
        ::setrlimit(RLIMIT_CORE, &all);
        if (::chdir(folder) != 0) return 1;
        std::abort();
        return 0;
    });
    say("dumped %d", ended(pid));
    need(std::system((std::string("rm -rf ") + folder).c_str()) == 0, "rm");
}

void vfork_and_exec() {
    // cppcheck-suppress vforkCalled
    const pid_t pid = ::vfork();
    need(pid >= 0, "vfork");
    if (pid == 0) {
        ::execl(kSelf, "calls", "exit", "9", nullptr);
        ::_exit(1);
    }
    say("vfork, exec: %d", ended(pid));
    // cppcheck-suppress vforkCalled
    const pid_t missing = ::vfork();
    if (missing == 0) {
        ::execl("/no/such/program", "program", nullptr);
        ::_exit(errno == ENOENT ? 2 : 1);
    }
    say("exec of nothing: %d", ended(missing));
}

void spawn() {
    const char* const words[] = {"calls", "exit", "11", nullptr};
    const char* const environment[] = {nullptr};
    for (int i = 0; i < 20; ++i) {
        pid_t pid;
        need(::posix_spawn(&pid, kSelf, nullptr, nullptr, const_cast<char* const*>(words),
                           const_cast<char* const*>(environment)) == 0,
             "posix_spawn");
        need(ended(pid) == 11, "spawned");
    }
    say("spawned");
}

void exec_script() {
    char name[] = "/tmp/sci-script-XXXXXX";
    Fd file(::mkstemp(name));
    const std::string text = "#!/bin/sh\necho script $1; exit 5\n";
    need(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "write");
    need(::fchmod(file, 0755) == 0, "fchmod");
    file.close();
    say("script %d", ended(child([&name] { return ::execl(name, "script", "one", nullptr); })));
    need(::unlink(name) == 0, "unlink");
}

void exec_from_thread() {
    say("exec by a thread: %d", ended(child([] {
            std::thread([] { ::execl(kSelf, "calls", "exit", "13", nullptr); }).join();
            return 1;
        })));
}

void many_threads() {
    std::atomic<long> sum = 0;
    for (int round = 0; round < 5; ++round) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 20; ++i)
            threads.emplace_back([&sum, i] {
                ::syscall(SYS_gettid);
                sum += i;
            });
        for (std::thread& thread : threads) thread.join();
    }
    say("sum %ld", sum.load());
}

void exit_group() {
    say("exit of all threads: %d", ended(child([] {
            for (int i = 0; i < 4; ++i)
                std::thread([] {
                    for (;;) ::pause();
                }).detach();
            std::thread([] { ::syscall(SYS_exit_group, 17); }).join();
            return 1;
        })));
}

void migrate() {
    Pipe pipe;
    for (unsigned i = 0; i < 200; ++i) {
        char byte = 'x';
        need(move_to(i % processors()), "moved");
        need(::write(pipe.in, &byte, 1) == 1 && ::read(pipe.out, &byte, 1) == 1, "pipe");
    }
    say("moved");
}

/// Another thread moves this one to other processors during its calls.
void migrated() {
    std::atomic<bool> stop = false;
    const pid_t self = static_cast<pid_t>(::syscall(SYS_gettid));
    std::thread mover([&stop, self] {
        for (unsigned i = 0; !stop; ++i) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(i % processors(), &one);
            ::sched_setaffinity(self, sizeof(one), &one);
            pause_ms(1);
        }
    });
    std::vector<char> buffer(256 * 1024, 'x');
    const Fd zero(::open("/dev/zero", O_RDONLY));
    for (const double end = seconds_now() + 1; seconds_now() < end;) {
        need(::read(zero, buffer.data(), buffer.size()) == static_cast<ssize_t>(buffer.size()),
             "read");
        ::sched_yield();
    }
    stop = true;
    mover.join();
    say("last byte %d", buffer.back());
}

/// Three processes on one processor preempt each other in the middle of calls.
void preempted() {
    const auto body = [] {
        if (!move_to(0)) return 1;
        std::vector<char> buffer(128 * 1024, 'x');
        const Fd zero(::open("/dev/zero", O_RDONLY));
        int rounds = 0;
        for (const double end = seconds_now() + 1; seconds_now() < end; ++rounds)
            if (::read(zero, buffer.data(), buffer.size()) != static_cast<ssize_t>(buffer.size()))
                return 2;
        return rounds > 1 ? 0 : 3;
    };
    const pid_t first = child(body);
    const pid_t second = child(body);
    const pid_t third = child(body);
    say("%d %d %d", ended(first), ended(second), ended(third));
}

void priorities() {
    sched_param highest{};
    highest.sched_priority = 10;
    say("fifo %s", outcome(::sched_setscheduler(0, SCHED_FIFO, &highest)).c_str());
    const pid_t low = child([] {
        sched_param none{};
        ::sched_setscheduler(0, SCHED_OTHER, &none);
        for (int i = 0; i < 1000; ++i) ::getppid();
        return 0;
    });
    pause_ms(20);
    say("other %d", ended(low));
    sched_param none{};
    say("other %s", outcome(::sched_setscheduler(0, SCHED_OTHER, &none)).c_str());
    say("nice %s", outcome(::setpriority(PRIO_PROCESS, 0, 5)).c_str());
}

void identity() {
    utsname name{};
    need(::uname(&name) == 0, "uname");
    say("uname %s", name.sysname);
    say("ids %d %d %d %d", ::getuid(), ::geteuid(), ::getgid(), ::getegid());
    gid_t groups[64];
    say("groups %d", ::getgroups(64, groups) >= 0);
    rlimit limit{};
    say("limit %s", outcome(::getrlimit(RLIMIT_NOFILE, &limit)).c_str());
    limit.rlim_cur = 100;
    say("limit %s", outcome(::setrlimit(RLIMIT_NOFILE, &limit)).c_str());
    rusage usage{};
    say("usage %s", outcome(::getrusage(RUSAGE_SELF, &usage)).c_str());
    const pid_t pid = child([] {
        if (::setsid() < 0) return 1;
        if (::setresgid(65534, 65534, 65534) != 0) return 2;
        if (::setresuid(65534, 65534, 65534) != 0) return 3;
        return ::setresuid(0, 0, 0) == 0 ? 4 : 0;
    });
    say("as another user %d", ended(pid));
}

void namespaces() {
    say("ended %d", ended(child([] {
            const int result = ::unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS);
            say("unshare %s", outcome(result).c_str());
            if (result != 0) return 0;
            say("hostname %s", outcome(::sethostname("isolated", 8)).c_str());
            utsname name{};
            ::uname(&name);
            say("now %s", name.nodename);
            say("network %s", outcome(::unshare(CLONE_NEWNET)).c_str());
            say("processes %s", outcome(::unshare(CLONE_NEWPID)).c_str());
            say("first process %d", ended(child([] { return ::getpid(); })));
            return 0;
        })));
}

constexpr Step kSteps[] = {
    {"fork_and_exit", fork_and_exit},
    {"core_dump", core_dump},
    {"vfork_and_exec", vfork_and_exec},
    {"spawn", spawn},
    {"exec_script", exec_script},
    {"exec_from_thread", exec_from_thread},
    {"many_threads", many_threads},
    {"exit_group", exit_group},
    {"migrate", migrate},
    {"migrated", migrated},
    {"preempted", preempted},
    {"priorities", priorities},
    {"identity", identity},
    {"namespaces", namespaces},
};

}  // namespace

std::span<const Step> process_steps() {
    return kSteps;
}
