// SPDX-License-Identifier: GPL-2.0-only
#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "text.h"

namespace asi {

namespace {

[[noreturn]] void become(const std::vector<std::string>& arguments,
                         const std::vector<int>& inherited, ChildOutput output, pid_t parent) {
    // Its own session: a terminal's Ctrl-C reaches only this program, which then cleans up.
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    if (output.is_isolated && unshare(CLONE_NEWNET) != 0)
        (void)!unshare(CLONE_NEWUSER | CLONE_NEWNET);
    const int null = open("/dev/null", O_RDWR);
    const int out = output.fd >= 0 ? output.fd : null;
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    for (const int fd : inherited) fcntl(fd, F_SETFD, 0);
    std::vector<char*> pointers;
    for (const std::string& argument : arguments)
        pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    execvp(pointers[0], pointers.data());
    dprintf(STDERR_FILENO, "%s: %s\n", pointers[0], std::strerror(errno));
    _exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::vector<int>& inherited,
             ChildOutput output) {
    const pid_t parent = getpid();
    process_ = fork();
    if (process_ < 0) throw system_error("fork", errno);
    if (process_ == 0) become(arguments, inherited, output, parent);
    pidfd_ = syscall(SYS_pidfd_open, process_, 0);
    if (pidfd_ < 0) {
        const int error_number = errno;
        end();
        throw system_error("pidfd_open", error_number);
    }
    fcntl(pidfd_, F_SETFD, FD_CLOEXEC);
}

Child::~Child() {
    end();
    if (pidfd_ >= 0) close(pidfd_);
}

bool Child::wait(int milliseconds) {
    if (has_ended_) return true;
    pollfd ended{pidfd_, POLLIN, 0};
    while (poll(&ended, 1, milliseconds) < 0 && errno == EINTR) {
    }
    has_ended_ = waitpid(process_, &wait_status_, WNOHANG) == process_;
    return has_ended_;
}

void Child::end() {
    if (has_ended_) return;
    kill(process_, SIGKILL);
    while (waitpid(process_, &wait_status_, 0) < 0 && errno == EINTR) {
    }
    has_ended_ = true;
}

std::string Child::ending() const {
    return WIFSIGNALED(wait_status_) ? "signal " + std::to_string(WTERMSIG(wait_status_))
                                     : "exit status " + std::to_string(WEXITSTATUS(wait_status_));
}

int Child::status() const {
    return WIFSIGNALED(wait_status_) ? 128 + WTERMSIG(wait_status_) : WEXITSTATUS(wait_status_);
}

std::string find_program(const std::string& name) {
    if (name.find('/') != std::string::npos)
        return access(name.c_str(), X_OK) == 0 ? name : std::string();
    const char* path = getenv("PATH");
    for (const std::string& directory : split(path ? path : "/usr/bin:/bin", ':')) {
        const std::string candidate = directory + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate))
            return candidate;
    }
    return "";
}

std::string run_helper(const std::vector<std::string>& arguments) {
    const int out = memfd_create("helper output", MFD_CLOEXEC);
    if (out < 0) throw system_error("memfd_create", errno);
    Child child(arguments, {}, {.fd = out});
    (void)child.wait(-1);
    std::string text;
    char buffer[65536];
    ssize_t got;
    lseek(out, 0, SEEK_SET);
    while ((got = read(out, buffer, sizeof(buffer))) > 0) text.append(buffer, got);
    close(out);
    if (child.status() != 0)
        throw RunError(arguments[0] + ": " + child.ending() + ": " + text.substr(0, 2000));
    return text;
}

void require_program(const std::string& name, const std::string& package) {
    if (find_program(name).empty())
        throw RunError("there is no " + name + ": install the package " + package);
}

void require_file(const std::string& path, const std::string& package) {
    if (access(path.c_str(), R_OK) != 0)
        throw RunError("there is no " + path + ": install the package " + package);
}

}  // namespace asi
