// SPDX-License-Identifier: GPL-2.0-only
#include "error.h"

#include <cstring>

namespace asi {

Error system_error(const std::string& what, int errno_value) {
    return Error(ExitStatus::kGuestFailed, what + ": " + std::strerror(errno_value));
}

}  // namespace asi
