// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "error.h"
#include "memory.h"

namespace asi {

struct AttackOptions {
    std::string name;
    bool guarded = true;
    Backing backing = Backing::kGuard;
};

/// All names for --name, in one order.
std::vector<std::string> attack_names();

/// A guest locks a page and pins its registers, then it or this process attacks both. Prints
/// "reached" or "stopped" and, if guarded, what the kernel recorded of this machine. Status 0.
ExitStatus run_attack(const AttackOptions& options);

}  // namespace asi
