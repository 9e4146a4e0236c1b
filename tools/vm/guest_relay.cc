// SPDX-License-Identifier: GPL-2.0-only
#include "guest_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include "job.h"
#include "text.h"

namespace asi {

namespace {

constexpr std::chrono::milliseconds kPortWait{10000};
constexpr std::chrono::milliseconds kPortPoll{5};
constexpr int kAcknowledgeMs = 5000;

// Without a device manager there is no /dev/virtio-ports.
std::string find_virtio_port() {
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator("/sys/class/virtio-ports", error)) {
        try {
            if (read_file(entry.path() / "name") == std::string(kPortName) + "\n")
                return "/dev/" + entry.path().filename().string();
        } catch (const RunError&) {
            // The name appears after the port.
        }
    }
    return "";
}

std::string wait_for_virtio_port() {
    for (auto waited = 0 * kPortPoll; waited < kPortWait; waited += kPortPoll) {
        const std::string device = find_virtio_port();
        if (!device.empty() && access(device.c_str(), F_OK) == 0) return device;
        std::this_thread::sleep_for(kPortPoll);
    }
    throw RunError(std::string("no virtio port ") + kPortName + ": is CONFIG_VIRTIO_CONSOLE=y?");
}

struct Pipe {
    int read_end;
    int write_end;

    Pipe() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) throw system_error("pipe", errno);
        read_end = ends[0];
        write_end = ends[1];
        fcntl(read_end, F_SETFL, O_NONBLOCK);
    }
};

/// Sends what the pipe holds now. Returns false at its end.
bool relay(int pipe_end, FrameType type, Channel& channel) {
    char buffer[kMaxFramePayload];
    for (;;) {
        const ssize_t got = read(pipe_end, buffer, sizeof(buffer));
        if (got > 0) {
            channel.send(type, std::string_view(buffer, got));
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else {
            return got < 0 && errno == EAGAIN;
        }
    }
}

[[noreturn]] void become(const std::vector<std::string>& command, int out, int err) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setsid();
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (null > STDERR_FILENO) close(null);
    std::vector<char*> arguments;
    for (const std::string& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    const int error_number = errno;
    dprintf(STDERR_FILENO, "run: %s: %s\n", arguments[0], std::strerror(error_number));
    _exit(error_number == ENOENT ? 127 : 126);
}

int shell_status(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// Reaps whatever has ended. Returns true once @p main_process has, with its status.
bool reap(pid_t main_process, int& status) {
    bool main_ended = false;
    int wait_status;
    pid_t process;
    while ((process = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        if (process != main_process) continue;
        status = shell_status(wait_status);
        main_ended = true;
    }
    return main_ended;
}

}  // namespace

Channel::Channel(const std::string& device) : is_serial_(!device.empty()) {
    const std::string path = is_serial_ ? device : wait_for_virtio_port();
    fd_ = open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd_ < 0) throw system_error(path, errno);
    if (!is_serial_) return;
    termios settings;
    if (tcgetattr(fd_, &settings) != 0) throw system_error(path, errno);
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL;
    cfsetspeed(&settings, B115200);
    if (tcsetattr(fd_, TCSANOW, &settings) != 0) throw system_error(path, errno);
}

void Channel::send(FrameType type, std::string_view payload) {
    const auto header = frame_header(type, payload.size());
    std::string bytes(header.data(), header.size());
    bytes.append(payload);
    for (size_t sent = 0; sent < bytes.size();) {
        const ssize_t put = write(fd_, bytes.data() + sent, bytes.size() - sent);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) throw system_error("channel to the host", errno);
        sent += put;
    }
}

void Channel::finish() {
    if (is_serial_) {
        tcdrain(fd_);
        return;
    }
    // A virtio write returns when queued; powering off at once could lose it.
    // The host acknowledges the last frame with one byte.
    pollfd answer{fd_, POLLIN, 0};
    poll(&answer, 1, kAcknowledgeMs);
}

int run_command(const std::vector<std::string>& command, Channel& channel) {
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_signal, nullptr);
    const int signals = signalfd(-1, &child_signal, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals < 0) throw system_error("signalfd", errno);

    const Pipe out, err;
    const pid_t process = fork();
    if (process < 0) throw system_error("fork", errno);
    if (process == 0) become(command, out.write_end, err.write_end);
    close(out.write_end);
    close(err.write_end);

    int status = 0;
    pollfd sources[] = {{signals, POLLIN, 0}, {out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}};
    for (;;) {
        if (poll(sources, 3, -1) < 0 && errno != EINTR) throw system_error("poll", errno);
        if (sources[1].revents && !relay(out.read_end, FrameType::kStdout, channel))
            sources[1].fd = -1;
        if (sources[2].revents && !relay(err.read_end, FrameType::kStderr, channel))
            sources[2].fd = -1;
        if (sources[0].revents) {
            signalfd_siginfo ignored;
            (void)!read(signals, &ignored, sizeof(ignored));
            if (reap(process, status)) break;
        }
    }
    // A background process must not hold the pipes open, or write after the status.
    kill(-1, SIGKILL);
    if (sources[1].fd >= 0) relay(out.read_end, FrameType::kStdout, channel);
    if (sources[2].fd >= 0) relay(err.read_end, FrameType::kStderr, channel);
    return status;
}

void send_files(const std::string& directory, Channel& channel) {
    namespace fs = std::filesystem;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        if (!entry.is_regular_file()) continue;
        channel.send(FrameType::kFileName, fs::relative(entry.path(), directory).string());
        const std::string contents = read_file(entry.path());
        for (size_t at = 0; at < contents.size(); at += kMaxFramePayload)
            channel.send(FrameType::kFileData,
                         std::string_view(contents).substr(at, kMaxFramePayload));
    }
}

}  // namespace asi
