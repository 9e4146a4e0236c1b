// SPDX-License-Identifier: GPL-2.0-only
// Makes a manifest of a kernel's build.
#ifndef GUARD_MANIFEST_BUILD_H
#define GUARD_MANIFEST_BUILD_H

#include <vector>

#include "kernel_image.h"

namespace guard {

/// Throws BuildError.
[[nodiscard]] std::vector<u8> build_manifest(const KernelImage& image);

}  // namespace guard

#endif  // GUARD_MANIFEST_BUILD_H
