// SPDX-License-Identifier: GPL-2.0-only
// What the kernel's own patching makes of the code at an address.
#ifndef GUARD_MANIFEST_PATCHES_H
#define GUARD_MANIFEST_PATCHES_H

#include <functional>
#include <memory>
#include <vector>

#include "code.h"
#include "nops.h"
#include "static_calls.h"

namespace guard {

/// One entry of one of the kernel's tables.
struct Patch {
    u64 address;
    u32 length;
    SiteKind kind;
    bool live;         ///< it goes on after boot
    bool is_absolute;  ///< what stood there before makes no difference
    /// What may stand there when that stood there before.
    std::function<Variants(const Code& before)> apply;

    [[nodiscard]] u64 end() const { return address + length; }
};

struct PatchList {
    std::vector<Patch> patches;
    std::shared_ptr<const void> owner;  ///< what their functions look at
};

/// In the order in which the kernel goes through its tables at boot, and then those that
/// go on.
[[nodiscard]] PatchList collect_patches(const KernelImage& image, const Nops& nops,
                                        const StaticCallTargets& targets);

}  // namespace guard

#endif  // GUARD_MANIFEST_PATCHES_H
