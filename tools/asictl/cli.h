// SPDX-License-Identifier: GPL-2.0-only
#ifndef ASICTL_CLI_H
#define ASICTL_CLI_H

#include <iosfwd>
#include <string>
#include <vector>

namespace asi::ctl {

enum class OutputKind {
    kStream,
    kTerminal,  ///< @out is standard output, and that is a terminal
};

/// The whole program, without the process around it.  @arguments leaves out
/// the program's name.  Returns the exit status.
int run(const std::vector<std::string>& arguments, std::istream& in, std::ostream& out,
        std::ostream& err, OutputKind out_kind = OutputKind::kStream);

}  // namespace asi::ctl

#endif  // ASICTL_CLI_H
