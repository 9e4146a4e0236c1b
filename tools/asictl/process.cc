// SPDX-License-Identifier: GPL-2.0-only
#include "process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace asi::ctl {
namespace {

class ThisProcess : public Process {
  public:
    int isolate(unsigned long operation, sci_config& config) override {
        return prctl(PR_SYSCALL_ISOLATION, operation, &config, 0L, 0L) == 0 ? 0 : errno;
    }
    int set_no_new_privs() override {
        return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 ? 0 : errno;
    }
    bool is_root() override { return geteuid() == 0; }
    int execute(const std::vector<std::string>& command) override {
        std::vector<char*> argv;
        argv.reserve(command.size() + 1);
        for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        execvp(argv[0], argv.data());
        return errno;
    }
};

}  // namespace

Process& this_process() {
    static ThisProcess process;
    return process;
}

}  // namespace asi::ctl
