// SPDX-License-Identifier: GPL-2.0-only
//
// Most important first: what an administrator should look at stands at the
// top, in the tables and in the JSON arrays alike.
#ifndef ASICTL_ORDER_H
#define ASICTL_ORDER_H

#include <vector>

#include "model.h"

namespace asi::ctl {

/// By reachable memory; inside a domain, kinds by size.
void sort_by_importance(std::vector<Domain>& domains);

/// Denied accesses, then by count.
void sort_by_importance(FaultLog& log);

/// VMs by number of exits, those that ended last; inside a VM, reasons and
/// causes by count.
void sort_by_importance(std::vector<Vm>& vms);
void sort_by_importance(Vm& vm);

/// What killed a task, then by count.
void sort_by_importance(SciViolationLog& log);

/// Every exit of this reason, whatever became of it.
[[nodiscard]] std::uint64_t total_exits(const ExitReason& reason);
[[nodiscard]] std::uint64_t total_exits(const ExitCounts& counts);

/// Over all kinds of flushes; nothing when the kernel does not count them.
[[nodiscard]] Number flushes_done(const Vm& vm);
[[nodiscard]] Number flushes_avoided(const Vm& vm);

/// @part of @whole in percent; nothing when there is no whole.
[[nodiscard]] std::optional<double> percent(const Number& part, const Number& whole);

/// Share of flushes that were not needed.
[[nodiscard]] std::optional<double> avoided_percent(const Number& done, const Number& avoided);

/// Share handled inside, of the exits that the kernel finished and that were
/// not a first touch of guest memory.
[[nodiscard]] std::optional<double> inside_percent(const Number& inside, const Number& left);

}  // namespace asi::ctl

#endif  // ASICTL_ORDER_H
