// SPDX-License-Identifier: GPL-2.0-only
//
// asictl sci profiles, show, export, import, merge and violations, as whole
// commands.
#include <gtest/gtest.h>

#include "command_fixture.h"
#include "kernel_files.h"
#include "parse.h"
#include "sci_profile.h"

namespace asi::ctl {
namespace {

const std::string kId = "00112233445566778899aabbccddeeff00112233";

std::string profile_of(const std::string& name, const std::string& calls,
                       const std::string& id = kId) {
    return "asi-sci-profile 1\nbuild-id " + id + "\nname " + name + "\n" + calls + "end\n";
}

const std::string kWeb = profile_of("web",
                                    "call 0 text 0x0 0x12-0x1f\ncall 0 data slab rw\n"
                                    "call 0 data own_stack r\ncall 500 text 0x1 0x12\n");

class SciCommandTest : public CommandTest {
  protected:
    fs::path file(const std::string& name, const std::string& text) const {
        put(directory_ / name, text);
        return directory_ / name;
    }
    Outcome import(const std::string& text, std::vector<std::string> more = {}) {
        std::vector<std::string> command = {"sci", "import", "-"};
        command.insert(command.end(), more.begin(), more.end());
        return run_on("on", command, text);
    }
};

TEST_F(SciCommandTest, status_says_whether_it_is_on) {
    EXPECT_NE(run_on("on", {"status"}).out.find("sci          on\n"), std::string::npos);
    EXPECT_NE(run_on("off", {"status"}).out.find("sci          off\n"), std::string::npos);
}

TEST_F(SciCommandTest, every_command_says_when_sci_is_off_or_absent) {
    const std::vector<std::vector<std::string>> commands = {{"sci", "profiles"},
                                                            {"sci", "show"},
                                                            {"sci", "export", "web"},
                                                            {"sci", "violations"},
                                                            {"sci", "import", "-"}};
    fs::remove_all(asi_file("sci"));
    for (const auto& command : commands) {
        const Outcome outcome = run_on("on", command, kWeb);
        EXPECT_EQ(outcome.status, 4);
        expect_one_line_naming(outcome.err, "no system-call isolation");
    }
    put(directory_ / "on/sysfs/kernel/asi/status", "state on\nsci off\n");
    for (const auto& command : commands) {
        const Outcome outcome = run_on("on", command, kWeb);
        EXPECT_EQ(outcome.status, 4);
        expect_one_line_naming(outcome.err, "sci=on");
    }
}

TEST_F(SciCommandTest, profiles) {
    const Outcome outcome = run_on("on", {"sci", "profiles"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out,
              "PROFILE  BUILT IN  CALLS  LEARNED PAGES  TASKS  MAPPED PAGES  REFUSED\n"
              "default  yes           0              0      3           210        0\n"
              "web      no            2             16      0             0        2\n");
    const Json json = json_on({"sci", "profiles"});
    ASSERT_EQ(json["profiles"].size(), 2u);
    EXPECT_EQ(json["profiles"][1], Json({{"profile", "web"},
                                         {"builtin", false},
                                         {"calls", 2},
                                         {"learned_pages", 16},
                                         {"tasks", 0},
                                         {"mapped_pages", 0},
                                         {"refused", 2},
                                         {"other", Json::object()}}));
    put(asi_file("sci/profiles"), "");
    EXPECT_EQ(run_on("on", {"sci", "profiles"}).out, "no profiles\n");
    put(asi_file("sci/profiles"), "profile x flushes 3\nsum 1\n");
    EXPECT_NE(run_on("on", {"sci", "profiles"}).out.find("flushes=3\nother: sum=1\n"),
              std::string::npos);
}

TEST_F(SciCommandTest, show) {
    const Outcome all = run_on("on", {"sci", "show"});
    EXPECT_EQ(all.status, 0) << all.err;
    EXPECT_EQ(all.out,
              "profile default: 0 calls, 0 text pages\n"
              "\n"
              "profile web: 2 calls, 16 text pages\n"
              "  CALL   NR  TEXT PAGES  DATA\n"
              "  read    0          15  own_stack:r slab:rw\n"
              "  500   500           2  -\n");
    const Outcome one = run_on("on", {"sci", "show", "default"});
    EXPECT_EQ(one.out, "profile default: 0 calls, 0 text pages\n");
    const Json json = json_on({"sci", "show", "web"});
    ASSERT_EQ(json["profiles"].size(), 1u);
    EXPECT_EQ(json["profiles"][0]["build_id"], kId);
    EXPECT_EQ(json["profiles"][0]["text_pages"], 16);
    ASSERT_EQ(json["profiles"][0]["calls"].size(), 2u);
    EXPECT_EQ(json["profiles"][0]["calls"][0],
              Json({{"call", 0},
                    {"call_name", "read"},
                    {"text_pages", 15},
                    {"data", Json::array({Json({{"kind", "own_stack"}, {"access", "r"}}),
                                          Json({{"kind", "slab"}, {"access", "rw"}})})}}));
    const Outcome none = run_on("on", {"sci", "show", "wbe"});
    EXPECT_EQ(none.status, 1);
    expect_one_line_naming(none.err, "no profile 'wbe'; the kernel has default, web");
    put(asi_file("sci/text"), "");
    EXPECT_EQ(run_on("on", {"sci", "show"}).out, "no profiles\n");
    expect_one_line_naming(run_on("on", {"sci", "show", "x"}).err, "the kernel has none");
}

TEST_F(SciCommandTest, a_text_of_the_kernel_that_is_not_understood_is_an_error) {
    put(asi_file("sci/text"), profile_of("a", "") + profile_of("b", "call 1 shadow 0x1\n"));
    for (const auto& command :
         {std::vector<std::string>{"sci", "show", "a"}, {"sci", "export", "a"}}) {
        const Outcome outcome = run_on("on", command);
        EXPECT_EQ(outcome.status, 1);
        expect_one_line_naming(outcome.err, "sci/text: line 4: 'shadow' is neither");
    }
}

TEST_F(SciCommandTest, export_writes_the_text_of_one_profile) {
    EXPECT_EQ(run_on("on", {"sci", "export", "default"}).out, profile_of("default", ""));
    EXPECT_NE(run_on("on", {"sci", "export", "web"}).out.find("name web\n"), std::string::npos);
    EXPECT_EQ(run_on("on", {"sci", "export", "web", "-o", "-"}).out,
              run_on("on", {"sci", "export", "web"}).out);
    const fs::path file = directory_ / "web.profile";
    put(file, std::string(10000, 'x'));
    const Outcome outcome = run_on("on", {"sci", "export", "web", "-o", file.string()});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, file.string() + ": profile web: 2 calls, 16 text pages\n");
    EXPECT_EQ(content(file), run_on("on", {"sci", "export", "web"}).out);
    const Json json = json_on({"sci", "export", "web", "--output=" + file.string()});
    EXPECT_EQ(json["file"], file.string());
    EXPECT_EQ(json["calls"], 2);
    const Outcome nowhere = run_on("on", {"sci", "export", "web", "-o", "/nonexistent/file"});
    EXPECT_EQ(nowhere.status, 1);
    expect_one_line_naming(nowhere.err, "cannot write /nonexistent/file: No such file");
    const Outcome full = run_on("on", {"sci", "export", "web", "-o", "/dev/full"});
    EXPECT_EQ(full.status, 1);
    expect_one_line_naming(full.err, "No space left");
}

TEST_F(SciCommandTest, import_writes_the_whole_text) {
    const Outcome outcome = import(kWeb);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "imported profile web: 2 calls, 16 text pages\n");
    EXPECT_EQ(content(asi_file("sci/text")).substr(0, kWeb.size()), kWeb);
    const fs::path path = file("web", kWeb);
    EXPECT_EQ(run_on("on", {"sci", "import", path.string()}).status, 0);
    const Json json = json_on({"sci", "import", path.string()});
    EXPECT_EQ(json["imported"], true);
    EXPECT_EQ(json["profile"], "web");
    EXPECT_TRUE(json["error"].is_null());
}

TEST_F(SciCommandTest, import_checks_before_it_asks_the_kernel) {
    const std::string before = content(asi_file("sci/text"));
    const Outcome outcome = import(profile_of("web", "call 600 text 0x1\n"));
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "standard input: line 4: call '600' is above 511");
    EXPECT_EQ(content(asi_file("sci/text")), before);
    EXPECT_EQ(run_on("none", {"sci", "import", "-"}, "x").status, 1) << "and needs none for that";
    EXPECT_EQ(run_on("none", {"sci", "import", "-"}, kWeb).status, 3);

    const Outcome json = import("bogus\n", {"--json"});
    EXPECT_EQ(json.status, 1);
    EXPECT_EQ(Json::parse(json.out)["imported"], false);
    EXPECT_EQ(Json::parse(json.out)["error"]["line"], 1);
    const Outcome missing = run_on("on", {"sci", "import", "/nonexistent/profile"});
    EXPECT_EQ(missing.status, 1);
    expect_one_line_naming(missing.err, "/nonexistent/profile: No such file");
}

TEST_F(SciCommandTest, an_import_that_the_kernel_refuses_is_explained_in_its_words) {
    // A file that answers EINVAL to anything but a number.
    fs::remove(asi_file("sci/text"));
    fs::create_symlink("/proc/self/oom_score_adj", asi_file("sci/text"));
    const Outcome outcome = import(kWeb);
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "standard input: line 4: page of data");
    put(asi_file("sci/import_error"), "-\n");
    expect_one_line_naming(import(kWeb).err, "did not say why");
    fs::remove(asi_file("sci/text"));
    fs::create_symlink("/dev/full", asi_file("sci/text"));
    expect_one_line_naming(import(kWeb).err, "No space left");
}

TEST_F(SciCommandTest, merge_writes_the_union) {
    const std::string a = file("a", profile_of("a", "call 1 text 0x1\ncall 1 data slab r\n"));
    const std::string b = file("b", profile_of("b", "call 1 text 0x2\ncall 2 data slab w\n"));
    const std::string sum = "call 1 text 0x1-0x2\ncall 1 data slab r\ncall 2 data slab w\n";
    EXPECT_EQ(run_on("none", {"sci", "merge", a, b}).out, profile_of("a", sum));
    EXPECT_EQ(run_on("none", {"sci", "merge", b, a}).out, profile_of("b", sum));
    EXPECT_EQ(run_on("none", {"sci", "merge", "--name=long.name_31-characters-abcdefg", a, b}).out,
              profile_of("long.name_31-characters-abcdefg", sum));
    EXPECT_EQ(run_on("none", {"sci", "merge", a}).out, content(a));
    EXPECT_EQ(run_on("none", {"sci", "merge", "-", a}, content(b)).out, profile_of("b", sum));
    const std::string out = (directory_ / "out").string();
    const Outcome outcome = run_on("none", {"sci", "merge", "-o", out, a, b});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, out + ": profile a: 2 calls, 2 text pages\n");
    EXPECT_EQ(content(out), profile_of("a", sum));
    // Over one of its own inputs.
    EXPECT_EQ(run_on("none", {"sci", "merge", "-o", a, a, b}).status, 0);
    EXPECT_EQ(content(a), profile_of("a", sum));
}

TEST_F(SciCommandTest, merge_refuses_other_kernels_and_what_is_no_profile) {
    const std::string other_id = "f" + kId.substr(1);
    const std::string a = file("a", profile_of("a", ""));
    const std::string b = file("b", profile_of("b", "", other_id));
    const std::string out = (directory_ / "out").string();
    const Outcome outcome = run_on("none", {"sci", "merge", "-o", out, a, b});
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, a + " has build id " + kId + ", " + b + " has " + other_id);
    EXPECT_FALSE(fs::exists(out));
    const std::string bad = file("bad", "x");
    const Outcome broken = run_on("none", {"sci", "merge", "-o", out, a, bad});
    EXPECT_EQ(broken.status, 1);
    expect_one_line_naming(broken.err, bad + ": line 1: ");
    EXPECT_FALSE(fs::exists(out));
}

TEST_F(SciCommandTest, violations) {
    const Outcome outcome = run_on("on", {"sci", "violations"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out,
              "COUNT  ACTION  CALL   KIND         ACCESS  ADDRESS             WHERE                "
              "REASON          PID  COMM\n"
              "    1  killed  ioctl  kernel_text  x       0xffffffff81400000  0xffffffff81400000   "
              "no_call_before   78  evil\n"
              "    9  logged  read   slab         r       0xffff888001234000  foo+0x10/0x20 [mod]  "
              "not_in_profile   77  CPU 0/KVM\n");
    const Json json = json_on({"sci", "violations"});
    ASSERT_EQ(json["violations"].size(), 2u);
    EXPECT_EQ(json["violations"][0], Json({{"count", 1},
                                           {"pid", 78},
                                           {"comm", "evil"},
                                           {"call", 16},
                                           {"kind", "kernel_text"},
                                           {"access", "x"},
                                           {"address", "0xffffffff81400000"},
                                           {"ip", "0xffffffff81400000"},
                                           {"symbol", nullptr},
                                           {"action", "killed"},
                                           {"reason", "no_call_before"},
                                           {"call_name", "ioctl"},
                                           {"other", Json::object()}}));
    put(asi_file("sci/violations"), "dropped 3\n");
    EXPECT_EQ(run_on("on", {"sci", "violations"}).out, "no violations\nother: dropped=3\n");
}

TEST_F(SciCommandTest, violations_are_cleared) {
    put(asi_file("sci/violations"), "");
    const Outcome outcome = run_on("on", {"sci", "violations", "--clear"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "violations cleared\n");
    EXPECT_EQ(content(asi_file("sci/violations")), "clear");
    EXPECT_EQ(json_on({"sci", "violations", "--clear"})["cleared"], true);
}

std::string note(const std::string& owner, char type, const std::string& value) {
    const auto word = [](std::size_t n) { return std::string{static_cast<char>(n), 0, 0, 0}; };
    const auto padded = [](std::string text) {
        text.resize((text.size() + 3) / 4 * 4);
        return text;
    };
    const std::string name = owner + '\0';
    return word(name.size()) + word(value.size()) + std::string{type, 0, 0, 0} + padded(name) +
           padded(value);
}

TEST(BuildId, is_found_among_other_notes) {
    const std::string id = note("GNU", 3, "\x01\xab\x30");
    EXPECT_EQ(parse_build_id(id), "01ab30");
    EXPECT_EQ(parse_build_id(note("Xen", 3, "abcde") + note("GNU", 1, "x") + id), "01ab30");
    EXPECT_EQ(parse_build_id(note("Xen", 3, "abc")), std::nullopt);
    for (std::size_t size = 0; size < id.size() - 1; ++size)
        EXPECT_EQ(parse_build_id(id.substr(0, size)), std::nullopt) << size;
    EXPECT_EQ(parse_build_id(std::string(40, '\xff')), std::nullopt);
}

TEST_F(SciCommandTest, the_running_kernels_build_id_is_read) {
    const std::string sysfs = (directory_ / "on/sysfs").string();
    EXPECT_EQ(KernelFiles(sysfs, "").build_id(), std::nullopt);
    put(sysfs + "/kernel/notes", note("GNU", 3, "\x0f"));
    EXPECT_EQ(KernelFiles(sysfs, "").build_id(), "0f");
}

TEST(SplitProfiles, cuts_at_headers) {
    EXPECT_TRUE(split_profiles("").empty());
    EXPECT_EQ(split_profiles(kWeb + kWeb), (std::vector<std::string>{kWeb, kWeb}));
    EXPECT_EQ(split_profiles("# x\n"), (std::vector<std::string>{"# x\n"}));
    EXPECT_EQ(split_profiles("asi-sci-profile"), (std::vector<std::string>{"asi-sci-profile"}));
}

}  // namespace
}  // namespace asi::ctl
