// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <filesystem>

#include "job.h"
#include "options.h"

namespace asi {

/// True for a path below which the guest mounts a file system of its own
/// (guest_mounts.cc), so that what was there before is hidden.
bool is_hidden(const std::filesystem::path& path);

/// Has @p job show @p path of the host where it is, if the guest's own file systems hide it
/// and it is a file or a folder there.
void bind_if_hidden(Job& job, const std::filesystem::path& path);

/// The part of the job that both kinds of machine share: command, environment and folders;
/// and that the working folder and COMMAND are seen.
Job make_common_job(const Options& options);

}  // namespace asi
