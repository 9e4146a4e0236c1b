// SPDX-License-Identifier: GPL-2.0-only
#ifndef ASICTL_MAPPED_FILE_H
#define ASICTL_MAPPED_FILE_H

#include <cstdint>
#include <span>
#include <string>

namespace asi::ctl {

/// A user's file, mapped for reading; too big to copy, as a machine's memory is.
class MappedFile {
  public:
    /// Throws Failure.
    explicit MappedFile(const std::string& file);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

  private:
    std::span<const std::uint8_t> bytes_;
};

}  // namespace asi::ctl

#endif  // ASICTL_MAPPED_FILE_H
