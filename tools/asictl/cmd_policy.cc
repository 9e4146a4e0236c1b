// SPDX-License-Identifier: GPL-2.0-only
//
// asictl policy show, set, check
#include <cerrno>
#include <istream>
#include <iterator>
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "policy_text.h"
#include "render_json.h"

namespace asi::ctl {
namespace {

struct PolicySource {
    std::string text;
    std::string name;  ///< for messages; empty for the command line
};

PolicySource read_source(const Context& context, const PolicyInput& input) {
    const bool from_words = !input.file;
    if (from_words && input.words.empty())
        throw Failure(ExitCode::kUsage, "no rules: give them as arguments, with -f FILE, or -");
    if (from_words && input.words != std::vector<std::string>{"-"})
        return {join_rule_words(input.words), ""};
    if (!from_words && *input.file != "-") return {read_user_file(*input.file), *input.file};
    try {
        return {{std::istreambuf_iterator<char>(context.in), {}}, "standard input"};
    } catch (const std::ios_base::failure& failure) {
        throw Failure(ExitCode::kRuntime,
                      "cannot read standard input: " + failure.code().message());
    }
}

[[noreturn]] void refuse(const Context& context, const PolicySource& source,
                         const PolicyProblem& problem) {
    if (context.json) context.out << json_of_policy_result(/*applied=*/false, problem);
    const std::string where = source.name.empty() ? "policy" : source.name;
    throw Failure(ExitCode::kRuntime, where + ": " + problem.to_string());
}

/// Why the kernel refused a policy, in its own words where it left any.
PolicyProblem kernel_problem(const Context& context, int error) {
    PolicyProblem problem = parse_policy_error(context.kernel.read_debugfs("policy_error"));
    if (problem.message.empty() || problem.message == "-") {
        problem.message = error == E2BIG ? "the kernel refused it: too many rules"
                                         : "the kernel refused it and did not say why";
    }
    return problem;
}

}  // namespace

void run_policy_show(const Context& context, bool built_in) {
    std::string text;
    if (built_in) {
        text = default_policy_text();
    } else {
        context.kernel.require_on();
        text = context.kernel.read_debugfs("policy");
    }
    context.out << (context.json ? json_of_policy(built_in ? "default" : "kernel", text) : text);
}

void run_policy_check(const Context& context, const PolicyInput& input) {
    const PolicySource source = read_source(context, input);
    if (const auto problem = check_policy(source.text)) refuse(context, source, *problem);
    context.out << (context.json ? json_of_policy_result(/*applied=*/false, std::nullopt)
                                 : "policy is valid\n");
}

void run_policy_set(const Context& context, const PolicyInput& input) {
    const PolicySource source = read_source(context, input);
    context.kernel.require_on();
    if (source.text.empty()) {
        // A write of nothing never reaches the kernel: saying "applied" would be untrue.
        throw Failure(ExitCode::kRuntime,
                      (source.name.empty() ? "policy" : source.name) + ": no rules");
    }
    const int error = context.kernel.write_debugfs("policy", source.text);
    if (error == EINVAL || error == E2BIG) refuse(context, source, kernel_problem(context, error));
    if (error != 0) context.kernel.fail_write("policy", error);
    context.out << (context.json ? json_of_policy_result(/*applied=*/true, std::nullopt)
                                 : "policy applied\n");
}

}  // namespace asi::ctl
