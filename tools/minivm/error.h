// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdexcept>
#include <string>

namespace asi {

/// What the process returns to its caller.
enum class ExitStatus : int {
    kOk = 0,
    kGuestFailed = 1,  ///< triple fault, entry failure or a failing KVM call
    kUsage = 2,        ///< bad input; nothing was started
    kEndedEarly = 3,   ///< the guest ended in order, but before the awaited string
    kNoKvm = 4,        ///< no usable /dev/kvm; test harnesses read this as "skip"
    kTimeout = 124,
};

/// The only exception type thrown on purpose: one line for the user and the status to end with.
class Error : public std::runtime_error {
  public:
    Error(ExitStatus status, const std::string& message)
        : std::runtime_error(message), status_(status) {}

    ExitStatus status() const { return status_; }

  private:
    ExitStatus status_;
};

/// Bad input, found before anything was started.
inline Error usage_error(const std::string& message) {
    return Error(ExitStatus::kUsage, message);
}

/// A failed system call: `what`, then the text of `errno_value`.
Error system_error(const std::string& what, int errno_value);

/// `result` of a system call; throws with the text of errno when it is negative.
int checked(const char* what, int result);

}  // namespace asi
