// SPDX-License-Identifier: GPL-2.0-only
#ifndef ASICTL_KERNEL_FILES_H
#define ASICTL_KERNEL_FILES_H

#include <optional>
#include <string>
#include <string_view>

#include "model.h"

namespace asi::ctl {

/// The kernel's side of the conversation: finds, reads and writes its files,
/// and turns what can go wrong into a Failure that says what to do about it.
class KernelFiles {
  public:
    KernelFiles(std::string sysfs_root, std::string debugfs_root);

    /// Throws kNoAsi when the kernel has no ASI.
    [[nodiscard]] Status status() const;

    /// Status of a kernel where ASI is on; throws kAsiOff otherwise.
    Status require_on() const;

    /// Whole text of debugfs asi/@name.  Needs root.
    [[nodiscard]] std::string read_debugfs(std::string_view name) const;

    /// One write(2), as the kernel takes one write for one whole command.
    /// Returns 0, or the errno that write(2) gave: what it means depends on
    /// the file.  Throws when the file cannot be opened.
    [[nodiscard]] int write_debugfs(std::string_view name, std::string_view text) const;

    /// The failure for the errno of a write_debugfs() that nobody explained.
    [[noreturn]] void fail_write(std::string_view name, int error) const;

    /// The running kernel's, in hexadecimal digits; absent when it does not say.
    [[nodiscard]] Text build_id() const;

    /// Absent where the kernel has no ASI; throws when it has and does not tell.
    [[nodiscard]] std::optional<Status> find_status() const;

    /// Whole text of @name in the sysfs folder of isolation; absent where there is none.
    /// Throws kRuntime when it cannot be read.
    [[nodiscard]] Text find_state(std::string_view name) const;
    [[nodiscard]] std::string state_path(std::string_view name) const;

    /// First line of a file below the sysfs root; absent when it cannot be read.
    [[nodiscard]] Text find_sysfs(std::string_view path) const;

    /// Name and first line of each file of cpu/vulnerabilities, by name.  Throws kRuntime when
    /// there are none.
    [[nodiscard]] Pairs vulnerabilities() const;

    /// As read_debugfs(), but absent when it cannot be read.
    [[nodiscard]] Text find_debugfs(std::string_view name) const;

    [[nodiscard]] bool has_debugfs(std::string_view name) const;
    [[nodiscard]] std::string debugfs_path(std::string_view name) const;

  private:
    [[noreturn]] void fail_debugfs(std::string_view verb, std::string_view name, int error) const;

    std::string sysfs_root_;
    std::string sysfs_kernel_;
    std::string sysfs_asi_;
    std::string debugfs_root_;
};

/// Whole text of a file that is not the kernel's.  Throws kRuntime.
[[nodiscard]] std::string read_user_file(const std::string& path);

/// In place of what was there.  Throws kRuntime.
void write_user_file(const std::string& path, std::string_view text);

}  // namespace asi::ctl

#endif  // ASICTL_KERNEL_FILES_H
