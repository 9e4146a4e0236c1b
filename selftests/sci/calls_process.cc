// SPDX-License-Identifier: GPL-2.0-only
//
// Steps: processes, threads, signals, tracing, filters.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "step.h"

namespace {

constexpr const char* kSelf = "/proc/self/exe";

volatile sig_atomic_t handled = 0;
void count_signal(int) {
    handled = handled + 1;
}

void handle(int signal, int flags) {
    struct sigaction action {};
    action.sa_handler = count_signal;
    action.sa_flags = flags;
    handled = 0;
    need(::sigaction(signal, &action, nullptr) == 0, "sigaction");
}

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

/// Another thread moves this one while it is in calls.
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

/// Two processes on one processor take each other's place in the middle of calls.
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

void interrupted_read() {
    Pipe pipe;
    handle(SIGALRM, 0);
    const itimerval soon{{0, 0}, {0, 50000}};
    need(::setitimer(ITIMER_REAL, &soon, nullptr) == 0, "setitimer");
    char byte;
    const ssize_t got = ::read(pipe.out, &byte, 1);
    say("read %s handled %d", outcome(got).c_str(), static_cast<int>(handled));
}

void restarted_read() {
    Pipe pipe;
    handle(SIGUSR1, SA_RESTART);
    const pid_t self = ::getpid();
    const pid_t other = child([&pipe, self] {
        pause_ms(100);
        ::kill(self, SIGUSR1);
        pause_ms(100);
        return ::write(pipe.in, "done", 4) == 4 ? 0 : 1;
    });
    char bytes[8];
    const ssize_t got = ::read(pipe.out, bytes, sizeof(bytes));
    say("read %s handled %d", outcome(got).c_str(), static_cast<int>(handled));
    say("writer %d", ended(other));
}

/// Stopped and continued, nanosleep() goes on where it was (restart_syscall).
void restarted_sleep() {
    const pid_t sleeper = child([] {
        const double begin = seconds_now();
        const timespec half{0, 500000000};
        if (::nanosleep(&half, nullptr) != 0) return 1;
        return seconds_now() - begin >= 0.499 ? 0 : 2;
    });
    for (int i = 0; i < 3; ++i) {
        pause_ms(50);
        ::kill(sleeper, SIGSTOP);
        pause_ms(50);
        ::kill(sleeper, SIGCONT);
    }
    say("slept %d", ended(sleeper));
}

void interrupted_sleep() {
    handle(SIGALRM, 0);
    const itimerval soon{{0, 0}, {0, 50000}};
    ::setitimer(ITIMER_REAL, &soon, nullptr);
    const timespec minute{60, 0};
    timespec left{};
    const int result = ::nanosleep(&minute, &left);
    say("sleep %s, time left %d", outcome(result).c_str(), left.tv_sec > 50);
}

void signals_to_self() {
    handle(SIGUSR1, 0);
    for (int i = 0; i < 1000; ++i) need(::raise(SIGUSR1) == 0, "raise");
    say("handled %d", static_cast<int>(handled));
    sigval value{};
    value.sival_int = 42;
    need(::sigqueue(::getpid(), SIGUSR1, value) == 0, "sigqueue");
    say("handled %d", static_cast<int>(handled));
}

/// Many signals while the kernel copies.
void signals_while_copying() {
    handle(SIGALRM, SA_RESTART);
    const itimerval often{{0, 2000}, {0, 2000}};
    std::vector<char> buffer(1 << 20, 'x');
    const Fd zero(::open("/dev/zero", O_RDONLY));
    need(::setitimer(ITIMER_REAL, &often, nullptr) == 0, "setitimer");
    for (const double end = seconds_now() + 1; seconds_now() < end;) {
        // /dev/zero ends early when a signal waits.
        const ssize_t got = ::read(zero, buffer.data(), buffer.size());
        need(got > 0 || errno == EINTR, "read");
    }
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    say("handled some %d", handled > 0);
}

void alternate_stack() {
    static char memory[64 * 1024];
    static volatile bool is_there = false;
    stack_t stack{};
    stack.ss_sp = memory;
    stack.ss_size = sizeof(memory);
    need(::sigaltstack(&stack, nullptr) == 0, "sigaltstack");
    struct sigaction action {};
    action.sa_flags = SA_ONSTACK;
    action.sa_handler = [](int) {
        char here;
        const auto at = reinterpret_cast<std::uintptr_t>(&here);
        const auto start = reinterpret_cast<std::uintptr_t>(memory);
        is_there = at >= start && at < start + sizeof(memory);
    };
    need(::sigaction(SIGUSR2, &action, nullptr) == 0, "sigaction");
    need(::raise(SIGUSR2) == 0, "raise");
    say("on the other stack %d", is_there ? 1 : 0);
}

void signal_fd() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGUSR1);
    need(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0, "sigprocmask");
    const Fd fd(::signalfd(-1, &set, 0));
    ::kill(::getpid(), SIGUSR1);
    signalfd_siginfo info{};
    say("read %s", outcome(::read(fd, &info, sizeof(info))).c_str());
    say("signal %u", info.ssi_signo);
    const timespec soon{0, 10000000};
    say("wait %s", outcome(::sigtimedwait(&set, nullptr, &soon)).c_str());
}

void broken_pipe() {
    Pipe pipe;
    pipe.out.close();
    say("write %s", outcome(::write(pipe.in, "x", 1)).c_str());
    say("killed %d", ended(child([&pipe] {
            ::signal(SIGPIPE, SIG_DFL);
            return static_cast<int>(::write(pipe.in, "x", 1));
        })));
}

// ---- Traced ----------------------------------------------------------------

/// Stops itself, makes some calls, and says what it got.
int traced_body() {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) return 1;
    ::kill(::getpid(), SIGSTOP);
    const long first = ::syscall(SYS_getppid);
    const long second = ::syscall(SYS_getppid);
    return first == second && first > 0 ? 0 : 2;
}

pid_t traced(const std::function<int()>& body) {
    const pid_t pid = child(body);
    int status;
    need(::waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "stopped");
    return pid;
}

void single_step() {
    const pid_t pid = traced(traced_body);
    int steps = 0;
    int status = 0;
    for (; steps < 3000; ++steps) {
        need(::ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr) == 0, "singlestep");
        need(::waitpid(pid, &status, 0) == pid, "waitpid");
        if (!WIFSTOPPED(status)) break;
        user_regs_struct registers{};
        need(WSTOPSIG(status) == SIGTRAP, "trap");
        need(::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) == 0, "getregs");
        errno = 0;
        ::ptrace(PTRACE_PEEKTEXT, pid, registers.rip, nullptr);
        need(errno == 0, "peek");
    }
    if (WIFSTOPPED(status)) {
        need(::ptrace(PTRACE_DETACH, pid, nullptr, nullptr) == 0, "detach");
        say("ended %d", ended(pid));
    } else {
        say("ended %d", WEXITSTATUS(status));
    }
    say("many steps %d", steps > 20);
}

void system_calls_traced() {
    const pid_t pid = traced(traced_body);
    need(::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD) == 0, "options");
    int entries = 0;
    int parents = 0;
    int status;
    for (bool is_entry = true;; is_entry = !is_entry) {
        need(::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr) == 0, "syscall");
        need(::waitpid(pid, &status, 0) == pid, "waitpid");
        if (!WIFSTOPPED(status)) break;
        need(WSTOPSIG(status) == (SIGTRAP | 0x80), "stop");
        user_regs_struct registers{};
        need(::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) == 0, "getregs");
        if (registers.orig_rax != SYS_getppid) continue;
        if (is_entry) {
            ++entries;
            continue;
        }
        // The same lie both times.
        need(static_cast<pid_t>(registers.rax) == ::getpid(), "result");
        registers.rax = 4711;
        need(::ptrace(PTRACE_SETREGS, pid, nullptr, &registers) == 0, "setregs");
        ++parents;
    }
    say("entries %d exits %d ended %d", entries, parents, WEXITSTATUS(status));
}

/// The tracer's way into the other's memory, and the others.
void other_memory() {
    static volatile unsigned long word = 1;
    const pid_t pid = traced([] {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        word = 0x1234;
        ::kill(::getpid(), SIGSTOP);
        return word == 0x5678 ? 0 : 1;
    });
    const auto at = const_cast<unsigned long*>(&word);
    say("peek %lx", ::ptrace(PTRACE_PEEKDATA, pid, at, nullptr));
    unsigned long copy = 0;
    const iovec mine{&copy, sizeof(copy)};
    const iovec theirs{at, sizeof(copy)};
    const ssize_t got = ::process_vm_readv(pid, &mine, 1, &theirs, 1, 0);
    say("process_vm_readv %s %lx", outcome(got).c_str(), copy);
    const Fd memory(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR));
    copy = 0;
    const ssize_t read = ::pread(memory, &copy, sizeof(copy), reinterpret_cast<off_t>(at));
    say("mem %s %lx", outcome(read).c_str(), copy);
    char line[64] = "";
    const Fd names(::open(("/proc/" + std::to_string(pid) + "/cmdline").c_str(), O_RDONLY));
    need(::read(names, line, sizeof(line) - 1) > 0, "cmdline");
    say("cmdline %d", std::strstr(line, "calls") != nullptr);
    copy = 0x5678;
    say("process_vm_writev %s", outcome(::process_vm_writev(pid, &mine, 1, &theirs, 1, 0)).c_str());
    need(::ptrace(PTRACE_DETACH, pid, nullptr, nullptr) == 0, "detach");
    say("ended %d", ended(pid));
}

// ---- Filters ---------------------------------------------------------------

void seccomp_filter() {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{std::size(code), code};
    need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    need(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
    say("refused %s", outcome(::syscall(SYS_getppid)).c_str());
    say("allowed %d", ::getpid() > 0);
    say("killed %d", ended(child([] { return ::sethostname("x", 1); })));
}

// ---- Much of the rest ------------------------------------------------------

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

void wrong_calls() {
    say("no such call %s", outcome(::syscall(451 + 40)).c_str());
    say("no call at all %s", outcome(::syscall(-1)).c_str());
    say("far away %s", outcome(::syscall(100000)).c_str());
    say("bad fd %s", outcome(::close(12345)).c_str());
    say("bad signal %s", outcome(::kill(::getpid(), 1000)).c_str());
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
    {"interrupted_read", interrupted_read},
    {"restarted_read", restarted_read},
    {"restarted_sleep", restarted_sleep},
    {"interrupted_sleep", interrupted_sleep},
    {"signals_to_self", signals_to_self},
    {"signals_while_copying", signals_while_copying},
    {"alternate_stack", alternate_stack},
    {"signal_fd", signal_fd},
    {"broken_pipe", broken_pipe},
    {"single_step", single_step},
    {"system_calls_traced", system_calls_traced},
    {"other_memory", other_memory},
    {"seccomp_filter", seccomp_filter},
    {"identity", identity},
    {"namespaces", namespaces},
    {"wrong_calls", wrong_calls},
};

}  // namespace

std::span<const Step> process_steps() {
    return kSteps;
}
