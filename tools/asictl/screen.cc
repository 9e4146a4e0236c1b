// SPDX-License-Identifier: GPL-2.0-only
#include "screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>

#include "failure.h"
#include "table.h"

// Last: its macros have names that others use.
#define NCURSES_NOMACROS
#include <curses.h>

namespace asi::ctl {
namespace {

using Kind = Screen::Event::Kind;

constexpr int kEscapeDelayMilliseconds = 25;

bool is_ignored(int signal) {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Blocks what wait() reports.  A signal that whoever started the program had
/// ignored (nohup) stays ignored: signalfd would report it.
class Signals {
  public:
    Signals() {
        sigset_t blocked;
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGWINCH);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
            if (!is_ignored(signal)) sigaddset(&blocked, signal);
        fd_ = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd_ < 0)
            throw Failure(ExitCode::kRuntime,
                          std::string("cannot wait for signals: ") + std::strerror(errno));
        // Only while waiting: the handler of ncurses gives the terminal back and
        // stops the process, and must not do so in the middle of drawing.
        sigaddset(&blocked, SIGTSTP);
        sigprocmask(SIG_BLOCK, &blocked, &before_);
    }
    ~Signals() {
        close(fd_);
        sigprocmask(SIG_SETMASK, &before_, nullptr);
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int fd() const { return fd_; }

    /// For ppoll(): what is blocked there, with SIGTSTP as it was.
    [[nodiscard]] sigset_t mask_while_waiting() const {
        sigset_t mask;
        sigprocmask(SIG_BLOCK, nullptr, &mask);
        if (!sigismember(&before_, SIGTSTP)) sigdelset(&mask, SIGTSTP);
        return mask;
    }

    /// The number of one that has come, or 0.
    [[nodiscard]] int take() const {
        signalfd_siginfo info;
        if (read(fd_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return 0;
        return static_cast<int>(info.ssi_signo);
    }

  private:
    int fd_ = -1;
    sigset_t before_;
};

/// The terminal in the mode of ncurses.
class Terminal {
  public:
    Terminal() : screen_(newterm(nullptr, stdout, stdin)) {
        if (!screen_) fail();
        // Without a way to move the cursor, lines would pile up.
        if (!tigetstr("cup")) {
            give_back();
            fail();
        }
        cbreak();
        noecho();
        nodelay(stdscr, TRUE);
        keypad(stdscr, TRUE);
        set_escdelay(kEscapeDelayMilliseconds);
        curs_set(0);
    }
    ~Terminal() { give_back(); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    static void fit_to_size() {
        winsize size{};
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
        if (size.ws_row == 0 || size.ws_col == 0) return;
        if (size.ws_row == LINES && size.ws_col == COLS) return;
        resizeterm(size.ws_row, size.ws_col);
    }

  private:
    [[noreturn]] static void fail() {
        const char* const name = std::getenv("TERM");
        throw Failure(ExitCode::kRuntime,
                      name && *name ? "the terminal '" + printable(name) +
                                          "' (TERM) has no full screen; pipe the output through cat"
                                    : "TERM is not set; pipe the output through cat");
    }

    void give_back() {
        endwin();
        delscreen(screen_);
    }

    SCREEN* screen_;
};

chtype attributes_of(Line::Style style) {
    switch (style) {
        case Line::Style::kTitle:
            return A_BOLD;
        case Line::Style::kHead:
            return A_UNDERLINE;
        case Line::Style::kSelected:
            return A_REVERSE;
        case Line::Style::kPlain:
            break;
    }
    return A_NORMAL;
}

std::optional<TopKey> key_of(int character) {
    switch (character) {
        case 'q':
            return TopKey::kQuit;
        case KEY_UP:
        case 'k':
            return TopKey::kUp;
        case KEY_DOWN:
        case 'j':
            return TopKey::kDown;
        case 's':
            return TopKey::kSort;
        case 'p':
            return TopKey::kPause;
        default:
            return std::nullopt;
    }
}

timespec time_until(Screen::Clock::time_point deadline) {
    using std::chrono::nanoseconds;
    constexpr long kBillion = 1000000000;
    const auto left = std::max(
        std::chrono::duration_cast<nanoseconds>(deadline - Screen::Clock::now()), nanoseconds(0));
    return {static_cast<time_t>(left.count() / kBillion), left.count() % kBillion};
}

}  // namespace

struct Screen::State {
    // In this order: the terminal is given back before a signal can end the process.
    Signals signals;
    Terminal terminal;
    bool input_ended = false;
    int empty_reads = 0;

    /// A key that is there already.  One that means nothing is passed over.
    std::optional<TopKey> take_key() {
        for (;;) {
            const int character = getch();
            if (character == ERR) return std::nullopt;
            empty_reads = 0;
            input_ended = false;
            if (const auto key = key_of(character)) return key;
        }
    }

    /// Readable, twice in a row, and nothing to read: that is the end.
    void note_empty_read() {
        if (++empty_reads >= 2) input_ended = true;
    }
};

Screen::Screen() : state_(std::make_unique<State>()) {}
Screen::~Screen() = default;

void Screen::draw(const TopView& view) {
    erase();
    const auto lines = view.lines(static_cast<std::size_t>(COLS), static_cast<std::size_t>(LINES));
    int y = 0;
    for (const Line& line : lines) {
        attrset(attributes_of(line.style));
        mvaddnstr(y++, 0, line.text.c_str(), static_cast<int>(line.text.size()));
    }
    attrset(A_NORMAL);
    refresh();
}

Screen::Event Screen::wait(Clock::time_point deadline) {
    const sigset_t mask = state_->signals.mask_while_waiting();
    for (;;) {
        if (const auto key = state_->take_key()) return {Kind::kKey, *key};
        if (state_->input_ended && isatty(STDIN_FILENO)) return {Kind::kHangUp};
        const timespec timeout = time_until(deadline);
        pollfd files[] = {{state_->signals.fd(), POLLIN, 0},
                          {state_->input_ended ? -1 : STDIN_FILENO, POLLIN, 0},
                          {STDOUT_FILENO, 0, 0}};
        const int ready = ppoll(files, std::size(files), &timeout, &mask);
        if (ready == 0) return {Kind::kTimeout};
        if (ready < 0) {
            // Stopped and continued: the shell may have used the screen.
            Terminal::fit_to_size();
            clearok(curscr, TRUE);
            return {Kind::kRedraw};
        }
        if (files[0].revents != 0) {
            const int signal = state_->signals.take();
            if (signal == SIGWINCH) {
                Terminal::fit_to_size();
                return {Kind::kRedraw};
            }
            if (signal != 0) return {Kind::kSignal, TopKey::kQuit, signal};
        }
        if ((files[2].revents & (POLLERR | POLLHUP)) != 0) return {Kind::kHangUp};
        if (files[1].revents != 0) state_->note_empty_read();
    }
}

}  // namespace asi::ctl
