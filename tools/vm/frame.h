// SPDX-License-Identifier: GPL-2.0-only
//
// What the guest sends to the host, over a virtio port (QEMU) or a serial
// line (Bochs):
//
//   +---+---+------+---+----------------+=============+
//   | A | F | type | 0 | length, 32 LE  |   payload   |
//   +---+---+------+---+----------------+=============+
//
// One channel keeps the order of output, files and status, so the status is
// always the last word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asi {

enum class FrameType : uint8_t {
    kHello = 'h',     ///< The guest's init is running. No payload.
    kStdout = 'o',    ///< Bytes COMMAND wrote to its standard output.
    kStderr = 'e',    ///< Bytes COMMAND wrote to its standard error.
    kFileName = 'f',  ///< A result file, by path relative to the result directory; truncates it.
    kFileData = 'd',  ///< More bytes of the last named result file.
    kStatus = 's',    ///< COMMAND's status in decimal: 0..255, 128 + signal when killed.
    kFailure = 'x',   ///< COMMAND could not be run at all: why, in one line.
};

inline constexpr size_t kFrameHeaderSize = 8;
inline constexpr size_t kMaxFramePayload = 32768;

/// @p length is at most kMaxFramePayload.
[[nodiscard]] std::array<char, kFrameHeaderSize> frame_header(FrameType type, size_t length);

struct Frame {
    FrameType type;
    std::string payload;
};

/// Cuts a byte stream into frames. Bytes that are no frame (a boot loader's
/// greeting, a torn line) are skipped and counted.
class FrameReader {
  public:
    void append(std::string_view bytes) { pending_.append(bytes); }
    [[nodiscard]] std::optional<Frame> next();
    [[nodiscard]] size_t skipped_bytes() const { return skipped_; }

  private:
    std::string pending_;
    size_t skipped_ = 0;
};

}  // namespace asi
