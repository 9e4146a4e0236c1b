// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kvm.h"
#include "unique_fd.h"

namespace asi {

/// Memory of `size` bytes that can be sealed.
UniqueFd create_guard_memory(size_t size);

/// Offers the guard to a machine without vCPUs; `manifest` may be empty.
void offer_guard(const Vm& vm, const std::vector<uint8_t>& manifest);

/// What the kernel's report says of the machines of this process; empty without debugfs.
std::string guard_report();

}  // namespace asi
