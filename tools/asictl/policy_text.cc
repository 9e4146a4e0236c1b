// SPDX-License-Identifier: GPL-2.0-only
#include "policy_text.h"

#include <asi/engine.h>

#include <cstring>

namespace asi::ctl {

std::optional<PolicyProblem> check_policy(std::string_view text) {
    asi_policy policy = {};
    asi_policy_error error = {};
    asi_policy_default(&policy);
    const int result = asi_policy_parse(&policy, text.data(), text.size(), &error);
    if (result == 0) return std::nullopt;
    PolicyProblem problem;
    if (error.line != 0) problem.line = error.line;
    problem.message.assign(error.message, strnlen(error.message, sizeof(error.message)));
    if (problem.message.empty()) problem.message = std::strerror(-result);
    return problem;
}

std::string default_policy_text() {
    asi_policy policy = {};
    asi_policy_default(&policy);
    // With room for the NUL, which std::string keeps behind its last byte.
    std::string text(asi_policy_format(&policy, nullptr, 0), '\0');
    asi_policy_format(&policy, text.data(), text.size() + 1);
    return text;
}

bool is_known_class(std::string_view name) {
    for (unsigned int i = 0; i < ASI_NR_CLASSES; ++i) {
        const char* known = asi_class_name(i);
        if (known != nullptr && name == known) return true;
    }
    return false;
}

std::string join_rule_words(const std::vector<std::string>& words) {
    std::string text;
    bool rule_is_open = false;
    for (const std::string& word : words) {
        const bool is_rule = word == "default" || word.find_first_of(" \t\n") != std::string::npos;
        if (!text.empty()) text += rule_is_open && !is_rule ? ' ' : '\n';
        text += word;
        rule_is_open = !is_rule;
    }
    if (!text.empty()) text += '\n';
    return text;
}

}  // namespace asi::ctl
