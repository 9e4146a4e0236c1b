// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>

#include "memory.h"

namespace asi {

/// Bytes from a decimal number with an optional suffix K, M or G. Throws a usage error.
uint64_t parse_size(const std::string& text);

/// One of kBackings. Throws a usage error.
Backing find_backing(const std::string& name);

}  // namespace asi
