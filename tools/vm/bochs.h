// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "options.h"
#include "run_dir.h"
#include "supervise.h"

namespace asi {

/// Starts Bochs from a CD image with the kernel and an initramfs that holds
/// COMMAND and what it needs. @p guest_init is a path on the host. Throws RunError.
[[nodiscard]] Machine start_bochs(const Options& options, const RunDir& run_dir,
                                  const std::string& guest_init);

}  // namespace asi
