// SPDX-License-Identifier: GPL-2.0-only
//
// System calls of x86-64 by name, as the build host's <asm/unistd_64.h> knows
// them, and sets of them.
#ifndef ASICTL_SYSCALLS_H
#define ASICTL_SYSCALLS_H

#include <asi/sci_abi.h>

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

namespace asi::ctl {

using CallSet = std::bitset<SCI_MAX_CALLS>;

/// Its number in decimal when it has no name here.
[[nodiscard]] std::string call_name(unsigned number);

/// From a name or a number below SCI_MAX_CALLS.
[[nodiscard]] std::optional<unsigned> find_call(std::string_view text);

/// From names, numbers and "all" with commas between, where "!" takes away what
/// follows it.  From left to right; a list that starts with "!" starts with all.
/// Throws kRunFailed, also when nothing is left.
[[nodiscard]] CallSet parse_call_set(std::string_view list);

}  // namespace asi::ctl

#endif  // ASICTL_SYSCALLS_H
