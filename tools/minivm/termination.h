// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <chrono>

#include <signal.h>

namespace asi {

/// Keeps SIGTERM and SIGINT for the thread that asks for them. Threads made after it inherit
/// that.
class Termination {
  public:
    Termination();

    /// Waits for one of them at most that long. True: it came.
    [[nodiscard]] bool came_within(std::chrono::nanoseconds time) const;

    void wait() const;

  private:
    sigset_t signals_;
};

}  // namespace asi
