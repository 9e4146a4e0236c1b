// SPDX-License-Identifier: GPL-2.0-only
#ifndef ASICTL_FAILURE_H
#define ASICTL_FAILURE_H

#include <stdexcept>
#include <string>

namespace asi::ctl {

/// The process's exit status; scripts rely on the values.
enum class ExitCode : int {
    kSuccess = 0,
    kRuntime = 1,  ///< also: asictl verify found a violation
    kUsage = 2,
    kNoAsi = 3,   ///< the running kernel was built without ASI
    kAsiOff = 4,  ///< built in, but off, and the command needs it on
    // asictl sci run, as env(1) and timeout(1): other values are the command's.
    kRunFailed = 125,      ///< asictl itself failed
    kNotExecutable = 126,  ///< the command is there and cannot be run
    kNotFound = 127,       ///< it is not there
};

/// Ends the command; what() is the one line that goes to stderr.
class Failure : public std::runtime_error {
  public:
    Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

    [[nodiscard]] ExitCode code() const { return code_; }

  private:
    ExitCode code_;
};

}  // namespace asi::ctl

#endif  // ASICTL_FAILURE_H
