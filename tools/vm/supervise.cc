// SPDX-License-Identifier: GPL-2.0-only
#include "supervise.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "frame.h"
#include "text.h"

namespace asi {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

// How long the emulator may take to end by itself after a status or a panic.
constexpr seconds kGrace{5};

class Supervision {
  public:
    Supervision(Machine& machine, Console& console, const Deadline& deadline, int signal_fd,
                const std::string& out_directory, bool is_verbose)
        : machine_(machine),
          console_(console),
          deadline_(deadline),
          signal_fd_(signal_fd),
          out_directory_(out_directory),
          is_verbose_(is_verbose) {}

    Outcome run() {
        while (!is_over_) step();
        machine_.emulator->end();
        return outcome();
    }

  private:
    void step() {
        pollfd waits[] = {{signal_fd_, POLLIN, 0},
                          {machine_.console_fd, POLLIN, 0},
                          {machine_.channel_fd, POLLIN, 0},
                          {machine_.emulator->ended_fd(), POLLIN, 0}};
        const int ready = poll(waits, 4, milliseconds_until(nearest_deadline()));
        if (ready < 0 && errno != EINTR) throw system_error("poll", errno);
        if (ready == 0) give_up_waiting();
        if (waits[0].revents) return interrupt();
        if (waits[1].revents) read_console();
        if (waits[2].revents) read_channel();
        if (waits[3].revents && !waits[1].revents && !waits[2].revents) {
            // Whatever it wrote before it ended has been read by now.
            if (machine_.emulator->wait(0)) is_over_ = true;
        }
    }

    Deadline nearest_deadline() const {
        if (!grace_end_) return deadline_;
        return deadline_ ? std::min(*deadline_, *grace_end_) : *grace_end_;
    }

    void give_up_waiting() {
        is_over_ = true;
        if (!status_ && console_.panic().empty() && deadline_ && Clock::now() >= *deadline_)
            fail(has_greeted_ ? "time limit: COMMAND did not end"
                              : "time limit: the guest did not reach its init");
    }

    void interrupt() {
        signalfd_siginfo information{};
        (void)!read(signal_fd_, &information, sizeof(information));
        signal_ = information.ssi_signo;
        is_over_ = true;
    }

    void fail(const std::string& why) {
        if (failure_.empty()) failure_ = why;
    }

    void start_grace() {
        if (!grace_end_) grace_end_ = Clock::now() + kGrace;
    }

    /// Reads what is there; -1 in @p fd from its end on.
    std::string read_some(int& fd) {
        char buffer[65536];
        const ssize_t got = read(fd, buffer, sizeof(buffer));
        if (got > 0) return std::string(buffer, got);
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) fd = -1;
        return "";
    }

    void read_console() {
        console_.append(read_some(machine_.console_fd));
        if (!console_.panic().empty()) start_grace();
        if (console_.panic_is_over()) is_over_ = true;
        if (machine_.survives_reset && console_.boots() > 1) {
            fail("the guest restarted by itself");
            is_over_ = true;
        }
    }

    void read_channel() {
        frames_.append(read_some(machine_.channel_fd));
        while (std::optional<Frame> frame = frames_.next()) take(*frame);
    }

    void take(const Frame& frame) {
        switch (frame.type) {
            case FrameType::kHello:
                has_greeted_ = true;
                if (is_verbose_) report_boot_time();
                break;
            case FrameType::kStdout:
                pass_through(STDOUT_FILENO, frame.payload);
                break;
            case FrameType::kStderr:
                pass_through(STDERR_FILENO, frame.payload);
                break;
            case FrameType::kFileName:
                open_result(frame.payload);
                break;
            case FrameType::kFileData:
                result_ << frame.payload;
                break;
            case FrameType::kStatus:
                result_.close();
                status_ = std::atoi(frame.payload.c_str());
                acknowledge();
                break;
            case FrameType::kFailure:
                fail("the guest could not be set up: " + frame.payload);
                acknowledge();
                break;
        }
    }

    void report_boot_time() const {
        const std::chrono::duration<double> taken = Clock::now() - start_;
        std::fprintf(stderr, "run: the guest's init runs after %.1f s\n", taken.count());
    }

    void acknowledge() {
        if (machine_.wants_acknowledgement) (void)!write(machine_.channel_fd, "k", 1);
        start_grace();
    }

    void pass_through(int fd, const std::string& bytes) {
        if (is_over_) return;
        switch (write_output(fd, bytes, deadline_, signal_fd_)) {
            case Written::kAll:
                return;
            case Written::kInterrupted:
                return interrupt();
            case Written::kTooLate:
                fail("time limit: the reader of the output is too slow");
                break;
            case Written::kReaderGone:
                signal_ = SIGPIPE;
                break;
        }
        is_over_ = true;
    }

    void open_result(const std::string& name) {
        result_.close();
        result_.clear();
        const fs::path path = fs::path(name).lexically_normal();
        // The guest is under test: it must not choose files outside the result folder.
        if (out_directory_.empty() || path.is_absolute() || *path.begin() == "..")
            return fail("the guest sent a file outside --out: " + name);
        fs::create_directories((out_directory_ / path).parent_path());
        result_.open(out_directory_ / path, std::ios::binary | std::ios::trunc);
    }

    Outcome outcome() const {
        if (signal_) return {.status = std::nullopt, .failure = "", .signal = signal_};
        if (!console_.panic().empty()) {
            const std::string when =
                status_ ? " after COMMAND ended with " + std::to_string(*status_) : "";
            return {.status = std::nullopt, .failure = "panic" + when + ": " + console_.panic()};
        }
        if (!failure_.empty()) return {.status = std::nullopt, .failure = failure_};
        if (status_) return {.status = status_, .failure = ""};
        return {.status = std::nullopt, .failure = silent_end()};
    }

    std::string silent_end() const {
        const std::string how = "the emulator ended (" + machine_.emulator->ending() + ")";
        std::string said;
        try {
            said = read_file(machine_.log_path);
        } catch (const RunError&) {
            // It said nothing.
        }
        if (!said.empty() && console_.tail(1).empty()) return how + ": " + said.substr(0, 2000);
        return how + " without an answer: a reset, a triple fault or a power-off in the guest";
    }

    Machine& machine_;
    Console& console_;
    const Deadline deadline_;
    const int signal_fd_;
    const std::string& out_directory_;
    const bool is_verbose_;
    const Clock::time_point start_ = Clock::now();

    FrameReader frames_;
    std::ofstream result_;
    Deadline grace_end_;
    bool is_over_ = false;
    bool has_greeted_ = false;
    std::optional<int> status_;
    std::string failure_;
    int signal_ = 0;
};

}  // namespace

Outcome supervise(Machine& machine, Console& console, const Deadline& deadline, int signal_fd,
                  const std::string& out_directory, bool is_verbose) {
    return Supervision(machine, console, deadline, signal_fd, out_directory, is_verbose).run();
}

}  // namespace asi
