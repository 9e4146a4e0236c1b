// SPDX-License-Identifier: GPL-2.0-only
//
// Whole commands, from the arguments to the exit status, over a copy of the
// kernel's files in testdata.
#include <gtest/gtest.h>
#include <unistd.h>

#include "command_fixture.h"

namespace asi::ctl {
namespace {

const std::vector<std::vector<std::string>> kKernelCommands = {
    {"domains"},
    {"faults"},
    {"faults", "--clear"},
    {"policy", "show"},
    {"stats"},
    {"policy", "set", "kvm", "data", "r", "exit"},
    {"kvm", "report"},
    {"verify"},
    {"kvm"},
    {"kvm", "top"},
    {"sci", "profiles"},
    {"sci", "show"},
    {"sci", "export", "web"},
    {"sci", "violations"},
    {"sci", "violations", "--clear"},
};

TEST_F(CommandTest, every_command_says_when_the_kernel_has_no_asi) {
    auto commands = kKernelCommands;
    commands.push_back({"status"});
    for (const auto& command : commands) {
        const Outcome outcome = run_on("none", command);
        EXPECT_EQ(outcome.status, 3) << command[0];
        EXPECT_EQ(outcome.out, "");
        expect_one_line_naming(outcome.err, "no address space isolation");
    }
}

TEST_F(CommandTest, every_command_that_needs_asi_on_says_when_it_is_off) {
    for (const auto& command : kKernelCommands) {
        const Outcome outcome = run_on("off", command);
        EXPECT_EQ(outcome.status, 4) << command[0];
        expect_one_line_naming(outcome.err, "not requested");
    }
}

TEST_F(CommandTest, status_works_when_asi_is_off) {
    const Outcome outcome = run_on("off", {"status"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_NE(outcome.out.find("reason       not requested\n"), std::string::npos) << outcome.out;
}

TEST_F(CommandTest, wrong_usage_is_exit_2) {
    const std::vector<std::vector<std::string>> wrong = {
        {},
        {"bogus"},
        {"policy"},
        {"policy", "bogus"},
        {"kvm", "bogus"},
        {"kvm", "report", "--interval=1"},
        {"status", "extra"},
        {"verify", "extra"},
        {"verify", "--bogus"},
        {"--bogus"},
        {"faults", "--class"},
        {"faults", "--class=kvm", "--clear"},
        {"policy", "set"},
        {"policy", "check"},
        {"policy", "check", "kvm", "data", "r", "exit", "-f", "x"},
        {"policy", "show", "kvm"},
        {"sci"},
        {"sci", "bogus"},
        {"sci", "profiles", "extra"},
        {"sci", "show", "web", "extra"},
        {"sci", "export"},
        {"sci", "import"},
        {"sci", "merge"},
        {"sci", "merge", "-o", "x"},
        {"sci", "merge", "--name=a/b", "x"},
        {"sci", "violations", "extra"},
    };
    for (const auto& command : wrong) {
        const Outcome outcome = run_bare(command);
        EXPECT_EQ(outcome.status, 2) << testing::PrintToString(command);
        expect_one_line_naming(outcome.err, "");
    }
    expect_one_line_naming(run_bare({"bogus"}).err, "bogus");
}

TEST_F(CommandTest, help_is_success_and_names_the_exit_statuses) {
    const Outcome outcome = run_bare({"--help"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_NE(outcome.out.find("Exit status"), std::string::npos);
    EXPECT_EQ(outcome.out.find("sysfs-root"), std::string::npos);
    EXPECT_NE(run_bare({"kvm", "report", "--help"}).out.find("JSON"), std::string::npos);
}

TEST_F(CommandTest, json_works_before_and_after_the_subcommand) {
    const std::string expected = run_on("on", {"--json", "kvm", "report"}).out;
    EXPECT_TRUE(Json::accept(expected));
    EXPECT_EQ(run_on("on", {"kvm", "--json", "report"}).out, expected);
    EXPECT_EQ(run_on("on", {"kvm", "report", "--json"}).out, expected);
}

TEST_F(CommandTest, status_in_json_has_typed_values) {
    const Json json = json_on({"status"});
    EXPECT_EQ(json["state"], "on");
    EXPECT_TRUE(json["reason"].is_null());
    EXPECT_EQ(json["pti"], true);
    EXPECT_EQ(json["pcid"], false);
    EXPECT_EQ(json["sci"], true);
    EXPECT_EQ(json["cr3_writes"], 24);
    EXPECT_TRUE(json["other"].empty());
}

TEST_F(CommandTest, unknown_status_keys_are_shown) {
    put(directory_ / "on/sysfs/kernel/asi/status", "state on\nlater off\nslots 6\nslots 7\n");
    const Outcome text = run_on("on", {"status"});
    EXPECT_NE(text.out.find("later        off\n"), std::string::npos) << text.out;
    const Json json = json_on({"status"});
    EXPECT_EQ(json["other"]["later"], "off");
    EXPECT_EQ(json["other"]["slots"], Json({6, 7}));
    EXPECT_TRUE(json["enters"].is_null());
}

TEST_F(CommandTest, domains_show_reachable_memory_largest_first) {
    const Outcome outcome = run_on("on", {"domains"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out,
              "DOMAIN  CLASS  PID  COMM             REACHABLE  OF RAM    OWNED  TABLES  RESERVE\n"
              "     3  kvm    123  qemu-system-x86   40.0 MiB   1.95%  1.2 MiB      17       24\n"
              "     2  test    88  asi_selftest       1.0 MiB   0.05%  4.0 KiB       9        4\n"
              "\n"
              "domain 3, reachable memory by kind:\n"
              "  KIND              SIZE  OF REACHABLE  OF RAM\n"
              "  kernel_text   12.0 MiB        30.00%   0.59%\n"
              "  percpu       512.0 KiB         1.25%   0.02%\n"
              "  object         4.0 KiB        <0.01%  <0.01%\n"
              "\n"
              "domain 2, reachable memory by kind:\n"
              "  KIND            SIZE  OF REACHABLE  OF RAM\n"
              "  kernel_text  1.0 MiB       100.00%   0.05%\n");
}

TEST_F(CommandTest, domains_in_json) {
    const Json json = json_on({"domains"});
    ASSERT_EQ(json["domains"].size(), 2u);
    const Json& domain = json["domains"][0];
    EXPECT_EQ(domain["domain"], 3);
    EXPECT_EQ(domain["reachable_bytes"], 41943040);
    EXPECT_DOUBLE_EQ(domain["ram_percent"], 1.953125);
    EXPECT_EQ(domain["kinds"][0]["kind"], "kernel_text");
    EXPECT_DOUBLE_EQ(domain["kinds"][0]["reachable_percent"], 30.0);
}

TEST_F(CommandTest, no_domains_is_no_error) {
    put(asi_file("domains"), "");
    EXPECT_EQ(run_on("on", {"domains"}).out, "no domains\n");
    EXPECT_TRUE(json_on({"domains"})["domains"].empty());
}

TEST_F(CommandTest, faults_show_denied_accesses_first_then_by_count) {
    const Json json = json_on({"faults"});
    ASSERT_EQ(json["faults"].size(), 3u);
    EXPECT_EQ(json["faults"][0]["action"], "deny");
    EXPECT_EQ(json["faults"][1]["count"], 300);
    EXPECT_EQ(json["faults"][1]["critical"], true);
    EXPECT_TRUE(json["faults"][1]["cache"].is_null());
    EXPECT_EQ(json["faults"][2]["cache"], "kmalloc-512");
    EXPECT_EQ(json["faults"][2]["ip"], "0xffffffff81000000");
    EXPECT_EQ(json["totals"][0], Json({{"class", "kvm"}, {"total", 320}, {"dropped", 8}}));

    const std::string text = run_on("on", {"faults"}).out;
    EXPECT_NE(text.find("slab:kmalloc-512"), std::string::npos);
    EXPECT_NE(text.find("kvm: 320 faults in all, 8 not listed"), std::string::npos) << text;
}

TEST_F(CommandTest, faults_of_one_class) {
    const Json json = json_on({"faults", "--class=kvm"});
    EXPECT_EQ(json["faults"].size(), 2u);
    EXPECT_EQ(json["totals"].size(), 1u);
}

TEST_F(CommandTest, a_class_is_known_by_the_engine_or_by_the_kernel) {
    const Outcome unknown = run_on("on", {"faults", "--class=bogus"});
    EXPECT_EQ(unknown.status, 2);
    expect_one_line_naming(unknown.err, "'bogus'");
    put(asi_file("faults"), "total sci 0\n");
    EXPECT_EQ(run_on("on", {"faults", "--class=sci"}).status, 0);
    EXPECT_EQ(run_on("on", {"faults", "--class=kvm"}).status, 0);
}

TEST_F(CommandTest, clear_writes_the_word_the_kernel_waits_for) {
    put(asi_file("faults"), "");
    const Outcome outcome = run_on("on", {"faults", "--clear"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(content(asi_file("faults")), "clear");
    EXPECT_EQ(json_on({"faults", "--clear"})["cleared"], true);
}

TEST_F(CommandTest, names_from_processes_send_no_escape_codes) {
    put(asi_file("domains"), "domain 1 class kvm pid 1 comm a\x1b[2J\xff\n");
    const Outcome text = run_on("on", {"domains"});
    EXPECT_EQ(text.out.find('\x1b'), std::string::npos);
    const Json json = json_on({"domains"});  // parses, in spite of the stray byte
    EXPECT_EQ(json["domains"][0]["pid"], 1);
}

TEST_F(CommandTest, policy_show_prints_the_kernel_text_as_it_is) {
    EXPECT_EQ(run_on("on", {"policy", "show"}).out, content(asi_file("policy")));
    const Json json = json_on({"policy", "show"});
    EXPECT_EQ(json["source"], "kernel");
    ASSERT_EQ(json["rules"].size(), 3u);
    EXPECT_EQ(json["rules"][1]["cache"], "kvm_vcpu");
    EXPECT_EQ(json["rules"][2]["log"], false);
}

TEST_F(CommandTest, policy_show_default_needs_no_kernel) {
    const Outcome text = run_on("none", {"policy", "show", "--default"});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_FALSE(text.out.empty());
    EXPECT_EQ(run_on("none", {"policy", "check", "-"}, text.out).status, 0);
    const Json json = Json::parse(run_on("none", {"policy", "show", "--default", "--json"}).out);
    EXPECT_EQ(json["source"], "default");
    std::string rules;
    for (const Json& rule : json["rules"]) rules += rule["text"].get<std::string>() + "\n";
    EXPECT_EQ(run_on("none", {"policy", "check", "-"}, rules).status, 0);
}

TEST_F(CommandTest, policy_check_needs_no_kernel_and_changes_nothing) {
    for (const std::string state : {"none", "on", "off"}) {
        const std::string before = content(asi_file("policy"));
        EXPECT_EQ(run_on(state, {"policy", "check", "kvm", "data", "r", "exit"}).status, 0);
        EXPECT_EQ(run_on(state, {"policy", "set", "--dry-run", "kvm data r exit"}).status, 0);
        EXPECT_EQ(content(asi_file("policy")), before);
    }
}

TEST_F(CommandTest, policy_check_names_line_and_word) {
    const fs::path file = directory_ / "rules";
    put(file, "kvm data r exit\nkvm slob r exit\n");
    const Outcome outcome = run_on("none", {"policy", "check", "-f", file.string()});
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, file.string() + ": line 2: ");
    expect_one_line_naming(outcome.err, "slob");

    const Outcome json =
        run_on("none", {"policy", "check", "--json", "-"}, "kvm data r exit\nkvm slob r exit\n");
    EXPECT_EQ(json.status, 1);
    EXPECT_EQ(Json::parse(json.out)["valid"], false);
    EXPECT_EQ(Json::parse(json.out)["error"]["line"], 2);
    expect_one_line_naming(json.err, "standard input: line 2: ");
}

TEST_F(CommandTest, policy_rules_come_from_arguments_file_or_standard_input) {
    const fs::path file = directory_ / "rules";
    put(file, "kvm data r exit\n");
    const std::vector<std::vector<std::string>> ways = {
        {"kvm", "data", "r", "exit"},
        {"kvm data r exit"},
        {"-f", file.string()},
        {"--file=" + file.string()},
        {"-"},
        {"-f", "-"},
    };
    for (const auto& way : ways) {
        put(asi_file("policy"), "");
        std::vector<std::string> command = {"policy", "set"};
        command.insert(command.end(), way.begin(), way.end());
        const Outcome outcome = run_on("on", command, "kvm data r exit\n");
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_EQ(content(asi_file("policy")), "kvm data r exit\n") << way[0];
    }
}

TEST_F(CommandTest, policy_file_that_is_not_there_is_named) {
    const Outcome outcome = run_on("on", {"policy", "set", "-f", "/nonexistent/rules"});
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "/nonexistent/rules: No such file");
}

TEST_F(CommandTest, an_empty_policy_is_not_applied) {
    const Outcome outcome = run_on("on", {"policy", "set", "-"}, "");
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "no rules");
}

TEST_F(CommandTest, policy_that_the_kernel_refuses_is_explained_in_its_words) {
    // A file that answers EINVAL to anything but a number.
    fs::remove(asi_file("policy"));
    fs::create_symlink("/proc/self/oom_score_adj", asi_file("policy"));
    const Outcome text = run_on("on", {"policy", "set", "kvm slob r exit"});
    EXPECT_EQ(text.status, 1);
    expect_one_line_naming(text.err, "line 2: unknown kind 'slob'");

    const Outcome json = run_on("on", {"policy", "set", "kvm slob r exit", "--json"});
    EXPECT_EQ(Json::parse(json.out)["applied"], false);
    EXPECT_EQ(Json::parse(json.out)["error"]["message"], "unknown kind 'slob'");

    put(asi_file("policy_error"), "");
    expect_one_line_naming(run_on("on", {"policy", "set", "kvm slob r exit"}).err,
                           "did not say why");
}

TEST_F(CommandTest, policy_write_that_fails_otherwise_is_reported_as_such) {
    fs::remove(asi_file("policy"));
    fs::create_symlink("/dev/full", asi_file("policy"));
    const Outcome outcome = run_on("on", {"policy", "set", "kvm data r exit"});
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "No space left");
}

TEST_F(CommandTest, stats_in_the_kernels_order) {
    EXPECT_EQ(run_on("on", {"stats"}).out,
              "enters     1200\n"
              "exits        37\n"
              "pcid_hits  1100\n");
    EXPECT_EQ(json_on({"stats"})["pcid_hits"], 1100);
}

TEST_F(CommandTest, verify_without_violations_is_success) {
    const Outcome outcome = run_on("on", {"verify"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "2 domains, 434 mappings checked: no violation\n");
    EXPECT_EQ(json_on({"verify"}),
              Json({{"domains", 2}, {"leaves", 434}, {"violations", 0}, {"shown", Json::array()}}));
}

TEST_F(CommandTest, verify_shows_violations_and_is_exit_1) {
    put(asi_file("verify"),
        "violation domain 3 address 0xffff888001234000 entry 0x8000000001234063 what another "
        "frame\n"
        "violation domain 12 address 0x1000 entry 0x67 what not user\x1b memory\n"
        "domains 2 leaves 434 violations 2\n");
    const Outcome text = run_on("on", {"verify"});
    EXPECT_EQ(text.status, 1);
    EXPECT_EQ(text.err, "");
    EXPECT_EQ(text.out,
              "DOMAIN  ADDRESS             ENTRY               WHAT\n"
              "     3  0xffff888001234000  0x8000000001234063  another frame\n"
              "    12  0x1000              0x67                not user? memory\n"
              "\n"
              "2 domains, 434 mappings checked: 2 violations\n");

    const Outcome json = run_on("on", {"verify", "--json"});
    EXPECT_EQ(json.status, 1);
    EXPECT_EQ(json.err, "");
    const Json object = Json::parse(json.out);
    EXPECT_EQ(object["domains"], 2);
    EXPECT_EQ(object["leaves"], 434);
    EXPECT_EQ(object["violations"], 2);
    ASSERT_EQ(object["shown"].size(), 2u);
    EXPECT_EQ(object["shown"][0], Json({{"domain", 3},
                                        {"address", "0xffff888001234000"},
                                        {"entry", "0x8000000001234063"},
                                        {"what", "another frame"}}));
}

TEST_F(CommandTest, verify_says_when_not_all_violations_are_shown) {
    const std::string one = "violation domain 3 address 0x1000 entry 0x67 what Global\n";
    put(asi_file("verify"), one + "domains 1 leaves 1 violations 1\n");
    const std::string all = run_on("on", {"verify"}).out;
    EXPECT_NE(all.find("\n1 domain, 1 mapping checked: 1 violation\n"), std::string::npos) << all;

    put(asi_file("verify"), one + one + "domains 1 leaves 512 violations 40\n");
    const Outcome some = run_on("on", {"verify"});
    EXPECT_EQ(some.status, 1);
    EXPECT_NE(some.out.find("checked: 40 violations, 2 of them shown\n"), std::string::npos)
        << some.out;
    const Json json = Json::parse(run_on("on", {"verify", "--json"}).out);
    EXPECT_EQ(json["violations"], 40);
    EXPECT_EQ(json["shown"].size(), 2u);
}

TEST_F(CommandTest, verify_has_no_result_unless_it_understands_everything) {
    const std::string one = "violation domain 3 address 0x1000 entry 0x67 what Global\n";
    const std::pair<std::string, std::string> cases[] = {
        {"", "it ends before the summary"},
        {one, "it ends before the summary"},
        {one + "domains 1 leaves 2 violations 0\n", "more violations listed than counted"},
        {"domains 1 leaves 2 violations none\n", "'domains 1 leaves 2 violations none'"},
        {"violation domain 3\ndomains 1 leaves 2 violations 1\n", "'violation domain 3'"},
        {"domains 1 leaves 2 violations 0\nbogus\n", "not understood: 'bogus'"},
    };
    for (const auto& [text, problem] : cases) {
        put(asi_file("verify"), text);
        for (const auto& command : {std::vector<std::string>{"verify"}, {"verify", "--json"}}) {
            const Outcome outcome = run_on("on", command);
            EXPECT_EQ(outcome.status, 1) << text;
            EXPECT_EQ(outcome.out, "") << text;
            expect_one_line_naming(outcome.err, "asi/verify: ");
            expect_one_line_naming(outcome.err, problem);
        }
    }
}

TEST_F(CommandTest, verify_on_a_kernel_without_it_names_the_file) {
    fs::remove(asi_file("verify"));
    const Outcome outcome = run_on("on", {"verify"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    expect_one_line_naming(outcome.err, "asi/verify: No such file");
}

TEST_F(CommandTest, debugfs_that_is_not_mounted_is_explained) {
    fs::remove_all(directory_ / "on/debugfs/asi");
    for (const auto& command : kKernelCommands) {
        const Outcome outcome = run_on("on", command);
        EXPECT_EQ(outcome.status, 1) << command[0];
        expect_one_line_naming(outcome.err, "mount -t debugfs none ");
    }
}

TEST_F(CommandTest, a_file_missing_from_debugfs_is_named) {
    fs::remove(asi_file("stats"));
    const Outcome outcome = run_on("on", {"stats"});
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "asi/stats: No such file");
}

TEST_F(CommandTest, an_unprivileged_user_is_told_that_debugfs_needs_root) {
    fs::permissions(directory_ / "on/debugfs", fs::perms::none);
    const bool was_root = geteuid() == 0;
    if (was_root) {
        ASSERT_EQ(seteuid(65534), 0);
    }
    for (const auto& command : kKernelCommands) {
        const Outcome outcome = run_on("on", command);
        EXPECT_EQ(outcome.status, 1) << command[0];
        expect_one_line_naming(outcome.err, "needs root");
    }
    EXPECT_EQ(run_on("on", {"status"}).status, 0);
    if (was_root) {
        ASSERT_EQ(seteuid(0), 0);
    }
    fs::permissions(directory_ / "on/debugfs", fs::perms(0755));
}

}  // namespace
}  // namespace asi::ctl
