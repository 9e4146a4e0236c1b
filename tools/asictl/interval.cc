// SPDX-License-Identifier: GPL-2.0-only
#include "interval.h"

#include <algorithm>
#include <tuple>

#include "order.h"

namespace asi::ctl {
namespace {

/// A single count may go back: the kernel adds up the vCPUs into a table of
/// limited size, and one that finds no room any more is counted elsewhere.
Number difference(const Number& before, const Number& now) {
    if (!before || !now) return std::nullopt;
    return *now > *before ? *now - *before : 0;
}

auto key_of(const ExitReason& reason) {
    return std::tie(reason.reason, reason.code);
}

auto key_of(const LeaveCause& cause) {
    return std::tie(cause.reason, cause.code, cause.how, cause.kind, cause.cache, cause.access,
                    cause.ip.value);
}

auto key_of(const Flush& flush) {
    return std::tie(flush.name);
}

void subtract(ExitCounts& now, const ExitCounts& before) {
    now.inside = difference(before.inside, now.inside);
    now.left = difference(before.left, now.left);
    now.user = difference(before.user, now.user);
    now.first_touch = difference(before.first_touch, now.first_touch);
    now.first_touch_left = difference(before.first_touch_left, now.first_touch_left);
}

void subtract(ExitReason& now, const ExitReason& before) {
    now.inside = difference(before.inside, now.inside);
    now.left = difference(before.left, now.left);
    now.user = difference(before.user, now.user);
    now.first_touch = difference(before.first_touch, now.first_touch);
}

void subtract(LeaveCause& now, const LeaveCause& before) {
    now.count = difference(before.count, now.count);
}

void subtract(Flush& now, const Flush& before) {
    now.done = difference(before.done, now.done);
    now.avoided = difference(before.avoided, now.avoided);
}

/// What the kernel lists now and did not before has begun at 0.
template <typename T>
void subtract_each(std::vector<T>& now, const std::vector<T>& before) {
    for (T& item : now) {
        const auto earlier = std::find_if(before.begin(), before.end(), [&](const T& candidate) {
            return key_of(candidate) == key_of(item);
        });
        if (earlier != before.end()) subtract(item, *earlier);
    }
}

/// Values of unknown keys may not be counts, and are of no interval.
void clear_other(Vm& vm) {
    vm.other.clear();
    vm.exits.other.clear();
    for (ExitReason& reason : vm.reasons) reason.other.clear();
    for (LeaveCause& cause : vm.causes) cause.other.clear();
    for (Flush& flush : vm.flushes) flush.other.clear();
}

bool is_lower(const Number& now, const Number& before) {
    return now && before && *now < *before;
}

bool has_fewer_exits(const ExitCounts& now, const ExitCounts& before) {
    return is_lower(now.inside, before.inside) || is_lower(now.left, before.left) ||
           is_lower(now.user, before.user) || is_lower(now.first_touch, before.first_touch);
}

bool is_same_vm(const Vm& now, const Vm& before) {
    return now.id == before.id && now.pid == before.pid && now.ended == before.ended &&
           !has_fewer_exits(now.exits, before.exits);
}

const Vm* find_earlier(const std::vector<Vm>& before, const Vm& now) {
    const auto found = std::find_if(before.begin(), before.end(),
                                    [&](const Vm& vm) { return is_same_vm(now, vm); });
    return found == before.end() ? nullptr : &*found;
}

bool is_gone(const Vm& before, const std::vector<Vm>& now) {
    return std::none_of(now.begin(), now.end(),
                        [&](const Vm& vm) { return is_same_vm(vm, before); });
}

VmChange change_of(const Vm& now, const Vm* before) {
    VmChange change{now, before == nullptr};
    clear_other(change.vm);
    if (!before) return change;
    subtract(change.vm.exits, before->exits);
    subtract_each(change.vm.reasons, before->reasons);
    subtract_each(change.vm.causes, before->causes);
    subtract_each(change.vm.flushes, before->flushes);
    change.vm.causes_dropped = difference(before->causes_dropped, now.causes_dropped);
    return change;
}

template <typename KeyOf>
void sort_ascending(std::vector<VmChange>& vms, KeyOf key_of) {
    std::stable_sort(vms.begin(), vms.end(), [&](const VmChange& a, const VmChange& b) {
        return std::tuple(key_of(a.vm), a.vm.id) < std::tuple(key_of(b.vm), b.vm.id);
    });
}

template <typename KeyOf>
void sort_descending(std::vector<VmChange>& vms, KeyOf key_of) {
    std::stable_sort(vms.begin(), vms.end(), [&](const VmChange& a, const VmChange& b) {
        return std::tuple(key_of(b.vm), a.vm.id) < std::tuple(key_of(a.vm), b.vm.id);
    });
}

}  // namespace

Interval difference(const Sample& before, const Sample& now) {
    Interval interval;
    interval.seconds = now.seconds - before.seconds;
    for (const Vm& vm : now.vms) {
        if (vm.ended) continue;
        interval.vms.push_back(change_of(vm, find_earlier(before.vms, vm)));
        sort_by_importance(interval.vms.back().vm);
    }
    for (const Vm& vm : before.vms)
        if (!vm.ended && is_gone(vm, now.vms)) interval.ended.push_back(vm);
    return interval;
}

std::optional<double> per_second(const Number& count, double seconds) {
    if (!count || seconds <= 0) return std::nullopt;
    return static_cast<double>(*count) / seconds;
}

SortOrder next(SortOrder order) {
    return order == SortOrder::kVm ? SortOrder::kExits
                                   : static_cast<SortOrder>(static_cast<int>(order) + 1);
}

const char* name_of(SortOrder order) {
    switch (order) {
        case SortOrder::kExits:
            return "exits";
        case SortOrder::kLeft:
            return "left";
        case SortOrder::kInside:
            return "inside";
        case SortOrder::kUser:
            return "user";
        case SortOrder::kFlushes:
            return "flushes";
        case SortOrder::kVm:
            return "vm";
    }
    return "";
}

void sort_vms(std::vector<VmChange>& vms, SortOrder order) {
    switch (order) {
        case SortOrder::kExits:
            return sort_descending(vms, [](const Vm& vm) { return total_exits(vm.exits); });
        case SortOrder::kLeft:
            return sort_descending(vms, [](const Vm& vm) { return vm.exits.left; });
        case SortOrder::kInside:
            return sort_ascending(vms, [](const Vm& vm) {
                // A VM without a share is not one with a low share.
                return inside_percent(vm.exits.inside, vm.exits.left).value_or(101);
            });
        case SortOrder::kUser:
            return sort_descending(vms, [](const Vm& vm) { return vm.exits.user; });
        case SortOrder::kFlushes:
            return sort_descending(vms, [](const Vm& vm) { return flushes_done(vm); });
        case SortOrder::kVm:
            return sort_ascending(vms, [](const Vm&) { return 0; });
    }
}

}  // namespace asi::ctl
