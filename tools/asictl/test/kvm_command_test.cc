// SPDX-License-Identifier: GPL-2.0-only
//
// asictl kvm report and top, as whole commands.
#include <gtest/gtest.h>

#include "command_fixture.h"

namespace asi::ctl {
namespace {

TEST_F(CommandTest, kvm_report_in_text) {
    const Outcome outcome = run_on("on", {"kvm", "report"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(
        outcome.out,
        "   VM  PID  COMM    VENDOR  VCPUS  EXITS  INSIDE  LEFT  INSIDE%  FIRST TOUCH  (LEFT)  "
        "USER\n"
        "    4  124  minivm  svm         1   9000    9000     0  100.00%            0       0  "
        "   0\n"
        "    3  123  minivm  svm         2   1000     900    20   97.83%           30      25  "
        "  50\n"
        "ended    -  -       -           -   5003    5000     0  100.00%            2       0  "
        "   1\n"
        "\n"
        "VM 3:\n"
        "  EXIT REASON   CODE  EXITS  INSIDE  LEFT  INSIDE%  FIRST TOUCH  USER\n"
        "  npf          0x400    988     890    18   98.02%           30    50\n"
        "  msr           0x7c     12      10     2   83.33%            0     0\n"
        "\n"
        "  COUNT  LEFT BY  DURING  KIND             ACCESS  WHERE\n"
        "     17  sched    npf     -                -       -\n"
        "      3  fault    msr     slab:kmalloc-1k  r       bar+0x1/0x2\n"
        "  4 departures had causes that found no room\n"
        "\n"
        "VMs that ended:\n"
        "  EXIT REASON  CODE  EXITS  INSIDE  LEFT  INSIDE%  FIRST TOUCH  USER\n"
        "  cpuid        0x72   5003    5000     0  100.00%            2     1\n");
}

TEST_F(CommandTest, kvm_report_in_json) {
    const Json json = json_on({"kvm", "report"});
    ASSERT_EQ(json["vms"].size(), 2u);
    const Json& vm = json["vms"][1];
    EXPECT_EQ(vm["vm"], 3);
    EXPECT_EQ(vm["exits"]["total"], 1000);
    EXPECT_NEAR(vm["exits"]["inside_percent"], 97.826, 0.001);
    EXPECT_EQ(vm["reasons"][0]["reason"], "npf");
    EXPECT_EQ(vm["reasons"][0]["code"], 0x400);
    EXPECT_EQ(vm["causes"][0]["how"], "sched");
    EXPECT_EQ(vm["causes_dropped"], 4);
    EXPECT_EQ(json["ended"]["exits"]["inside"], 5000);
}

TEST_F(CommandTest, kvm_report_shows_flushes_where_the_kernel_counts_them) {
    fs::copy_file(directory_ / "samples/first", asi_file("kvm"),
                  fs::copy_options::overwrite_existing);
    const std::string text = run_on("on", {"kvm", "report"}).out;
    EXPECT_NE(text.find("  USER  FLUSHES  AVOIDED\n"), std::string::npos) << text;
    EXPECT_NE(text.find("    50      110    18090\n"), std::string::npos) << text;
    EXPECT_NE(text.find("     1        -        -\n"), std::string::npos) << text;
    EXPECT_NE(text.find("  FLUSH    DONE  AVOIDED  AVOIDED%\n"
                        "  l1d        10     9090    99.89%\n"
                        "  buffers   100     9000    98.90%\n"),
              std::string::npos)
        << text;

    const Json json = json_on({"kvm", "report"});
    const Json& flushes = json["vms"][1]["flushes"];
    ASSERT_EQ(flushes.size(), 2u);
    EXPECT_EQ(flushes[1]["flush"], "buffers");
    EXPECT_EQ(flushes[1]["done"], 100);
    EXPECT_EQ(flushes[1]["avoided"], 9000);
    EXPECT_NEAR(flushes[1]["avoided_percent"], 98.901, 0.001);
    EXPECT_TRUE(json["ended"]["flushes"].empty());
}

TEST_F(CommandTest, kvm_alone_is_kvm_report) {
    EXPECT_EQ(run_on("on", {"kvm"}).out, run_on("on", {"kvm", "report"}).out);
    EXPECT_EQ(run_on("on", {"kvm", "--json"}).out, run_on("on", {"kvm", "report", "--json"}).out);
    EXPECT_EQ(run_on("on", {"kvm"}).status, 0);
    EXPECT_EQ(run_bare({"kvm", "--help"}).status, 0);
}

TEST_F(CommandTest, kvm_report_says_when_kvm_isolation_is_off_or_absent) {
    fs::remove(asi_file("kvm"));
    const Outcome absent = run_on("on", {"kvm", "report"});
    EXPECT_EQ(absent.status, 4);
    expect_one_line_naming(absent.err, "kvm is not loaded");
    put(directory_ / "on/sysfs/kernel/asi/status", "state on\nkvm off\n");
    const Outcome off = run_on("on", {"kvm", "report"});
    EXPECT_EQ(off.status, 4);
    expect_one_line_naming(off.err, "kvm_asi=on");
}

TEST_F(CommandTest, kvm_top_writes_one_block_where_there_is_no_terminal) {
    const Outcome outcome = run_on("on", {"kvm", "top", "--interval=0.1"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find(" s: 2 VMs\n"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("VM  PID  COMM    VCPUS  EXITS/S"), std::string::npos)
        << outcome.out;
    EXPECT_EQ(outcome.out.find("\n\n"), std::string::npos) << outcome.out;
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST_F(CommandTest, kvm_top_writes_as_many_blocks_as_asked_for) {
    const Outcome text = run_on("on", {"kvm", "top", "--interval", "0.1", "--iterations", "3"});
    std::size_t blocks = 0;
    for (std::size_t at = 0; (at = text.out.find(" s: 2 VMs\n", at)) != std::string::npos; ++at)
        ++blocks;
    EXPECT_EQ(blocks, 3u) << text.out;
}

TEST_F(CommandTest, kvm_top_in_json_is_one_object_for_each_interval) {
    const Json json = json_on({"kvm", "top", "--interval=0.1"});
    EXPECT_GE(json["seconds"], 0.1);
    ASSERT_EQ(json["vms"].size(), 2u);
    EXPECT_EQ(json["vms"][0]["exits"]["total"], 0);
    EXPECT_EQ(json["vms"][0]["appeared"], false);
    EXPECT_EQ(json["vms"][0]["per_second"]["exits"], 0.0);
    EXPECT_TRUE(json["vms"][0]["per_second"]["flushes_done"].is_null());
    EXPECT_TRUE(json["ended"].empty());

    const Outcome two = run_on("on", {"kvm", "top", "--json", "--interval=.1", "--iterations=2"});
    std::istringstream stream(two.out);
    Json first, second;
    stream >> first >> second;
    EXPECT_EQ(second["vms"].size(), 2u);
}

TEST_F(CommandTest, kvm_top_refuses_bad_numbers_and_says_what_it_takes) {
    for (const char* value :
         {"0", "0.09", "-1", "3601", "1s", "one", "", "nan", "inf", "0x1", " 1", "1e0", "1,5"}) {
        const Outcome outcome = run_bare({"kvm", "top", std::string("--interval=") + value});
        EXPECT_EQ(outcome.status, 2) << value;
        expect_one_line_naming(outcome.err, "--interval: ");
        if (*value) expect_one_line_naming(outcome.err, "is not a number of seconds from 0.1 to");
    }
    for (const char* value : {"0", "-1", "1.5", "many", "", "18446744073709551616"}) {
        const Outcome outcome = run_bare({"kvm", "top", std::string("--iterations=") + value});
        EXPECT_EQ(outcome.status, 2) << value;
        expect_one_line_naming(outcome.err, "--iterations: ");
        if (*value) expect_one_line_naming(outcome.err, "is not a whole number from 1");
    }
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"kvm", "top", "--interval"},
          {"kvm", "top", "--iterations"},
          {"kvm", "top", "--iterations", "-1"},
          {"kvm", "top", "extra"},
          {"kvm", "top", "--bogus"},
          {"kvm", "top", "report"}}) {
        EXPECT_EQ(run_bare(command).status, 2) << testing::PrintToString(command);
    }
}

}  // namespace
}  // namespace asi::ctl
