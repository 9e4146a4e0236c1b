// SPDX-License-Identifier: GPL-2.0-only
#include "policy_text.h"

#include <asi/engine.h>

#include <cstring>

#include "asi/text/words.h"
#include "kernel_text.h"

namespace asi::ctl {

std::optional<PolicyProblem> check_policy(std::string_view text) {
    asi_policy policy = {};
    asi_policy_error error = {};
    asi_policy_default(&policy);
    const int result = asi_policy_parse(&policy, text.data(), text.size(), &error);
    if (result == 0) return std::nullopt;
    PolicyProblem problem = to_problem(error);
    if (problem.message.empty()) problem.message = std::strerror(-result);
    return problem;
}

std::string default_policy_text() {
    asi_policy policy = {};
    asi_policy_default(&policy);
    return whole_text(
        [&](char* buffer, std::size_t size) { return asi_policy_format(&policy, buffer, size); });
}

bool is_known_class(std::string_view name) {
    return find_name(asi_class_name, to_kernel_text(name)).has_value();
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
