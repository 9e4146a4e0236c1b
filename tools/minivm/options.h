// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>

namespace asi {

/// Bytes from a decimal number with an optional suffix K, M or G. Throws a usage error.
uint64_t parse_size(const std::string& text);

}  // namespace asi
