// SPDX-License-Identifier: GPL-2.0-only
#include "order.h"

#include <algorithm>
#include <tuple>

namespace asi::ctl {
namespace {

template <typename T, typename KeyOf>
void sort_descending(std::vector<T>& items, KeyOf key_of) {
    std::stable_sort(items.begin(), items.end(),
                     [&](const T& a, const T& b) { return key_of(b) < key_of(a); });
}

Number sum_of(const std::vector<Flush>& flushes, Number Flush::*member) {
    Number sum;
    for (const Flush& flush : flushes)
        if (flush.*member) sum = sum.value_or(0) + *(flush.*member);
    return sum;
}

}  // namespace

void sort_by_importance(std::vector<Domain>& domains) {
    sort_descending(domains, [](const Domain& d) { return d.reachable_bytes; });
    for (Domain& domain : domains)
        sort_descending(domain.kinds, [](const KindBytes& k) { return k.bytes; });
}

void sort_by_importance(FaultLog& log) {
    sort_descending(log.records,
                    [](const Fault& f) { return std::tuple(f.action == "deny", f.count); });
}

void sort_by_importance(std::vector<Vm>& vms) {
    sort_descending(vms, [](const Vm& vm) { return std::tuple(!vm.ended, total_exits(vm.exits)); });
    for (Vm& vm : vms) sort_by_importance(vm);
}

void sort_by_importance(Vm& vm) {
    sort_descending(vm.reasons, [](const ExitReason& r) { return total_exits(r); });
    sort_descending(vm.causes, [](const LeaveCause& c) { return c.count; });
}

void sort_by_importance(SciViolationLog& log) {
    sort_descending(log.violations, [](const SciViolation& v) {
        return std::tuple(v.action == "killed", v.count);
    });
}

std::uint64_t total_exits(const ExitReason& reason) {
    return reason.inside.value_or(0) + reason.left.value_or(0) + reason.user.value_or(0) +
           reason.first_touch.value_or(0);
}

std::uint64_t total_exits(const ExitCounts& counts) {
    return counts.inside.value_or(0) + counts.left.value_or(0) + counts.user.value_or(0) +
           counts.first_touch.value_or(0);
}

Number flushes_done(const Vm& vm) {
    return sum_of(vm.flushes, &Flush::done);
}

Number flushes_avoided(const Vm& vm) {
    return sum_of(vm.flushes, &Flush::avoided);
}

std::optional<double> percent(const Number& part, const Number& whole) {
    if (!part || !whole || *whole == 0) return std::nullopt;
    return 100.0 * static_cast<double>(*part) / static_cast<double>(*whole);
}

std::optional<double> avoided_percent(const Number& done, const Number& avoided) {
    if (!done || !avoided) return std::nullopt;
    return percent(avoided, *done + *avoided);
}

std::optional<double> inside_percent(const Number& inside, const Number& left) {
    if (!inside || !left) return std::nullopt;
    return percent(inside, *inside + *left);
}

}  // namespace asi::ctl
