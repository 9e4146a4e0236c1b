// SPDX-License-Identifier: GPL-2.0-only
//
// Between this program's strings and the kernel's own code for policies and profiles.
#ifndef ASICTL_KERNEL_TEXT_H
#define ASICTL_KERNEL_TEXT_H

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "asi/text/text.h"
#include "parse.h"

namespace asi::ctl {

inline asi::Text to_kernel_text(std::string_view text) {
    return {text.data(), text.size()};
}

inline std::string_view from_kernel_text(asi::Text text) {
    return {text.data, text.size};
}

/// From asi_policy_error or sci_profile_error.
template <typename Error>
[[nodiscard]] PolicyProblem to_problem(const Error& error) {
    PolicyProblem problem;
    if (error.line != 0) problem.line = error.line;
    problem.message = from_kernel_text(asi::text_in(error.message));
    return problem;
}

/// All that @format(buffer, size) writes; it returns the length that all takes.
template <typename Format>
[[nodiscard]] std::string whole_text(Format format) {
    // With room for the NUL, which std::string keeps behind its last byte.
    std::string text(format(nullptr, std::size_t{0}), '\0');
    format(text.data(), text.size() + 1);
    return text;
}

}  // namespace asi::ctl

#endif  // ASICTL_KERNEL_TEXT_H
