// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace asi {

/// A moment on the host's monotonic clock, or never.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

/// Milliseconds left, at least 0; -1 for never, as poll() has it.
[[nodiscard]] int milliseconds_until(const Deadline& deadline);

enum class Written { kAll, kReaderGone, kTooLate, kInterrupted };

/// Writes everything to @p fd, however slow its reader, unless the deadline
/// passes or @p interrupt_fd becomes readable first.
[[nodiscard]] Written write_output(int fd, std::string_view bytes, const Deadline& deadline,
                                   int interrupt_fd);

}  // namespace asi
