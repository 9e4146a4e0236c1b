// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace asi {

/// Throws RunError unless @p path is a kernel that a boot loader can start.
void check_kernel_image(const std::string& path);

/// One kernel parameter, quoted as the kernel reads it.
[[nodiscard]] std::string kernel_parameter(const std::string& name, const std::string& value);

/// What every machine's kernel is told: its console, and that an oops is a
/// panic unless @p append says panic_on_oops=0.
[[nodiscard]] std::string common_parameters(const std::string& append);

/// Throws RunError if @p command_line is longer than the kernel takes.
void check_command_line(const std::string& command_line);

}  // namespace asi
