// SPDX-License-Identifier: GPL-2.0-only
#include "error.h"

#include <cerrno>
#include <cstring>

namespace asi {

Error system_error(const std::string& what, int errno_value) {
    return Error(ExitStatus::kGuestFailed, what + ": " + std::strerror(errno_value));
}

int checked(const char* what, int result) {
    if (result < 0) throw system_error(what, errno);
    return result;
}

}  // namespace asi
