// SPDX-License-Identifier: GPL-2.0-only
// The table of locked frames. Its count is written last, so that readers need no lock.
#include "../include/guard/engine.h"

namespace {

constexpr int kInvalid = -22, kExists = -17, kNoRoom = -28;

constexpr const char* kAssetNames[GUARD_NR_ASSETS] = {"text", "rodata", "memory"};

guard_u32 count_of(const guard_frames* frames) {
    return __atomic_load_n(&frames->count, __ATOMIC_ACQUIRE);
}

void set_count(guard_frames* frames, guard_u32 count) {
    __atomic_store_n(&frames->count, count, __ATOMIC_RELEASE);
}

}  // namespace

const char* guard_asset_name(guard_u32 asset) {
    return asset < GUARD_NR_ASSETS ? kAssetNames[asset] : nullptr;
}

const guard_range* guard_frames_find(const guard_frames* frames, guard_u64 first, guard_u64 end) {
    const guard_u32 count = count_of(frames);
    for (guard_u32 i = 0; i < count; i++) {
        const guard_range& range = frames->range[i];
        if (first < range.end && range.first < end) return &range;
    }
    return nullptr;
}

int guard_frames_add(guard_frames* frames, guard_u64 first, guard_u64 end, guard_u32 asset) {
    const guard_u32 count = count_of(frames);
    if (first >= end || asset >= GUARD_NR_ASSETS) return kInvalid;
    if (guard_frames_find(frames, first, end)) return kExists;
    if (count == GUARD_MAX_RANGES) return kNoRoom;
    frames->range[count] = {first, end, asset, 0};
    set_count(frames, count + 1);
    return 0;
}

void guard_frames_drop(guard_frames* frames) {
    const guard_u32 count = count_of(frames);
    if (count != 0) set_count(frames, count - 1);
}
