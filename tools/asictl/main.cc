// SPDX-License-Identifier: GPL-2.0-only
#include <exception>
#include <iostream>

#include "cli.h"
#include "failure.h"

int main(int argc, char** argv) {
    // Synchronized with stdio, std::cin takes a read error for the end of the input.
    std::ios_base::sync_with_stdio(false);
    try {
        return asi::ctl::run({argv + 1, argv + argc}, std::cin, std::cout, std::cerr);
    } catch (const std::exception& error) {
        std::cerr << "asictl: " << error.what() << '\n';
        return static_cast<int>(asi::ctl::ExitCode::kRuntime);
    }
}
