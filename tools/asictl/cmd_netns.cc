// SPDX-License-Identifier: GPL-2.0-only
//
// asictl netns list, show, isolate
#include <algorithm>
#include <ostream>

#include "commands.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {
namespace {

void require_netns(const Context& context) {
    const Status status = context.kernel.require_on();
    if (status.netns == false)
        throw Failure(ExitCode::kAsiOff,
                      "isolation of network namespaces is off; boot with netns_asi=on");
    if (!context.kernel.has_debugfs("netns/namespaces")) {
        throw Failure(ExitCode::kAsiOff, "no " + context.kernel.debugfs_path("netns/namespaces") +
                                             ": the kernel has no isolation of network namespaces");
    }
}

NetnsList read_namespaces(const Context& context) {
    NetnsList list = parse_netns(context.kernel.read_debugfs("netns/namespaces"));
    context.netns.add_names(list);
    return list;
}

}  // namespace

void run_netns_list(const Context& context) {
    require_netns(context);
    const NetnsList list = read_namespaces(context);
    context.out << (context.json ? json_of_netns(list) : text_of_netns(list));
}

void run_netns_show(const Context& context, const std::string& name) {
    require_netns(context);
    const NetnsList list = read_namespaces(context);
    const Number inum = parse_number(name);
    const auto found =
        std::find_if(list.namespaces.begin(), list.namespaces.end(), [&](const NetnsState& state) {
            return state.name == name || (inum && state.inum == inum);
        });
    if (found == list.namespaces.end())
        throw Failure(ExitCode::kRuntime,
                      "no namespace '" + name + "' was isolated; see asictl netns list");
    const NetnsTouchLog log = parse_netns_touches(context.kernel.read_debugfs("netns/refused"));
    context.out << (context.json ? json_of_netns(*found, log) : text_of_netns(*found, log));
}

void run_netns_isolate(const Context& context, const NetnsIsolateOptions& options) {
    const unsigned value = options.off ? 0 : options.lock ? 2 : 1;
    // The files of /sys show another namespace after that.
    context.kernel.require_on();
    if (options.name) context.netns.enter(*options.name);
    context.netns.write_switch(value);
    if (context.json) context.out << json_of_netns_switched(options.name, value);
}

}  // namespace asi::ctl
