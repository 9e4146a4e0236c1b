// SPDX-License-Identifier: GPL-2.0-only
//
// A step does some system calls and says what came of them: the same words
// whether it is isolated or not.
#ifndef SELFTESTS_SCI_STEP_H
#define SELFTESTS_SCI_STEP_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <utility>

struct Step {
    const char* name;
    void (*run)();
};

/// By subject: calls_*.cc
std::span<const Step> process_steps();
std::span<const Step> signal_steps();
std::span<const Step> trace_steps();
std::span<const Step> memory_steps();
std::span<const Step> file_steps();
std::span<const Step> wait_steps();
std::span<const Step> api_steps();

template <typename... Arguments>
void say(const char* format, Arguments... arguments) {
    if constexpr (sizeof...(arguments) == 0)
        std::fputs(format, stdout);
    else
        std::printf(format, arguments...);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

/// Ends the step when something is not as it has to be.
inline void need(bool is_right, const char* what) {
    if (is_right) return;
    const int error = errno;
    say("wrong: %s (errno %d, %s)", what, error, std::strerror(error));
    std::_Exit(1);
}

/// What a call returned: the value, or the error's name.
inline std::string outcome(long result) {
    if (result != -1) return std::to_string(result);
    const char* name = ::strerrorname_np(errno);
    return name != nullptr ? name : "error " + std::to_string(errno);
}

class Fd {
  public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(); }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    operator int() const { return fd_; }

  private:
    int fd_;
};

struct Pipe {
    Fd out, in;
    explicit Pipe(int flags = 0) {
        int ends[2];
        need(::pipe2(ends, flags) == 0, "pipe");
        out = Fd(ends[0]);
        in = Fd(ends[1]);
    }
};

/// A child that runs @body and exits with what it returns.
inline pid_t child(const std::function<int()>& body) {
    std::fflush(stdout);
    const pid_t pid = ::fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        const int status = body();
        std::fflush(stdout);
        std::_Exit(status);
    }
    return pid;
}

/// How it ended: 0..255, or 1000 and the signal.
inline int ended(pid_t pid) {
    int status = 0;
    pid_t got;
    do {
        got = ::waitpid(pid, &status, 0);
    } while (got < 0 && errno == EINTR);
    need(got == pid, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void pause_ms(unsigned ms);
double seconds_now();
unsigned processors();
/// The running thread to that one of the processors it may use.
bool move_to(unsigned index);

#endif
