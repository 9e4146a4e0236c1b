// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>

#include "error.h"
#include "memory.h"

namespace asi {

struct ExitsOptions {
    std::string operation;
    uint64_t count = 10000;
    unsigned smp = 1;
    uint64_t timer_ticks = 1;
    double timeout = 120;
    bool json = false;
    bool statistics = false;  ///< KVM's own of isolation, of the first vCPU
};

/// Guest memory bounds how many pages "npf" and "outs" can touch once.
constexpr uint64_t kMaxNpfPages = 200000;

/// Measures what one exit costs: the time for count + base operations minus the time for base.
ExitStatus run_exits(const ExitsOptions& options);

struct LoopOptions {
    std::string operation = "cpuid";
    double seconds = 1;
    unsigned smp = 1;
    uint64_t timer_ticks = 1;
    unsigned slots = 1;  ///< memory slots
    Backing backing = Backing::kOnDemand;
    double replace = 0;  ///< seconds between two changes of the guest's pages; 0: none
};

/// Repeats one operation on every vCPU for a time, or until SIGTERM or SIGINT, and prints how many
/// were done.
ExitStatus run_loop(const LoopOptions& options);

}  // namespace asi
