// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace asi {

/// Where a child's standard output and error go.
struct ChildOutput {
    int fd = -1;  ///< -1: /dev/null
    /// True: in a network of its own, where a port it listens on is out of reach.
    bool is_isolated = false;
};

/// A process that never outlives this object, nor this program.
class Child {
  public:
    /// Starts @p arguments, looked up in PATH, with empty standard input and
    /// @p inherited descriptors left open. Throws RunError.
    Child(const std::vector<std::string>& arguments, const std::vector<int>& inherited,
          ChildOutput output);
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Becomes readable when the process ends.
    [[nodiscard]] int ended_fd() const { return pidfd_; }
    /// Waits up to @p milliseconds. Returns false when the process still runs.
    [[nodiscard]] bool wait(int milliseconds);
    /// Kills the process if it still runs.
    void end();
    /// In words, after wait() or end(): "exit status 1", "signal 9".
    [[nodiscard]] std::string ending() const;
    /// 0..255, or 128 + signal. Only once it has ended.
    [[nodiscard]] int status() const;

  private:
    pid_t process_ = -1;
    int pidfd_ = -1;
    bool has_ended_ = false;
    int wait_status_ = 0;
};

/// The path PATH gives for a program's name; empty if there is none.
[[nodiscard]] std::string find_program(const std::string& name);

/// Runs a helper program to its end, and returns what it wrote to standard
/// output. Throws RunError, with its standard error, when it fails.
[[nodiscard]] std::string run_helper(const std::vector<std::string>& arguments);

/// Throws RunError naming the Debian package that provides @p path or program.
void require_program(const std::string& name, const std::string& package);
void require_file(const std::string& path, const std::string& package);

}  // namespace asi
