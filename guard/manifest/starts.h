// SPDX-License-Identifier: GPL-2.0-only
// Where a kprobe may put a breakpoint.
#ifndef GUARD_MANIFEST_STARTS_H
#define GUARD_MANIFEST_STARTS_H

#include <vector>

#include "kernel_image.h"

namespace guard {

/// A bit for each byte of the text from @begin: an instruction of a function starts there,
/// and the kernel does not refuse kprobes in that function.
[[nodiscard]] std::vector<u8> find_starts(const KernelImage& image, u64 begin, u64 end);

}  // namespace guard

#endif  // GUARD_MANIFEST_STARTS_H
