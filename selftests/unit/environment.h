// SPDX-License-Identifier: GPL-2.0-only
// How long a test runs may be set from outside.
#ifndef SELFTESTS_UNIT_ENVIRONMENT_H
#define SELFTESTS_UNIT_ENVIRONMENT_H

#include <cstdint>
#include <cstdlib>

namespace sim {

/// The number in the environment variable @name, @otherwise when it is not set.
inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 0) : otherwise;
}

}  // namespace sim

#endif  // SELFTESTS_UNIT_ENVIRONMENT_H
