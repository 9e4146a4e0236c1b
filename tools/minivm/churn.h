// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>

#include "error.h"

namespace asi {

struct ChurnOptions {
    uint64_t count = 10;
    unsigned smp = 1;
    bool kill = false;
    unsigned kill_window_ms = 50;
    uint64_t seed = 1;
};

/// Creates, runs and destroys `count` machines; with `kill`, lets `count` child processes do so
/// and kills each at a random moment.
ExitStatus run_churn(const ChurnOptions& options);

}  // namespace asi
