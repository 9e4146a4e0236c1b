// SPDX-License-Identifier: GPL-2.0-only
//
// The engine's own policy code, linked into this program: what it accepts and
// what it says when it refuses is what the kernel accepts and says.
#ifndef ASICTL_POLICY_TEXT_H
#define ASICTL_POLICY_TEXT_H

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parse.h"

namespace asi::ctl {

/// Try @text on top of the built-in policy; nothing when it is valid.
[[nodiscard]] std::optional<PolicyProblem> check_policy(std::string_view text);

[[nodiscard]] std::string default_policy_text();

/// A class name this build of the engine knows.
[[nodiscard]] bool is_known_class(std::string_view name);

/// One text from command line words.  A word with blanks in it was quoted and
/// is a rule (or several) of its own, and so is "default"; bare words that
/// follow one another are the words of one rule.
[[nodiscard]] std::string join_rule_words(const std::vector<std::string>& words);

}  // namespace asi::ctl

#endif  // ASICTL_POLICY_TEXT_H
