// SPDX-License-Identifier: GPL-2.0-only
// Is memory what the manifest says it may be?
#ifndef GUARD_ENGINE_COMPARE_H
#define GUARD_ENGINE_COMPARE_H

#include "manifest.h"

namespace guard {

struct CompareCounts {
    u32 equal = 0;      ///< bytes as the build made them
    u32 explained = 0;  ///< bytes of sites
    u32 breakpoints = 0;
    u32 constants = 0;  ///< bytes of runtime constants
    u32 frozen = 0;
    u32 unexplained = 0;
};

/// A byte that is none of its values. @site: where it lies in one.
using UnexplainedFn = void (*)(void* context, u32 offset, u8 found, u8 expected, const Site* site);

/// Compares the whole of @range with @memory, which holds its bytes, of a kernel that
/// is loaded @delta above its link address. A site is explained as a whole or not at
/// all: of one that is not, the bytes that differ from the closest value are reported.
[[nodiscard]] CompareCounts compare_range(const Manifest& manifest, const Range& range,
                                          const u8* memory, u64 delta, UnexplainedFn report,
                                          void* context);

/// Index of the value of @site that @memory holds, or the count of values.
[[nodiscard]] u32 find_value(const Manifest& manifest, const Site& site, const u8* memory,
                             u64 delta);

}  // namespace guard

#endif  // GUARD_ENGINE_COMPARE_H
