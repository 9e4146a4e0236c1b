// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

#include "job.h"
#include "options.h"

namespace asi {

/// Where the job file is in the initramfs.
inline constexpr char kJobPath[] = "/job";

/// An archive with the guest's init, the job, COMMAND, the added files and
/// what all of them need. @p guest_init is a path on the host. Throws RunError.
[[nodiscard]] std::string make_initramfs(const Options& options, const Job& job,
                                         const std::string& guest_init);

}  // namespace asi
