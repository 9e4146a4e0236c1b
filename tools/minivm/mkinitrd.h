// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "error.h"

namespace asi {

struct InitrdOptions {
    std::string out;
    std::vector<std::string> add;  ///< SRC or SRC:DEST
};

/// Writes an uncompressed newc archive with /init, /dev/console and the files to add.
ExitStatus run_mkinitrd(const InitrdOptions& options);

}  // namespace asi
