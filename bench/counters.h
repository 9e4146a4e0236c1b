// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace asi {

/// Event counts of the running kernel by name. Empty where the kernel has no isolation.
using Counters = std::map<std::string, uint64_t>;

/// Every counter of /sys/kernel/asi/status and debugfs asi/stats.
Counters read_isolation_counters();

/// Free pages of the page allocator, without those that wait in a CPU's own lists.
uint64_t read_free_pages();

/// What was counted from `before` to `after`, as a JSON object; "null" when there are no counters.
std::string json_difference(const Counters& before, const Counters& after);

/// CLOCK_MONOTONIC. Where an instruction takes a nanosecond, a count of instructions.
uint64_t now_nanoseconds();

}  // namespace asi
