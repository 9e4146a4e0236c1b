// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "error.h"
#include "snippet_vm.h"

namespace asi {

struct SnippetOptions {
    std::string hex;
    std::string file;
    CpuMode mode = CpuMode::kLong;
    double timeout = 10;
};

/// The bytes written as pairs of hexadecimal digits, blanks between pairs allowed. Throws a usage
/// error for anything else.
std::vector<uint8_t> parse_hex(const std::string& text);

/// Runs raw code; the status is the byte it writes to the debug port, 0 after `hlt`.
ExitStatus run_snippet(const SnippetOptions& options);

}  // namespace asi
