// SPDX-License-Identifier: GPL-2.0-only
//
// asictl faults
#include <algorithm>
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "order.h"
#include "parse.h"
#include "policy_text.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {
namespace {

void clear_log(const Context& context) {
    if (const int error = context.kernel.write_debugfs("faults", "clear"))
        context.kernel.fail_write("faults", error);
    context.out << (context.json ? json_of_cleared() : "fault log cleared\n");
}

/// A class is known when the kernel lists it: it may have more of them than
/// this program was built with.
void keep_only_class(FaultLog& log, const std::string& class_name) {
    const auto is_other = [&](const auto& entry) { return entry.class_name != class_name; };
    std::erase_if(log.records, is_other);
    std::erase_if(log.totals, is_other);
    if (log.records.empty() && log.totals.empty() && !is_known_class(class_name))
        throw Failure(ExitCode::kUsage, "unknown class '" + class_name + "'");
}

}  // namespace

void run_faults(const Context& context, const FaultsOptions& options) {
    context.kernel.require_on();
    if (options.clear) return clear_log(context);
    FaultLog log = parse_faults(context.kernel.read_debugfs("faults"));
    if (options.class_name) keep_only_class(log, *options.class_name);
    sort_by_importance(log);
    context.out << (context.json ? json_of_faults(log) : text_of_faults(log));
}

}  // namespace asi::ctl
