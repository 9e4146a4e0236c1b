// SPDX-License-Identifier: GPL-2.0-only
//
// The only file that knows ncurses and signals.
#ifndef ASICTL_SCREEN_H
#define ASICTL_SCREEN_H

#include <chrono>
#include <memory>
#include <vector>

#include "top_view.h"

namespace asi::ctl {

/// Standard output taken over as a full screen, and given back as it was by the
/// destructor, however the scope is left.  One at a time, in one thread: while
/// it lives, signals that end the program or resize the terminal are blocked
/// and come out of wait().
class Screen {
  public:
    using Clock = std::chrono::steady_clock;

    struct Event {
        enum class Kind {
            kTimeout,
            kKey,
            kRedraw,  ///< the terminal has another size, or was used by others
            kSignal,  ///< the program is to end
            kHangUp,  ///< the terminal is gone
        };
        Kind kind;
        TopKey key = TopKey::kQuit;  ///< with kKey
        int signal = 0;              ///< with kSignal
    };

    /// Throws Failure when TERM names no terminal that has a full screen.
    Screen();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    void draw(const TopView& view);

    [[nodiscard]] Event wait(Clock::time_point deadline);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace asi::ctl

#endif  // ASICTL_SCREEN_H
