// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "run_dir.h"

namespace asi {

/// True if a guest really runs under KVM here. The answer is kept for as long
/// as the host is up. Takes up to ten seconds the first time.
[[nodiscard]] bool kvm_works(const RunDir& run_dir);

}  // namespace asi
