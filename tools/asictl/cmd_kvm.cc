// SPDX-License-Identifier: GPL-2.0-only
//
// asictl kvm report
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "order.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {

void run_kvm_report(const Context& context) {
    const Status status = context.kernel.require_on();
    if (status.kvm == false) {
        throw Failure(ExitCode::kAsiOff,
                      "isolation of virtual machines is off; boot with kvm_asi=on to use this");
    }
    if (!context.kernel.has_debugfs("kvm")) {
        throw Failure(ExitCode::kAsiOff, "no " + context.kernel.debugfs_path("kvm") +
                                             ": kvm is not loaded or has no isolation");
    }
    std::vector<Vm> vms = parse_vms(context.kernel.read_debugfs("kvm"));
    sort_by_importance(vms);
    context.out << (context.json ? json_of_vms(vms) : text_of_vms(vms));
}

}  // namespace asi::ctl
