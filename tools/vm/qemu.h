// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "options.h"
#include "run_dir.h"
#include "supervise.h"

namespace asi {

inline constexpr char kQemu[] = "qemu-system-x86_64";
inline constexpr char kQemuPackage[] = "qemu-system-x86";

/// Starts QEMU with the host's root as the guest's. options.acceleration is
/// kKvm or kTcg. @p guest_init is a path on the host. Throws RunError.
[[nodiscard]] Machine start_qemu(const Options& options, const RunDir& run_dir,
                                 const std::string& guest_init);

}  // namespace asi
