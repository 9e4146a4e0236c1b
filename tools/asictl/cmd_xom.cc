// SPDX-License-Identifier: GPL-2.0-only
//
// asictl xom
#include <ostream>

#include "commands.h"
#include "parse.h"
#include "render_json.h"
#include "render_text.h"

namespace asi::ctl {

/// Execute-only text needs neither asi=on nor a domain.
void run_xom(const Context& context) {
    // The folder is there whenever isolation is built in; where it is not, status() says so.
    [[maybe_unused]] const Status status = context.kernel.status();
    const Text text = context.kernel.find_state("xom");
    if (!text) {
        throw Failure(ExitCode::kAsiOff, "no " + context.kernel.state_path("xom") +
                                             ": the kernel has no execute-only text");
    }
    const Xom xom = parse_xom(*text);
    context.out << (context.json ? json_of_xom(xom) : text_of_xom(xom));
}

}  // namespace asi::ctl
