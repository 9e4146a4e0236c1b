// SPDX-License-Identifier: GPL-2.0-only
//
// What happened between two readings of debugfs asi/kvm.
#ifndef ASICTL_INTERVAL_H
#define ASICTL_INTERVAL_H

#include <optional>
#include <vector>

#include "model.h"

namespace asi::ctl {

/// debugfs asi/kvm at one moment
struct Sample {
    double seconds = 0;  ///< of a clock that never goes back
    std::vector<Vm> vms;
};

struct VmChange {
    /// Every count is that of the interval.  Reasons, causes and flushes of
    /// which there was none in it are there, with 0.
    Vm vm;
    bool appeared = false;  ///< was not there when the interval began
};

struct Interval {
    double seconds = 0;
    std::vector<VmChange> vms;
    std::vector<Vm> ended;  ///< there at the beginning and no longer; as they were then
};

/// From @before to @now, without the sum of VMs that ended.  An id is given to
/// another VM when its VM has ended: one with another pid, or with fewer exits,
/// is another one, and all it has counted belongs to the interval.
[[nodiscard]] Interval difference(const Sample& before, const Sample& now);

/// Nothing when @seconds is 0, as between a sample and itself.
[[nodiscard]] std::optional<double> per_second(const Number& count, double seconds);

enum class SortOrder { kExits, kLeft, kInside, kUser, kFlushes, kVm };

/// @order and those after it, round and round.
[[nodiscard]] SortOrder next(SortOrder order);
[[nodiscard]] const char* name_of(SortOrder order);

/// Most first; with kInside the lowest share, and with kVm the lowest number.
void sort_vms(std::vector<VmChange>& vms, SortOrder order);

}  // namespace asi::ctl

#endif  // ASICTL_INTERVAL_H
