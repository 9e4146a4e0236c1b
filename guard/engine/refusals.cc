// SPDX-License-Identifier: GPL-2.0-only
// What was refused: a record for each way, place and instruction.
#include "../include/guard/engine.h"

namespace {

constexpr guard_u64 kPageMask = ~guard_u64{0xfff};

constexpr const char* kWayNames[GUARD_NR_WAYS] = {
    "write", "walk", "event", "emulated", "kvm", "area", "slot",  "mapping",
    "cr0",   "cr4",  "msr",   "idt",      "smm", "patch", "lock", "image"};

bool is_address(guard_u32 way) {
    return way <= GUARD_WAY_MAPPING || way >= GUARD_WAY_PATCH;
}

bool is_same(const guard_refusal& a, const guard_refusal& b) {
    const guard_u64 mask = is_address(a.way) ? kPageMask : ~guard_u64{0};
    return a.way == b.way && a.ip == b.ip && (a.where & mask) == (b.where & mask);
}

}  // namespace

const char* guard_way_name(guard_u32 way) {
    return way < GUARD_NR_WAYS ? kWayNames[way] : nullptr;
}

void guard_refusals_note(guard_refusals* log, const guard_refusal* one) {
    if (one->way >= GUARD_NR_WAYS) return;
    log->total++;
    log->by_way[one->way]++;
    guard_u32 i = 0;
    while (i < log->used && !is_same(log->refusal[i], *one)) i++;
    if (i == GUARD_MAX_REFUSALS) {
        log->dropped++;
        return;
    }
    const guard_u64 count = i < log->used ? log->refusal[i].count : 0;
    log->refusal[i] = *one;
    log->refusal[i].count = count + 1;
    if (i == log->used) log->used++;
}
