// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asi {

/// The variable, given on the kernel command line and so in init's
/// environment, that holds the path of the job file.
inline constexpr char kJobVariable[] = "vm_job";
/// Likewise: the serial device to answer on; unset means the virtio port.
inline constexpr char kChannelVariable[] = "vm_channel";
/// The name of the virtio port, and the 9p tag of the result directory.
inline constexpr char kPortName[] = "asi.vm";
inline constexpr char kOutTag[] = "asi_out";

/// What the guest's init must do, handed over in a file that both sides reach.
struct Job {
    std::vector<std::string> command;
    std::vector<std::string> environment;  ///< NAME=VALUE
    std::string working_directory;
    std::string out_directory;  ///< Empty for none.
    /// False: no 9p, so the result directory's files are sent over the channel.
    bool out_is_mounted = true;
    /// The kernel was told to start one processor; start the others before the command.
    bool start_processors = false;
    /// Host path and guest path, to be bound once the guest's own mounts are up.
    std::vector<std::pair<std::string, std::string>> binds;

    [[nodiscard]] std::string encode() const;
    /// Throws RunError if @p text is not what encode() makes.
    [[nodiscard]] static Job decode(std::string_view text);
};

}  // namespace asi
