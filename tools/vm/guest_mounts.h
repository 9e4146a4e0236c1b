// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "job.h"

namespace asi {

/// /proc, /sys and /dev: what is needed to reach the host. Throws RunError.
void mount_kernel_interfaces();

/// Makes a directory and its parents; an existing one, or a read-only parent
/// of one, is no error.
void make_directories(const std::string& path);

/// Binds that survive being hidden: the constructor opens every source, so it
/// must run before tmpfs covers /tmp; apply() mounts them once it has.
class HeldBinds {
  public:
    explicit HeldBinds(const std::vector<std::pair<std::string, std::string>>& binds);
    ~HeldBinds();
    HeldBinds(const HeldBinds&) = delete;
    HeldBinds& operator=(const HeldBinds&) = delete;

    /// Throws RunError naming the target.
    void apply() const;

  private:
    struct Held {
        int fd;
        bool is_directory;
        std::string target;
    };
    std::vector<Held> held_;
};

/// Everything else: empty writable places, cgroup2, debugfs, tracefs. What the
/// kernel does not offer is left out.
void mount_writable_places_and_debug_interfaces();

/// The host's result directory, at the same path. Throws RunError.
void mount_out_directory(const std::string& path);

}  // namespace asi
