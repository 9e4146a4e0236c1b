// SPDX-License-Identifier: GPL-2.0-only
//
// asictl sci run: what it asks of the kernel, and what it says when the kernel
// refuses.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>

#include "command_fixture.h"
#include "commands.h"

namespace asi::ctl {
namespace {

/// A kernel of our making.
struct FakeProcess : Process {
    std::vector<int> enable = {0};  ///< results, one after the other
    int get = 0;
    unsigned flags = 0;
    int no_new_privs = 0;
    bool root = true;
    int execution = ENOENT;

    std::string log;
    sci_config config = {};

    int isolate(unsigned long operation, sci_config& c) override {
        EXPECT_EQ(c.size, sizeof(c));
        if (operation == PR_SCI_GET) {
            c.flags = flags;
            return get;
        }
        EXPECT_EQ(operation, static_cast<unsigned long>(PR_SCI_ENABLE));
        log += "enable ";
        config = c;
        const int result = enable.front();
        enable.erase(enable.begin());
        return result;
    }
    int set_no_new_privs() override {
        log += "nnp ";
        return no_new_privs;
    }
    bool is_root() override { return root; }
    int execute(const std::vector<std::string>& command) override {
        log += "exec:" + command.front();
        return execution;
    }
};

SciRunOptions options_of(const std::string& command = "true") {
    SciRunOptions options;
    options.command = {command};
    return options;
}

void expect_failure(FakeProcess process, const SciRunOptions& options, int status,
                    const std::string& message, const std::string& log) {
    try {
        run_sci_run(process, options);
        ADD_FAILURE() << "no failure";
    } catch (const Failure& failure) {
        EXPECT_EQ(static_cast<int>(failure.code()), status);
        EXPECT_EQ(failure.what(), message);
        EXPECT_EQ(process.log, log);
    }
}

TEST(SciRun, asks_for_what_it_was_told) {
    FakeProcess process;
    SciRunOptions options = options_of();
    options.profile = "web";
    options.mode = SCI_MODE_LOG;
    options.calls = parse_call_set("read,write,511,64");
    EXPECT_THROW(run_sci_run(process, options), Failure);
    EXPECT_EQ(process.config.mode, static_cast<unsigned>(SCI_MODE_LOG));
    EXPECT_EQ(process.config.flags, 0u);
    EXPECT_EQ(process.config.pad, 0u);
    EXPECT_STREQ(process.config.profile, "web");
    EXPECT_EQ(process.config.syscalls[0], 3u);
    EXPECT_EQ(process.config.syscalls[1], 1u);
    EXPECT_EQ(process.config.syscalls[7], 1ull << 63);
    EXPECT_EQ(process.log, "enable exec:true");
}

TEST(SciRun, enforces_the_default_profile_for_all_calls_by_default) {
    FakeProcess process;
    EXPECT_THROW(run_sci_run(process, options_of()), Failure);
    EXPECT_EQ(process.config.mode, static_cast<unsigned>(SCI_MODE_ENFORCE));
    EXPECT_STREQ(process.config.profile, "default");
    for (const auto word : process.config.syscalls) EXPECT_EQ(word, ~0ull);
}

TEST(SciRun, sets_no_new_privs_only_when_it_must_or_was_told) {
    FakeProcess user;
    user.root = false;
    expect_failure(user, options_of(), 127, "cannot run true: No such file or directory",
                   "enable exec:true");
    user.enable = {EACCES, 0};
    expect_failure(user, options_of(), 127, "cannot run true: No such file or directory",
                   "enable nnp enable exec:true");
    user.no_new_privs = EINVAL;
    expect_failure(user, options_of(), 125, "cannot set no_new_privs: Invalid argument",
                   "enable nnp ");
    FakeProcess root;
    root.enable = {EACCES};
    expect_failure(root, options_of(), 125,
                   "system-call isolation takes CAP_SYS_ADMIN or --no-new-privs", "enable ");
    SciRunOptions told = options_of();
    told.no_new_privs = true;
    expect_failure(FakeProcess(), told, 127, "cannot run true: No such file or directory",
                   "nnp enable exec:true");
    root.enable = {EACCES};
    root.root = false;
    expect_failure(root, told, 125, "system-call isolation takes CAP_SYS_ADMIN or --no-new-privs",
                   "nnp enable ");
}

TEST(SciRun, says_what_each_refusal_means) {
    const auto expect = [](int error, const std::string& message, unsigned mode = SCI_MODE_ENFORCE,
                           int get = 0, unsigned flags = 0, const std::string& profile = "web") {
        FakeProcess process;
        process.enable = {error};
        process.get = get;
        process.flags = flags;
        SciRunOptions options = options_of();
        options.profile = profile;
        options.mode = mode;
        expect_failure(process, options, 125, message, "enable ");
    };
    expect(EOPNOTSUPP, "system-call isolation is off; boot with asi=on sci=on");
    expect(EPERM, "the system-call isolation of this process is locked", SCI_MODE_LEARN, 0,
           SCI_FLAG_LOCKED);
    expect(EPERM, "--mode=learn takes CAP_SYS_ADMIN", SCI_MODE_LEARN);
    expect(EPERM, "the built-in profile 'default' cannot be learned; name another with --profile",
           SCI_MODE_LEARN, 0, 0, "default");
    expect(EPERM,
           "system-call isolation takes CAP_SYS_ADMIN: the sysctl "
           "kernel.unprivileged_syscall_isolation is 0");
    expect(ENOENT, "no profile 'web'; learn it with --mode=learn or import it first");
    expect(EINVAL, "the running kernel has no system-call isolation", SCI_MODE_LOG, EINVAL);
    expect(
        EINVAL,
        "the kernel can isolate none of these calls, as prctl and ptrace never are, or takes the "
        "name of the profile for none");
    expect(ENOMEM, "cannot start system-call isolation: Cannot allocate memory");
    expect(EFAULT, "cannot start system-call isolation: Bad address");
}

TEST(SciRun, statuses_are_those_of_env) {
    FakeProcess process;
    process.execution = EACCES;
    expect_failure(process, options_of("/etc/passwd"), 126,
                   "cannot run /etc/passwd: Permission denied", "enable exec:/etc/passwd");
    const std::string missing =
        "no command; it comes after --: asictl sci run [OPTION ...] -- COMMAND [ARGUMENT ...]";
    expect_failure(process, SciRunOptions(), 125, missing, "");
    expect_failure(process, options_of(""), 125, missing, "");
}

TEST_F(CommandTest, sci_run_fails_with_125_before_the_command_runs) {
    const std::pair<std::vector<std::string>, std::string> cases[] = {
        {{}, "it comes after --"},
        {{"--"}, "it comes after --"},
        {{"true"}, "true"},
        {{"true"}, "the command comes after --"},
        {{"--bogus", "--", "true"}, "--bogus"},
        {{"--mode=x", "--", "true"}, "'x' is not learn, enforce or log"},
        {{"--profile=..", "--", "true"}, "'..' is not a name of a profile"},
        {{"--syscalls=bogus", "--", "true"}, "unknown system call 'bogus'"},
        {{"--syscalls=read,!all", "--", "true"}, "no system call is left"},
        {{"--syscalls", "--", "true"}, "--syscalls"},
    };
    for (const auto& [arguments, message] : cases) {
        std::vector<std::string> command = {"sci", "run"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const Outcome outcome = run_bare(command);
        EXPECT_EQ(outcome.status, 125) << testing::PrintToString(command);
        expect_one_line_naming(outcome.err, message);
    }
    EXPECT_EQ(run_bare({"sci", "run", "--help"}).status, 0);
    EXPECT_EQ(run_bare({"sci", "--help"}).status, 0);
}

TEST_F(CommandTest, words_after_the_mark_are_the_commands) {
    // Everywhere else the mark is nothing special.
    EXPECT_EQ(run_bare({"policy", "check", "--", "kvm", "data", "r", "exit"}).status, 0);
    EXPECT_EQ(run_bare({"sci", "profiles", "--", "run"}).status, 2);
}

/// As a process, on the kernel the test runs on.
TEST(SciRunProcess, runs_the_command_or_says_why_not) {
    const std::string program = ASICTL_PROGRAM;
    const auto status_of = [&](const std::string& rest) {
        const int status = std::system((program + " sci run " + rest + " 2>/dev/null").c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    const int status = status_of("-- sh -c 'exit 7'");
    if (status != 7) {
        EXPECT_EQ(status, 125);
        GTEST_SKIP() << "this kernel has no system-call isolation";
    }
    EXPECT_EQ(status_of("-- /nonexistent/command"), 127);
    EXPECT_EQ(status_of("-- /etc/passwd"), 126);
}

TEST(CallSet, understands_names_numbers_and_all) {
    EXPECT_EQ(parse_call_set("all").count(), static_cast<std::size_t>(SCI_MAX_CALLS));
    EXPECT_EQ(parse_call_set("read").to_ullong(), 1u);
    EXPECT_EQ(parse_call_set("0,write,1").to_ullong(), 3u);
    const CallSet but_one = parse_call_set("!ioctl");
    EXPECT_EQ(but_one.count(), static_cast<std::size_t>(SCI_MAX_CALLS) - 1);
    EXPECT_FALSE(but_one.test(16));
    EXPECT_EQ(parse_call_set("all,!read"), parse_call_set("!read"));
    EXPECT_EQ(parse_call_set("!read,read"), parse_call_set("all"));
    EXPECT_EQ(parse_call_set("read,!0,write").to_ullong(), 2u);
    EXPECT_EQ(parse_call_set("read,!all,write").to_ullong(), 2u);
}

TEST(CallSet, refuses_what_is_no_call) {
    for (const char* list : {"", ",", "read,", ",read", "bogus", "READ", "512", "-1", "0x1", "1 ",
                             "!", "!!read", "read,!read", "!all", "read write"})
        EXPECT_THROW((void)parse_call_set(list), Failure) << list;
}

TEST(CallNames, go_both_ways) {
    EXPECT_EQ(call_name(0), "read");
    EXPECT_EQ(call_name(59), "execve");
    EXPECT_EQ(call_name(500), "500");
    EXPECT_EQ(find_call("execve"), 59u);
    EXPECT_EQ(find_call("500"), 500u);
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call)
        EXPECT_EQ(find_call(call_name(call)), call);
}

}  // namespace
}  // namespace asi::ctl
