// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>

#include "error.h"

namespace asi {

struct CrowdOptions {
    unsigned guests = 64;
    double seconds = 10;  ///< from the moment when all of them run
    uint64_t seed = 1;
};
constexpr unsigned kMaxGuests = 256;

/// Runs so many machines at once, each in a process of its own. They end by themselves or are
/// killed at random moments, and others take their places. The guests check all that they see.
ExitStatus run_crowd(const CrowdOptions& options);

}  // namespace asi
