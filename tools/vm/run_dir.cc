// SPDX-License-Identifier: GPL-2.0-only
#include "run_dir.h"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>

#include "text.h"

namespace asi {

namespace fs = std::filesystem;

RunDir::RunDir() {
    const char* parent = getenv("TMPDIR");
    std::string pattern = fs::absolute(parent && *parent ? parent : "/tmp") / "asi-vm-XXXXXX";
    if (!mkdtemp(pattern.data())) throw system_error(pattern, errno);
    path_ = pattern;
}

RunDir::~RunDir() {
    std::error_code ignored;
    if (!keeps_logs_) {
        fs::remove_all(path_, ignored);
        return;
    }
    for (const auto& entry : fs::directory_iterator(path_, ignored))
        if (entry.path().extension() != ".log" || fs::file_size(entry.path(), ignored) == 0)
            fs::remove_all(entry.path(), ignored);
    // Goes only if nothing was worth keeping.
    fs::remove(path_, ignored);
}

}  // namespace asi
