// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frame.h"

namespace asi {

/// The guest's end of the channel to the host.
class Channel {
  public:
    /// Opens @p device, or waits for the virtio port named kPortName when it
    /// is empty. Throws RunError.
    explicit Channel(const std::string& device);

    /// Blocks until the driver has taken every byte. Throws RunError.
    void send(FrameType type, std::string_view payload);
    /// Returns when the host has the last frame, or after some seconds.
    void finish();

  private:
    int fd_;
    bool is_serial_;
};

/// Runs a command in the current directory and environment, sends what it
/// writes, reaps every orphan, and returns its status as a shell reports it.
/// Nothing but the caller is left running. Throws RunError.
[[nodiscard]] int run_command(const std::vector<std::string>& command, Channel& channel);

/// Sends every regular file below @p directory.
void send_files(const std::string& directory, Channel& channel);

}  // namespace asi
