// SPDX-License-Identifier: GPL-2.0-only
//
// What the kernel does now: asictl status, domains, stats.
#include <ostream>

#include "commands.h"
#include "order.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {

void run_status(const Context& context) {
    const Status status = context.kernel.status();
    context.out << (context.json ? json_of_status(status) : text_of_status(status));
}

void run_domains(const Context& context) {
    context.kernel.require_on();
    std::vector<Domain> domains = parse_domains(context.kernel.read_debugfs("domains"));
    sort_by_importance(domains);
    context.out << (context.json ? json_of_domains(domains) : text_of_domains(domains));
}

void run_stats(const Context& context) {
    context.kernel.require_on();
    const Pairs stats = parse_stats(context.kernel.read_debugfs("stats"));
    context.out << (context.json ? json_of_stats(stats) : text_of_stats(stats));
}

}  // namespace asi::ctl
