// SPDX-License-Identifier: GPL-2.0-only
//
// What asictl sci run does to its own process.
#ifndef ASICTL_PROCESS_H
#define ASICTL_PROCESS_H

#include <asi/sci_abi.h>

#include <string>
#include <vector>

namespace asi::ctl {

/// Each call returns 0 or an errno.
class Process {
  public:
    virtual ~Process() = default;
    /// prctl(PR_SYSCALL_ISOLATION, @operation, @config)
    virtual int isolate(unsigned long operation, sci_config& config) = 0;
    virtual int set_no_new_privs() = 0;
    virtual bool is_root() = 0;
    /// Becomes @command, looked for in PATH; returns only when it failed.
    virtual int execute(const std::vector<std::string>& command) = 0;
};

/// The one that calls this.
[[nodiscard]] Process& this_process();

}  // namespace asi::ctl

#endif  // ASICTL_PROCESS_H
