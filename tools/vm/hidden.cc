// SPDX-License-Identifier: GPL-2.0-only
#include "hidden.h"

#include <string>

namespace asi {

namespace {

namespace fs = std::filesystem;

}  // namespace

bool is_hidden(const fs::path& path) {
    for (const char* place : {"/tmp/", "/var/tmp/", "/run/", "/dev/"})
        if (path.string().starts_with(place)) return true;
    return false;
}

void bind_if_hidden(Job& job, const fs::path& path) {
    const fs::path absolute = fs::absolute(path).lexically_normal();
    std::error_code error;
    if (is_hidden(absolute) &&
        (fs::is_regular_file(absolute, error) || fs::is_directory(absolute, error)))
        job.binds.emplace_back(absolute, absolute);
}

Job make_common_job(const Options& options) {
    Job job;
    job.command = options.command;
    job.environment = options.environment;
    job.working_directory = fs::current_path();
    job.out_directory = options.out_directory;
    bind_if_hidden(job, job.working_directory);
    if (options.command[0].find('/') != std::string::npos) bind_if_hidden(job, options.command[0]);
    return job;
}

}  // namespace asi
