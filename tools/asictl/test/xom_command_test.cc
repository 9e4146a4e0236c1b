// SPDX-License-Identifier: GPL-2.0-only
//
// asictl xom, as a whole command.
#include <gtest/gtest.h>
#include <unistd.h>

#include "command_fixture.h"

namespace asi::ctl {
namespace {

class XomCommandTest : public CommandTest {
  protected:
    [[nodiscard]] fs::path file() const { return directory_ / "on/sysfs/kernel/asi/xom"; }

    /// What stands behind @label in the output of asictl xom.
    std::string fact(const std::string& state, const std::string& label) {
        std::istringstream lines(run_on(state, {"xom"}).out);
        for (std::string line; std::getline(lines, line);) {
            if (line.rfind(label + "  ", 0) != 0) continue;
            return line.substr(line.find_first_not_of(' ', label.size()));
        }
        return "no line '" + label + "'";
    }
};

TEST_F(XomCommandTest, status_says_whether_text_is_execute_only_and_why_not) {
    EXPECT_NE(run_on("on", {"status"}).out.find("xom          pks\n"), std::string::npos);
    EXPECT_NE(run_on("off", {"status"}).out.find("(PKS)\n"), std::string::npos);
    const Json json = json_on({"status"});
    EXPECT_EQ(json["xom"], "pks");
    EXPECT_TRUE(json["xom_reason"].is_null());
}

TEST_F(XomCommandTest, it_shows_the_keyed_pages_by_kind_the_windows_and_the_refusals) {
    EXPECT_EQ(fact("on", "backend"), "pks");
    EXPECT_EQ(fact("on", "action on a read"), "deny");
    EXPECT_EQ(fact("on", "keyed pages of the kernel's text"), "5120");
    EXPECT_EQ(fact("on", "of these, in entries of 2 MiB"), "4608");
    EXPECT_EQ(fact("on", "keyed pages of modules' text"), "212");
    EXPECT_EQ(fact("on", "keyed pages of ftrace's trampolines"), "3");
    EXPECT_EQ(fact("on", "keyed pages of probes' slots"), "2");
    EXPECT_EQ(fact("on", "keyed pages of BPF's packs and thunks"), "512");
    EXPECT_EQ(fact("on", "windows opened, to copy text"), "1437");
    EXPECT_EQ(fact("on", "reads refused"), "3");
    EXPECT_EQ(fact("on", "reads logged and let through"), "0");
    EXPECT_EQ(fact("on", "second addresses refused"), "1");
    EXPECT_EQ(run_on("on", {"xom"}).out.find("why"), std::string::npos);
}

TEST_F(XomCommandTest, it_shows_the_refusals_by_reader) {
    const std::string out = run_on("on", {"xom"}).out;
    EXPECT_NE(out.find("READER                    REFUSED  LOGGED\n"
                       "xom_load [asi_test]             2       0\n"
                       "copy_from_kernel_nofault        1       0\n"),
              std::string::npos)
        << out;
    EXPECT_EQ(run_on("off", {"xom"}).out.find("READER"), std::string::npos);
    EXPECT_EQ(json_on({"xom"})["readers"][0], Json({{"refused", 2},
                                                    {"logged", 0},
                                                    {"symbol", "xom_load [asi_test]"},
                                                    {"other", Json::object()}}));
}

TEST_F(XomCommandTest, it_says_why_text_can_be_read_also_without_isolation) {
    const Outcome outcome = run_on("off", {"xom"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(fact("off", "backend"), "off");
    EXPECT_EQ(fact("off", "why text can be read"),
              "the processor has no supervisor protection keys (PKS)");
    EXPECT_EQ(outcome.out.find("keyed"), std::string::npos) << "no page has a key";
}

TEST_F(XomCommandTest, json_has_what_the_kernel_says) {
    Json on = json_on({"xom"});
    on.erase("readers");
    EXPECT_EQ(on, Json({{"backend", "pks"},
                        {"reason", nullptr},
                        {"action", "deny"},
                        {"kernel_pages", 5120},
                        {"kernel_pages_large", 4608},
                        {"module_pages", 212},
                        {"ftrace_pages", 3},
                        {"probe_pages", 2},
                        {"other_pages", 512},
                        {"windows", 1437},
                        {"refused", 3},
                        {"logged", 0},
                        {"aliases_refused", 1},
                        {"other", Json::object()}}));
    const Json off = Json::parse(run_on("off", {"xom", "--json"}).out);
    EXPECT_EQ(off["reason"], "the processor has no supervisor protection keys (PKS)");
    EXPECT_TRUE(off["action"].is_null());
}

TEST_F(XomCommandTest, what_is_new_or_missing_is_neither_lost_nor_zero) {
    put(file(), "backend pks\nslot_pages 4\nrefused many\n");
    EXPECT_EQ(fact("on", "reads refused"), "-");
    EXPECT_NE(run_on("on", {"xom"}).out.find("other: slot_pages=4 refused=many\n"),
              std::string::npos);
    const Json json = json_on({"xom"});
    EXPECT_TRUE(json["refused"].is_null());
    EXPECT_EQ(json["other"], Json({{"slot_pages", 4}, {"refused", "many"}}));
}

TEST_F(XomCommandTest, it_says_what_the_kernel_does_not_have) {
    const Outcome no_asi = run_on("none", {"xom"});
    EXPECT_EQ(no_asi.status, 3);
    expect_one_line_naming(no_asi.err, "no address space isolation");
    fs::remove(file());
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"xom"}, std::vector<std::string>{"xom", "--json"}}) {
        const Outcome outcome = run_on("on", command);
        EXPECT_EQ(outcome.status, 4);
        EXPECT_EQ(outcome.out, "");
        expect_one_line_naming(outcome.err, "no " + file().string());
        expect_one_line_naming(outcome.err, "the kernel has no execute-only text");
    }
}

TEST_F(XomCommandTest, it_says_what_it_cannot_read) {
    fs::remove(file());
    fs::create_directory(file());
    const Outcome outcome = run_on("on", {"xom"});
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "cannot read " + file().string());
}

TEST_F(XomCommandTest, it_takes_no_argument) {
    const Outcome outcome = run_on("on", {"xom", "extra"});
    EXPECT_EQ(outcome.status, 2);
    expect_one_line_naming(outcome.err, "extra");
}

TEST_F(XomCommandTest, an_ordinary_user_is_told_who_may) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
    fs::permissions(file(), fs::perms(0400));
    ASSERT_EQ(seteuid(65534), 0);
    const Outcome outcome = run_on("on", {"xom"});
    ASSERT_EQ(seteuid(0), 0);
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "needs root");
}

}  // namespace
}  // namespace asi::ctl
