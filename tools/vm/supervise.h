// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "child.h"
#include "console.h"
#include "output.h"

namespace asi {

/// A started emulator.
struct Machine {
    std::unique_ptr<Child> emulator;
    int console_fd = -1;  ///< Non-blocking; the kernel's console.
    int channel_fd = -1;  ///< Non-blocking; frames from the guest's init.
    /// The guest waits for a byte on the channel once its last frame is sent.
    bool wants_acknowledgement = false;
    /// The emulator starts the guest anew on a reset, instead of ending.
    bool survives_reset = false;
    std::string log_path;  ///< The emulator's own words.
};

/// How a run ended. Exactly one of status, failure and signal is set.
struct Outcome {
    std::optional<int> status;
    std::string failure;
    int signal = 0;
};

/// Passes the guest's output through until it has answered and ended, or
/// cannot answer any more. Files the guest sends go below @p out_directory.
/// @p signal_fd is a signalfd of the signals that interrupt a run.
[[nodiscard]] Outcome supervise(Machine& machine, Console& console, const Deadline& deadline,
                                int signal_fd, const std::string& out_directory, bool is_verbose);

}  // namespace asi
