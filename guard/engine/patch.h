// SPDX-License-Identifier: GPL-2.0-only
// Which writes to locked text a guest may ask for.
//
// A site of several bytes changes in three writes, so that a processor that executes
// it meanwhile sees the old instruction, a breakpoint, or the new one:
//
//   [old head|old tail] ─INT3─▶ [INT3|old tail] ─tail─▶ [INT3|new tail]
//            ▲                         │                      │
//            └────────head─────────────┴─────────head─────────┘
//
// The head has to make a live value together with the tail that is there. What state a
// site is in is seen in memory alone: at LOCK no site has a breakpoint for a head.
#ifndef GUARD_ENGINE_PATCH_H
#define GUARD_ENGINE_PATCH_H

#include "manifest.h"

namespace guard {

struct PatchWrite {
    u32 offset;
    u32 length;
    const u8* bytes;
};

enum class [[nodiscard]] PatchVerdict : u8{
    kAccepted,
    kNotText,       ///< no text of the manifest, or more than one range
    kNotASite,      ///< no site, and no instruction that a breakpoint may replace
    kFrozen,        ///< a site that does not change after LOCK
    kShape,         ///< neither head, tail nor a site of one byte
    kNotUnderInt3,  ///< a tail without a breakpoint before it
    kValue,         ///< makes no live value
};
[[nodiscard]] const char* to_string(PatchVerdict verdict);

/// What the rules look at. Tests leave one out and have to notice.
struct PatchChecks {
    bool range = true;
    bool live = true;
    bool under_int3 = true;
    bool head_fits_tail = true;
    bool tail_is_listed = true;
    bool start = true;
    bool original = true;
};

/// May @write be made? @text: the bytes of @range now, of a kernel that is loaded @delta
/// above its link address. Changes nothing.
[[nodiscard]] PatchVerdict judge_write(const Manifest& manifest, const Range& range, const u8* text,
                                       u64 delta, const PatchWrite& write,
                                       const PatchChecks& checks = {});

struct PatchResult {
    PatchVerdict verdict;
    u32 done;  ///< writes that were made; the next one is what was refused
};

/// Makes @count writes in order and stops at the first that is refused.
PatchResult apply_writes(const Manifest& manifest, const Range& range, u8* text, u64 delta,
                         const PatchWrite* writes, u32 count, const PatchChecks& checks = {});

}  // namespace guard

#endif  // GUARD_ENGINE_PATCH_H
