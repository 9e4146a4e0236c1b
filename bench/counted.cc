// SPDX-License-Identifier: GPL-2.0-only
#include "counted.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include "counters.h"

namespace asi {
namespace {

pid_t start(char** argv) {
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child > 0) return child;
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::execv(argv[0], argv);
    std::perror(argv[0]);
    ::_exit(127);
}

/// What was freed comes back through RCU and work queues.
void let_the_kernel_settle() {
    ::sleep(1);
}

}  // namespace

/// The zombie's clock counts in nanoseconds, getrusage() in microseconds.
uint64_t finish(pid_t child) {
    siginfo_t info;
    if (::waitid(P_PID, child, &info, WEXITED | WNOWAIT) != 0)
        throw std::system_error(errno, std::generic_category(), "waitid");
    clockid_t clock;
    timespec used{};
    if (::clock_getcpuclockid(child, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        throw std::runtime_error("the CPU time of a child is unknown");
    ::waitpid(child, nullptr, 0);
    if (info.si_code != CLD_EXITED || info.si_status != 0)
        throw std::runtime_error("the command failed");
    return used.tv_sec * 1'000'000'000ull + used.tv_nsec;
}

void run_counted(const std::string& label, uint64_t operations, char** argv) {
    let_the_kernel_settle();
    const Counters before = read_isolation_counters();
    const uint64_t free_before = read_free_pages();
    const uint64_t start_time = now_nanoseconds();
    const uint64_t cpu = finish(start(argv));
    const uint64_t elapsed = now_nanoseconds() - start_time;
    let_the_kernel_settle();
    const uint64_t free_after = read_free_pages();
    const Counters after = read_isolation_counters();
    std::printf("{\"counted\": \"%s\", \"ops\": %" PRIu64 ", \"cpu_ns\": %" PRIu64
                ", \"elapsed_ns\": %" PRIu64 ", \"pages_lost\": %" PRId64 ", \"counters\": %s}\n",
                label.c_str(), operations, cpu, elapsed,
                static_cast<int64_t>(free_before - free_after),
                json_difference(before, after).c_str());
}

}  // namespace asi
