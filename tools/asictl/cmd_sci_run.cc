// SPDX-License-Identifier: GPL-2.0-only
//
// asictl sci run
#include <cerrno>
#include <cstring>
#include <ostream>

#include "commands.h"
#include "failure.h"
#include "process.h"
#include "sci_profile.h"

namespace asi::ctl {
namespace {

constexpr const char* kBuiltInProfile = "default";

[[noreturn]] void fail(const std::string& message) {
    throw Failure(ExitCode::kRunFailed, message);
}

sci_config config_of(const SciRunOptions& options) {
    sci_config config = {};
    config.size = sizeof(config);
    config.mode = options.mode;
    options.profile.copy(config.profile, sizeof(config.profile) - 1);
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call)
        if (options.calls.test(call)) config.syscalls[call / 64] |= 1ULL << call % 64;
    return config;
}

void set_no_new_privs(Process& process) {
    if (const int error = process.set_no_new_privs())
        fail(std::string("cannot set no_new_privs: ") + std::strerror(error));
}

/// Says what @error of PR_SCI_ENABLE means here.
[[noreturn]] void fail_enable(Process& process, const SciRunOptions& options, int error) {
    sci_config now = {};
    now.size = sizeof(now);
    const int get_error = process.isolate(PR_SCI_GET, now);
    switch (error) {
        case EOPNOTSUPP:
            fail("system-call isolation is off; boot with asi=on sci=on");
        case EACCES:
            fail("system-call isolation takes CAP_SYS_ADMIN or --no-new-privs");
        case EPERM:
            if (get_error == 0 && now.flags & SCI_FLAG_LOCKED)
                fail("the system-call isolation of this process is locked");
            if (options.mode == SCI_MODE_LEARN && options.profile == kBuiltInProfile)
                fail(
                    "the built-in profile 'default' cannot be learned; name another with "
                    "--profile");
            if (options.mode == SCI_MODE_LEARN) fail("--mode=learn takes CAP_SYS_ADMIN");
            fail(
                "system-call isolation takes CAP_SYS_ADMIN: the sysctl "
                "kernel.unprivileged_syscall_isolation is 0");
        case ENOENT:
            fail("no profile '" + options.profile +
                 "'; learn it with --mode=learn or import it first");
        case EINVAL:
            if (get_error == EINVAL) fail("the running kernel has no system-call isolation");
            fail(
                "the kernel can isolate none of these calls, as prctl and ptrace never are, or "
                "takes the name of the profile for none");
        default:
            break;
    }
    fail(std::string("cannot start system-call isolation: ") + std::strerror(error));
}

void isolate(Process& process, const SciRunOptions& options) {
    sci_config config = config_of(options);
    if (options.no_new_privs) set_no_new_privs(process);
    int error = process.isolate(PR_SCI_ENABLE, config);
    if (error == EACCES && !options.no_new_privs && !process.is_root()) {
        set_no_new_privs(process);
        error = process.isolate(PR_SCI_ENABLE, config);
    }
    if (error != 0) fail_enable(process, options, error);
}

}  // namespace

void run_sci_run(Process& process, const SciRunOptions& options) {
    if (options.command.empty() || options.command.front().empty())
        fail(
            "no command; it comes after --: asictl sci run [OPTION ...] -- COMMAND [ARGUMENT "
            "...]");
    isolate(process, options);
    const int error = process.execute(options.command);
    throw Failure(error == ENOENT ? ExitCode::kNotFound : ExitCode::kNotExecutable,
                  "cannot run " + options.command.front() + ": " + std::strerror(error));
}

}  // namespace asi::ctl
