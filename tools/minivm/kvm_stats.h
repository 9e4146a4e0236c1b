// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace asi {

/// One of KVM's binary statistics of the VM or vCPU behind `fd`; none if this kernel has no such
/// statistic.
std::optional<uint64_t> read_kvm_statistic(int fd, std::string_view name);

}  // namespace asi
