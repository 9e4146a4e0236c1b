// SPDX-License-Identifier: GPL-2.0-only
//
// asictl verify
#include <ostream>

#include "commands.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {
namespace {

/// Unlike other commands this one must not show what it understood and pass
/// over the rest: "no violation" would then be untrue.
void require_understood(const Context& context, const Verification& verification) {
    std::string problem;
    if (!verification.other.empty()) {
        const auto& [word, rest] = verification.other.front();
        problem = "not understood: '" + word + (rest.empty() ? "" : " " + rest) + "'";
    } else if (!verification.violations) {
        problem = "it ends before the summary";
    } else if (verification.shown.size() > *verification.violations) {
        problem = "more violations listed than counted";
    } else {
        return;
    }
    throw Failure(ExitCode::kRuntime,
                  "cannot read " + context.kernel.debugfs_path("verify") + ": " + problem);
}

}  // namespace

ExitCode run_verify(const Context& context) {
    context.kernel.require_on();
    const Verification verification = parse_verification(context.kernel.read_debugfs("verify"));
    require_understood(context, verification);
    context.out << (context.json ? json_of_verification(verification)
                                 : text_of_verification(verification));
    return verification.violations == 0u ? ExitCode::kSuccess : ExitCode::kRuntime;
}

}  // namespace asi::ctl
