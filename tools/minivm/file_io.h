// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace asi {

/// The whole regular file `path`. Throws a usage error that names `path`.
std::vector<uint8_t> read_file(const std::string& path);

/// Replaces `path`. Throws a usage error that names `path`.
void write_file(const std::string& path, std::span<const uint8_t> bytes);

}  // namespace asi
