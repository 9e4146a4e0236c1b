// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace asi {

/// Waits for the end of a child, and returns the nanoseconds of CPU time that it used. Throws
/// std::runtime_error, also when the child failed.
uint64_t finish(pid_t child);

/// Runs `argv` to its end, its output thrown away, and prints a JSON line with what the kernel
/// counted meanwhile, the time it took, and the CPU time of the process. `label` and `operations`
/// are passed through. Throws std::runtime_error, also when the command fails.
void run_counted(const std::string& label, uint64_t operations, char** argv);

}  // namespace asi
