// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>

#include "error.h"
#include "memory.h"

namespace asi {

struct BootOptions {
    std::string kernel;
    std::string initrd;
    std::string append = "console=ttyS0 panic=-1";
    std::string until;
    unsigned smp = 1;
    uint64_t memory_size = 256ull << 20;
    Backing backing = Backing::kOnDemand;
    double timeout = 300;
    bool quiet = false;
    bool guard = false;    ///< offered to the guest
    std::string manifest;  ///< with this table of its kernel's build
};

constexpr uint64_t kMinBootMemory = 32ull << 20;
constexpr uint64_t kMaxBootMemory = 3ull << 30;

/// Boots Linux, with its serial console on stdout, until it ends.
ExitStatus run_boot(const BootOptions& options);

}  // namespace asi
