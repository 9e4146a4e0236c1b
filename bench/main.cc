// SPDX-License-Identifier: GPL-2.0-only
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "counted.h"
#include "micro.h"

namespace {

int usage() {
    std::fputs(
        "usage: asi-bench op NAME ...\n"
        "       asi-bench counted LABEL OPERATIONS COMMAND [ARG ...]\n"
        "\n"
        "op       Runs each operation N and N + M times and prints the difference.\n"
        "counted  Runs COMMAND, an absolute path, and prints what the kernel counted.\n"
        "One JSON object a line. Operations:",
        stderr);
    for (const std::string& name : asi::operation_names())
        std::fprintf(stderr, " %s", name.c_str());
    std::fputc('\n', stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string command = argc > 1 ? argv[1] : "";
    try {
        if (command == "op" && argc > 2)
            for (int i = 2; i < argc; ++i) asi::measure_operation(argv[i]);
        else if (command == "counted" && argc > 4)
            asi::run_counted(argv[2], std::strtoull(argv[3], nullptr, 10), argv + 4);
        else
            return usage();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "asi-bench: %s\n", error.what());
        return 1;
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}
