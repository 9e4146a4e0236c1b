// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

namespace asi {

/// The other files a program needs directly: the libraries and the loader that
/// ldd names, or a script's interpreter. Absolute paths; empty for anything
/// else. Throws RunError naming a library that is missing.
[[nodiscard]] std::vector<std::string> needed_files(const std::string& program);

}  // namespace asi
