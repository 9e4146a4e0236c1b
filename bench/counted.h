// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>

namespace asi {

/// Runs `argv` to its end, its output thrown away, and prints a JSON line with what the kernel
/// counted meanwhile, the time it took, and the CPU time of the process. `label` and `operations`
/// are passed through. Throws std::runtime_error, also when the command fails.
void run_counted(const std::string& label, uint64_t operations, char** argv);

}  // namespace asi
