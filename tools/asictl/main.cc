// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include <exception>
#include <iostream>

#include "cli.h"
#include "failure.h"

using asi::ctl::OutputKind;

int main(int argc, char** argv) {
    // Synchronized with stdio, std::cin takes a read error for the end of the input.
    std::ios_base::sync_with_stdio(false);
    try {
        return asi::ctl::run({argv + 1, argv + argc}, std::cin, std::cout, std::cerr,
                             isatty(STDOUT_FILENO) ? OutputKind::kTerminal : OutputKind::kStream);
    } catch (const std::exception& error) {
        std::cerr << "asictl: " << error.what() << '\n';
        return static_cast<int>(asi::ctl::ExitCode::kRuntime);
    }
}
