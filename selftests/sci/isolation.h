// SPDX-License-Identifier: GPL-2.0-only
//
// System-call isolation as a process asks for it.
#ifndef SELFTESTS_SCI_ISOLATION_H
#define SELFTESTS_SCI_ISOLATION_H

#include <sys/prctl.h>

#include <cstring>
#include <string_view>

extern "C" {
#include <asi/sci_abi.h>
}

/// All calls; @profile is cut off where the field ends, without a NUL then.
inline sci_config all_calls(unsigned mode, std::string_view profile = "default") {
    sci_config config{};
    config.size = sizeof(config);
    config.mode = mode;
    profile.copy(config.profile, sizeof(config.profile));
    std::memset(config.syscalls, 0xff, sizeof(config.syscalls));
    return config;
}

inline int sci(unsigned long operation, const void* argument = nullptr) {
    return ::prctl(PR_SYSCALL_ISOLATION, operation, argument, 0, 0);
}

inline sci_config current_isolation() {
    sci_config config{};
    config.size = sizeof(config);
    if (sci(PR_SCI_GET, &config) != 0) config.mode = ~0U;
    return config;
}

#endif
