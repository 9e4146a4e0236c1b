// SPDX-License-Identifier: GPL-2.0-only
//
// Steps: calls that another process traces, that a filter refuses, that do not exist.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "step.h"

namespace {

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

/// Another process's memory: through ptrace(), process_vm_readv() and /proc.
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

void wrong_calls() {
    say("no such call %s", outcome(::syscall(451 + 40)).c_str());
    say("no call at all %s", outcome(::syscall(-1)).c_str());
    say("far away %s", outcome(::syscall(100000)).c_str());
    say("bad fd %s", outcome(::close(12345)).c_str());
    say("bad signal %s", outcome(::kill(::getpid(), 1000)).c_str());
}

constexpr Step kSteps[] = {
    {"single_step", single_step},   {"system_calls_traced", system_calls_traced},
    {"other_memory", other_memory}, {"seccomp_filter", seccomp_filter},
    {"wrong_calls", wrong_calls},
};

}  // namespace

std::span<const Step> trace_steps() {
    return kSteps;
}
