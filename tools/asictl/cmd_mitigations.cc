// SPDX-License-Identifier: GPL-2.0-only
//
// asictl mitigations
#include "mitigations.h"

#include <algorithm>
#include <ostream>

#include "commands.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {
namespace {

MachineFacts read_facts(const KernelFiles& kernel) {
    MachineFacts facts;
    facts.vulnerabilities = kernel.vulnerabilities();
    facts.status = kernel.find_status();
    facts.flush_mode = kernel.find_sysfs("kernel/asi/kvm/flush");
    facts.smt_control = kernel.find_sysfs("devices/system/cpu/smt/control");
    if (const Text active = kernel.find_sysfs("devices/system/cpu/smt/active")) {
        if (active == "0" || active == "1") facts.smt_active = active == "1";
    }
    if (const Text vms = kernel.find_debugfs("kvm")) facts.vms = parse_vms(*vms);
    return facts;
}

std::vector<BugState> known_states() {
    return assess({});
}

/// Those that were asked for, in that order.
std::vector<BugState> choose(std::vector<BugState> bugs, const std::vector<std::string>& names) {
    if (names.empty()) return bugs;
    std::vector<BugState> chosen;
    for (const std::string& name : names) {
        const auto found = std::find_if(bugs.begin(), bugs.end(),
                                        [&](const BugState& bug) { return bug.file == name; });
        if (found == bugs.end()) {
            std::string all;
            for (const BugState& bug : bugs) all += (all.empty() ? "" : ", ") + bug.file;
            throw Failure(ExitCode::kUsage,
                          "'" + name + "' is no processor bug that is known: one of " + all);
        }
        chosen.push_back(*found);
    }
    return chosen;
}

}  // namespace

void run_mitigations(const Context& context, const MitigationsOptions& options) {
    if (options.known) {
        const std::vector<BugState> bugs = choose(known_states(), options.bugs);
        context.out << (context.json ? json_of_known_bugs(bugs) : text_of_known_bugs(bugs));
        return;
    }
    const MachineFacts facts = read_facts(context.kernel);
    const std::vector<BugState> bugs = choose(assess(facts), options.bugs);
    if (context.json) {
        context.out << json_of_mitigations(facts, bugs);
    } else {
        context.out << (options.bugs.empty() ? text_of_mitigations(facts, bugs)
                                             : text_of_bugs(facts, bugs));
    }
}

}  // namespace asi::ctl
