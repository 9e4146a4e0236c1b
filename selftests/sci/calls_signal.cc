// SPDX-License-Identifier: GPL-2.0-only
//
// Steps: signals, and calls that they interrupt.
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>

#include <cstdint>
#include <vector>

#include "step.h"

namespace {

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

/// After a stop, nanosleep() sleeps for the time that was left (restart_syscall).
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

/// Many signals arrive while the kernel copies.
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

constexpr Step kSteps[] = {
    {"interrupted_read", interrupted_read}, {"restarted_read", restarted_read},
    {"restarted_sleep", restarted_sleep},   {"interrupted_sleep", interrupted_sleep},
    {"signals_to_self", signals_to_self},   {"signals_while_copying", signals_while_copying},
    {"alternate_stack", alternate_stack},   {"signal_fd", signal_fd},
    {"broken_pipe", broken_pipe},
};

}  // namespace

std::span<const Step> signal_steps() {
    return kSteps;
}
