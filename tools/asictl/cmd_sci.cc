// SPDX-License-Identifier: GPL-2.0-only
//
// asictl sci profiles, show, export, import, merge, violations
#include <cerrno>
#include <fstream>
#include <istream>
#include <iterator>
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "order.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {
namespace {

void require_sci(const Context& context) {
    const Status status = context.kernel.require_on();
    if (status.sci == false)
        throw Failure(ExitCode::kAsiOff, "system-call isolation is off; boot with sci=on");
    if (!context.kernel.has_debugfs("sci/profiles")) {
        throw Failure(ExitCode::kAsiOff, "no " + context.kernel.debugfs_path("sci/profiles") +
                                             ": the kernel has no system-call isolation");
    }
}

struct NamedText {
    std::string name;  ///< for messages
    std::string text;
};

NamedText read_input(const Context& context, const std::string& file) {
    if (file != "-") return {file, read_user_file(file)};
    try {
        return {"standard input", {std::istreambuf_iterator<char>(context.in), {}}};
    } catch (const std::ios_base::failure& failure) {
        throw Failure(ExitCode::kRuntime,
                      "cannot read standard input: " + failure.code().message());
    }
}

SciProfile load(const NamedText& source) {
    SciProfile profile;
    if (const auto problem = profile.load(source.text))
        throw Failure(ExitCode::kRuntime, source.name + ": " + problem->to_string());
    return profile;
}

struct KernelProfile {
    std::string text;  ///< as the kernel wrote it
    SciProfile profile;
};

/// All, or the one called @name.
std::vector<KernelProfile> read_profiles(const Context& context,
                                         const std::optional<std::string>& name) {
    std::vector<KernelProfile> profiles;
    std::string names;
    for (std::string& text : split_profiles(context.kernel.read_debugfs("sci/text"))) {
        SciProfile profile;
        if (const auto problem = profile.load(text)) {
            throw Failure(ExitCode::kRuntime, "cannot read " +
                                                  context.kernel.debugfs_path("sci/text") + ": " +
                                                  problem->to_string());
        }
        names += (names.empty() ? "" : ", ") + profile.name();
        if (!name || profile.name() == *name)
            profiles.push_back({std::move(text), std::move(profile)});
    }
    if (name && profiles.empty()) {
        throw Failure(ExitCode::kRuntime, "no profile '" + *name + "'; the kernel has " +
                                              (names.empty() ? "none" : names));
    }
    return profiles;
}

/// To @file, or to the output when there is none or it is "-".
void write_profile(const Context& context, const std::optional<std::string>& file,
                   const std::string& text, const SciProfile& profile) {
    if (!file || *file == "-") {
        context.out << text;
        return;
    }
    write_user_file(*file, text);
    context.out << (context.json ? json_of_profile_written(*file, profile)
                                 : *file + ": " + summary_of(profile));
}

[[noreturn]] void refuse(const Context& context, const NamedText& source,
                         const PolicyProblem& problem) {
    if (context.json) context.out << json_of_import(nullptr, problem);
    throw Failure(ExitCode::kRuntime, source.name + ": " + problem.to_string());
}

/// Why the kernel refused a profile that is valid.
PolicyProblem kernel_problem(const Context& context, int error, const SciProfile& profile) {
    switch (error) {
        case ESTALE: {
            const Text running = context.kernel.build_id();
            return {std::nullopt, "it is of another kernel: its build id is " + profile.build_id() +
                                      ", that of the running kernel is " +
                                      running.value_or("another")};
        }
        case EEXIST:
            return {std::nullopt, "a profile '" + profile.name() + "' is there, and tasks use it"};
        case EPERM:
            return {std::nullopt,
                    "the kernel does not take a profile '" + profile.name() + "' from outside"};
        default:
            break;
    }
    PolicyProblem problem = parse_policy_error(context.kernel.read_debugfs("sci/import_error"));
    if (problem.message.empty() || problem.message == "-") {
        problem.message = error == E2BIG ? "the kernel refused it: too big"
                                         : "the kernel refused it and did not say why";
    }
    return problem;
}

bool is_refusal(int error) {
    return error == EINVAL || error == E2BIG || error == ESTALE || error == EEXIST ||
           error == EPERM;
}

}  // namespace

void run_sci_profiles(const Context& context) {
    require_sci(context);
    const SciProfileList list = parse_sci_profiles(context.kernel.read_debugfs("sci/profiles"));
    context.out << (context.json ? json_of_sci_profiles(list) : text_of_sci_profiles(list));
}

void run_sci_show(const Context& context, const SciShowOptions& options) {
    require_sci(context);
    std::vector<SciProfile> profiles;
    for (KernelProfile& profile : read_profiles(context, options.name))
        profiles.push_back(std::move(profile.profile));
    context.out << (context.json ? json_of_sci_needs(profiles) : text_of_sci_needs(profiles));
}

void run_sci_export(const Context& context, const SciExportOptions& options) {
    require_sci(context);
    const std::vector<KernelProfile> found = read_profiles(context, options.name);
    write_profile(context, options.output, found.front().text, found.front().profile);
}

void run_sci_import(const Context& context, const std::string& file) {
    const NamedText source = read_input(context, file);
    SciProfile profile;
    if (const auto problem = profile.load(source.text)) refuse(context, source, *problem);
    require_sci(context);
    const int error = context.kernel.write_debugfs("sci/text", source.text);
    if (is_refusal(error)) refuse(context, source, kernel_problem(context, error, profile));
    if (error != 0) context.kernel.fail_write("sci/text", error);
    context.out << (context.json ? json_of_import(&profile, std::nullopt)
                                 : "imported " + summary_of(profile));
}

void run_sci_merge(const Context& context, const SciMergeOptions& options) {
    std::optional<SciProfile> sum;
    std::string first_file;
    for (const std::string& file : options.files) {
        const NamedText source = read_input(context, file);
        SciProfile profile = load(source);
        if (!sum) {
            sum = std::move(profile);
            first_file = source.name;
            continue;
        }
        if (profile.build_id() != sum->build_id()) {
            throw Failure(ExitCode::kRuntime,
                          "the profiles are of different kernels: " + first_file +
                              " has build id " + sum->build_id() + ", " + source.name + " has " +
                              profile.build_id());
        }
        sum->add(profile);
    }
    if (options.name) sum->rename(*options.name);
    write_profile(context, options.output, sum->to_text(), *sum);
}

void run_sci_violations(const Context& context, bool clear) {
    require_sci(context);
    if (clear) {
        if (const int error = context.kernel.write_debugfs("sci/violations", "clear"))
            context.kernel.fail_write("sci/violations", error);
        context.out << (context.json ? json_of_cleared() : "violations cleared\n");
        return;
    }
    SciViolationLog log = parse_sci_violations(context.kernel.read_debugfs("sci/violations"));
    sort_by_importance(log);
    context.out << (context.json ? json_of_sci_violations(log) : text_of_sci_violations(log));
}

}  // namespace asi::ctl
