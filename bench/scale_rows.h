// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace asi {

/// Does `count` operations and returns their nanoseconds, without what prepares them. Throws.
using TimedRun = std::function<uint64_t(uint64_t count)>;

/// One line of bench/scale.py.
struct ScaleRow {
    std::string name;
    uint64_t count;  ///< operations of a round
    unsigned rounds;
    /// Makes what the operations need; it goes with the result.
    std::function<TimedRun()> make;
};

constexpr unsigned kSmallGuestMib = 8;

/// All, in one order. `loadme`: the file of a module to load and unload; empty: only rows that
/// concern no processor but the one they run on.
std::vector<ScaleRow> scale_rows(const std::string& loadme);

/// The end of guests with so much memory, each page of which their domains map.
TimedRun make_teardown(unsigned mib);

/// Loads the module asi_scale, which does what user space cannot.
void load_scale_module(const std::string& file);

}  // namespace asi
