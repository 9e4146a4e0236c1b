// SPDX-License-Identifier: GPL-2.0-only
//
// asictl kvm top as a process: under a terminal of its own, and with a pipe.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "command_fixture.h"

namespace asi::ctl {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = 60s;  ///< with sanitizers, on a busy machine

// What TERM=xterm does to a terminal, and undoes.
constexpr const char* kFullScreen = "\x1b[?1049h";
constexpr const char* kOrdinaryScreen = "\x1b[?1049l";
constexpr const char* kHideCursor = "\x1b[?25l";
constexpr const char* kShowCursor = "\x1b[?25h";

struct Size {
    unsigned short rows, columns;
};

/// A process whose standard streams this test chose.
class Process {
  public:
    /// @set_up runs in the child, before the program.
    template <typename SetUp>
    Process(std::vector<std::string> arguments, SetUp set_up) {
        std::vector<char*> argv{const_cast<char*>("asictl")};
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        pid_ = fork();
        if (pid_ != 0) return;
        // Tests that run in the background, or under nohup, are started with these ignored.
        for (const int ignored : {SIGINT, SIGQUIT, SIGHUP}) signal(ignored, SIG_DFL);
        set_up();
        execv(ASICTL_PROGRAM, argv.data());
        _exit(127);
    }
    ~Process() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// The status of waitpid(), or -1 when it does not end.
    int wait() {
        for (const auto deadline = Clock::now() + kPatience; Clock::now() < deadline;) {
            int status = 0;
            if (waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                return status;
            }
            std::this_thread::sleep_for(5ms);
        }
        return -1;
    }

  private:
    pid_t pid_ = -1;
};

bool is_exit(int status, int code) {
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == code;
}

bool is_death_by(int status, int signal) {
    return status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

/// The program on a terminal, and this test in the place of who sits there.
class Session {
  public:
    Session(const std::vector<std::string>& arguments, Size size, const std::string& term = "xterm",
            const char* input = nullptr)
        : terminal_(open_terminal(size)), before_(mode()), process_(arguments, [&] {
              setsid();
              ioctl(terminal_.slave, TIOCSCTTY, 0);
              dup2(input ? open(input, O_RDONLY) : terminal_.slave, STDIN_FILENO);
              dup2(terminal_.slave, STDOUT_FILENO);
              dup2(terminal_.slave, STDERR_FILENO);
              close(terminal_.slave);
              close(terminal_.master);
              setenv("TERM", term.c_str(), 1);
              unsetenv("LINES");
              unsetenv("COLUMNS");
          }) {}
    ~Session() {
        hang_up();
        close(terminal_.slave);
    }

    /// Reads until @text has come since the last call that found something.
    bool sees(const std::string& text) {
        for (const auto deadline = Clock::now() + kPatience; Clock::now() < deadline;) {
            const auto at = output_.find(text, seen_);
            if (at != std::string::npos) {
                seen_ = at + text.size();
                return true;
            }
            if (!read_some(100)) break;
        }
        return false;
    }

    void type(const std::string& keys) {
        ASSERT_EQ(write(terminal_.master, keys.data(), keys.size()),
                  static_cast<ssize_t>(keys.size()));
    }

    void resize(Size size) {
        const winsize window{size.rows, size.columns, 0, 0};
        ASSERT_EQ(ioctl(terminal_.master, TIOCSWINSZ, &window), 0);
    }

    void send(int signal) { ASSERT_EQ(kill(process_.pid(), signal), 0); }

    void hang_up() {
        if (terminal_.master >= 0) close(terminal_.master);
        terminal_.master = -1;
    }

    /// The status of waitpid(); everything the program wrote is read by then.
    int wait() {
        const int status = process_.wait();
        while (terminal_.master >= 0 && read_some(0)) {
        }
        return status;
    }

    [[nodiscard]] const std::string& output() const { return output_; }

    /// The terminal as it was before the program, as far as others can tell.
    void expect_given_back() const {
        const termios now = mode();
        EXPECT_EQ(now.c_lflag, before_.c_lflag);
        EXPECT_EQ(now.c_iflag, before_.c_iflag);
        EXPECT_EQ(now.c_oflag, before_.c_oflag);
        EXPECT_EQ(now.c_cflag, before_.c_cflag);
        EXPECT_EQ(memcmp(now.c_cc, before_.c_cc, sizeof(now.c_cc)), 0);
        const auto left = output_.rfind(kOrdinaryScreen);
        ASSERT_NE(left, std::string::npos);
        EXPECT_EQ(output_.find(kFullScreen, left), std::string::npos);
        EXPECT_GT(output_.rfind(kShowCursor) + 1, output_.rfind(kHideCursor) + 1);
    }

  private:
    struct Terminal {
        int master = -1, slave = -1;
    };

    static Terminal open_terminal(Size size) {
        Terminal terminal;
        const winsize window{size.rows, size.columns, 0, 0};
        if (openpty(&terminal.master, &terminal.slave, nullptr, nullptr, &window) != 0)
            throw std::runtime_error("no pseudo-terminal");
        fcntl(terminal.master, F_SETFD, FD_CLOEXEC);
        return terminal;
    }

    [[nodiscard]] termios mode() const {
        termios mode{};
        tcgetattr(terminal_.slave, &mode);
        return mode;
    }

    /// False at the end, or when nothing comes in time and none was to come.
    bool read_some(int milliseconds) {
        pollfd file{terminal_.master, POLLIN, 0};
        const int ready = poll(&file, 1, milliseconds);
        if (ready == 0) return milliseconds != 0;
        char chunk[4096];
        const ssize_t got = read(terminal_.master, chunk, sizeof(chunk));
        if (got <= 0) return false;
        output_.append(chunk, static_cast<std::size_t>(got));
        return true;
    }

    Terminal terminal_;
    termios before_;
    Process process_;
    std::string output_;
    std::size_t seen_ = 0;
};

class TerminalTest : public CommandTest {
  protected:
    void SetUp() override {
        CommandTest::SetUp();
        show_sample("first");
    }

    /// At once, as a file of the kernel: no reader sees half of it.
    void show_sample(const std::string& name) {
        fs::copy_file(directory_ / "samples" / name, directory_ / "next");
        fs::rename(directory_ / "next", asi_file("kvm"));
    }

    std::vector<std::string> top(std::vector<std::string> options) {
        options.insert(options.begin(), {"kvm", "top"});
        options.push_back("--sysfs-root=" + (directory_ / "on/sysfs").string());
        options.push_back("--debugfs-root=" + (directory_ / "on/debugfs").string());
        return options;
    }
};

TEST_F(TerminalTest, it_draws_and_q_gives_the_terminal_back) {
    Session session(top({}), {24, 80});
    EXPECT_TRUE(session.sees(kFullScreen));
    EXPECT_TRUE(session.sees("kvm top: 3 VMs, by exits"));
    EXPECT_TRUE(session.sees("AVOID/S"));
    EXPECT_TRUE(session.sees("minivm"));
    EXPECT_TRUE(session.sees("q quit"));
    session.type("q");
    EXPECT_TRUE(is_exit(session.wait(), 0));
    session.expect_given_back();
}

TEST_F(TerminalTest, it_follows_vms_that_come_and_go) {
    Session session(top({"--interval=0.2"}), {24, 80});
    ASSERT_TRUE(session.sees("q quit"));
    show_sample("second");
    EXPECT_TRUE(session.sees("2 new, 2 ended")) << session.output();
    EXPECT_TRUE(session.sees("reused"));
    show_sample("first");
    EXPECT_TRUE(session.sees("CPU 0/KVM"));
    session.type("q");
    EXPECT_TRUE(is_exit(session.wait(), 0));
}

TEST_F(TerminalTest, keys_select_sort_and_pause) {
    Session session(top({"--interval=3600"}), {24, 80});
    ASSERT_TRUE(session.sees("VM 3 (minivm)"));
    session.type("s");
    EXPECT_TRUE(session.sees("left")) << session.output();
    session.type("p");
    EXPECT_TRUE(session.sees("paused"));
    // Down, as xterm sends it in the mode of full screens.  Of the rows only those
    // whose selection changes are written again.
    session.type("\x1bOBj");
    EXPECT_TRUE(session.sees("CPU 0/KVM")) << session.output();
    session.type("\x1bOA?\t");  // up, and keys that mean nothing
    EXPECT_TRUE(session.sees("minivm")) << session.output();
    session.type("q");
    EXPECT_TRUE(is_exit(session.wait(), 0));
    session.expect_given_back();
}

TEST_F(TerminalTest, signals_give_the_terminal_back_and_end_it_as_signals_do) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        Session session(top({}), {24, 80});
        ASSERT_TRUE(session.sees("q quit"));
        session.send(signal);
        EXPECT_TRUE(is_death_by(session.wait(), signal)) << signal;
        session.expect_given_back();
    }
}

TEST_F(TerminalTest, the_interrupt_key_gives_the_terminal_back) {
    Session session(top({}), {24, 80});
    ASSERT_TRUE(session.sees("q quit"));
    session.type("\x03");
    EXPECT_TRUE(is_death_by(session.wait(), SIGINT));
    session.expect_given_back();
}

TEST_F(TerminalTest, it_follows_the_size_of_the_terminal) {
    Session session(top({"--interval=3600"}), {1, 1});
    ASSERT_TRUE(session.sees(kFullScreen));
    session.resize({24, 80});
    EXPECT_TRUE(session.sees("AVOID/S")) << session.output();
    EXPECT_TRUE(session.sees("q quit"));
    for (const Size size : {Size{2, 3}, Size{1, 200}, Size{60, 1}, Size{7, 20}}) {
        session.resize(size);
        std::this_thread::sleep_for(20ms);
    }
    session.resize({30, 100});
    EXPECT_TRUE(session.sees("AVOID/S")) << session.output();
    EXPECT_TRUE(session.sees("q quit"));
    session.type("q");
    EXPECT_TRUE(is_exit(session.wait(), 0));
    session.expect_given_back();
}

TEST_F(TerminalTest, it_ends_after_the_iterations_asked_for) {
    Session session(top({"--interval=0.1", "--iterations=2"}), {24, 80});
    EXPECT_TRUE(is_exit(session.wait(), 0));
    EXPECT_TRUE(session.sees("by exits, measuring"));
    session.expect_given_back();
}

TEST_F(TerminalTest, an_error_is_said_on_the_ordinary_screen) {
    Session session(top({"--interval=0.1"}), {24, 80});
    ASSERT_TRUE(session.sees("q quit"));
    fs::remove(asi_file("kvm"));
    EXPECT_TRUE(is_exit(session.wait(), 1));
    session.expect_given_back();
    EXPECT_TRUE(session.sees(kOrdinaryScreen));
    EXPECT_TRUE(session.sees("asictl: cannot read ")) << session.output();
}

TEST_F(TerminalTest, a_terminal_without_a_full_screen_is_named) {
    for (const char* term : {"no-such-terminal", "dumb", ""}) {
        Session session(top({}), {24, 80}, term);
        EXPECT_TRUE(is_exit(session.wait(), 1)) << term;
        EXPECT_TRUE(session.sees("asictl: ")) << session.output();
        EXPECT_TRUE(session.sees("TERM")) << session.output();
        EXPECT_EQ(session.output().find(kFullScreen), std::string::npos);
    }
}

TEST_F(TerminalTest, without_input_it_goes_on) {
    Session session(top({"--interval=0.2", "--iterations=3"}), {24, 80}, "xterm", "/dev/null");
    EXPECT_TRUE(is_exit(session.wait(), 0));
    session.expect_given_back();
}

TEST_F(TerminalTest, a_terminal_that_goes_away_ends_it) {
    Session session(top({"--interval=3600"}), {24, 80});
    ASSERT_TRUE(session.sees("q quit"));
    session.hang_up();
    const int status = session.wait();
    EXPECT_TRUE(is_exit(status, 0) || is_death_by(status, SIGHUP)) << status;
}

TEST_F(TerminalTest, json_on_a_terminal_is_no_full_screen) {
    Session session(top({"--interval=0.1", "--json"}), {24, 80});
    EXPECT_TRUE(is_exit(session.wait(), 0));
    EXPECT_EQ(session.output().find('\x1b'), std::string::npos);
    EXPECT_TRUE(Json::accept(session.output())) << session.output();
}

class PipeTest : public TerminalTest {
  protected:
    void SetUp() override {
        TerminalTest::SetUp();
        ASSERT_EQ(pipe2(pipe_, O_CLOEXEC), 0);
    }
    void TearDown() override {
        close(pipe_[0]);
        TerminalTest::TearDown();
    }

    std::unique_ptr<Process> start(const std::vector<std::string>& options) {
        auto process =
            std::make_unique<Process>(top(options), [&] { dup2(pipe_[1], STDOUT_FILENO); });
        close(pipe_[1]);
        return process;
    }

    int pipe_[2] = {-1, -1};
};

TEST_F(PipeTest, a_reader_gets_each_block_when_it_is_due) {
    const auto process = start({"--interval=0.1", "--iterations=1000000"});
    char chunk[4096];
    for (int i = 0; i < 3; ++i) {
        const ssize_t got = read(pipe_[0], chunk, sizeof(chunk));
        ASSERT_GT(got, 0);
        const std::string text(chunk, static_cast<std::size_t>(got));
        EXPECT_NE(text.find(" s: 3 VMs\n"), std::string::npos) << text;
    }
    close(pipe_[0]);
    EXPECT_TRUE(is_death_by(process->wait(), SIGPIPE));
}

TEST_F(PipeTest, it_ends_with_its_reader_and_not_an_interval_later) {
    const auto process = start({"--interval=3600"});
    std::this_thread::sleep_for(50ms);
    close(pipe_[0]);
    EXPECT_TRUE(is_death_by(process->wait(), SIGPIPE));
}

}  // namespace
}  // namespace asi::ctl
