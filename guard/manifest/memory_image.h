// SPDX-License-Identifier: GPL-2.0-only
// Where in the memory of a machine its kernel lies.
#ifndef GUARD_MANIFEST_MEMORY_IMAGE_H
#define GUARD_MANIFEST_MEMORY_IMAGE_H

#include <span>
#include <string>

#include "../engine/manifest.h"

namespace guard {

struct KernelPlace {
    u64 position;  ///< of the kernel's first byte in the memory
    u64 delta;     ///< how far above its link address it runs
};

/// Looks for a stretch of constants that do not move, at multiples of 2 MiB, and takes from
/// a relocated pointer how far the kernel was moved. Throws BuildError that says what is not
/// there. @name: for messages.
[[nodiscard]] KernelPlace find_kernel(const Manifest& manifest, std::span<const u8> memory,
                                      const std::string& name);

}  // namespace guard

#endif  // GUARD_MANIFEST_MEMORY_IMAGE_H
