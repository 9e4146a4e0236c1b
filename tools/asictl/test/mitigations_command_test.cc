// SPDX-License-Identifier: GPL-2.0-only
//
// asictl mitigations, as whole commands.
#include <gtest/gtest.h>

#include "command_fixture.h"

namespace asi::ctl {
namespace {

class MitigationsTest : public CommandTest {
  protected:
    [[nodiscard]] fs::path cpu_file(const std::string& name) const {
        return directory_ / "on/sysfs/devices/system/cpu" / name;
    }
    [[nodiscard]] fs::path bug_file(const std::string& name) const {
        return cpu_file("vulnerabilities/" + name);
    }

    Json bug(const std::string& name) {
        const Json json = json_on({"mitigations", name});
        EXPECT_EQ(json["bugs"].size(), 1u);
        return json["bugs"][0];
    }

    std::string text_on(std::vector<std::string> arguments) {
        const Outcome outcome = run_on("on", std::move(arguments));
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        return outcome.out;
    }

    static void expect_line(const std::string& text, const std::string& line) {
        EXPECT_NE(("\n" + text).find("\n" + line + "\n"), std::string::npos) << line << "\n"
                                                                             << text;
    }
};

TEST_F(MitigationsTest, text_has_a_line_for_each_bug) {
    const std::string text = text_on({"mitigations"});
    expect_line(text,
                "isolation: on; virtual machines are isolated, asi_flush=auto; system calls of "
                "processes that ask are isolated");
    expect_line(text, "sibling threads: run (SMT control: on); beside guests, asi_smt=stun");
    expect_line(text,
                "mds                        kernel       kernel     isolation   isolation    OPEN  "
                "   Mitigation: Clear CPU buffers; SMT vulnerable; isolated guests: flushed on "
                "return to isolation");
    expect_line(text,
                "meltdown                   kernel       kernel     -           -            -     "
                "   Mitigation: PTI");
    expect_line(text,
                "vmscape                    -            -          kernel      -            "
                "partly   Mitigation: IBPB before exit to userspace");
    expect_line(text,
                "tsa                        -            -          -           -            -     "
                "   Not affected");
}

TEST_F(MitigationsTest, works_where_isolation_is_off_and_where_there_is_none) {
    const Outcome off = run_on("off", {"mitigations"});
    EXPECT_EQ(off.status, 0) << off.err;
    expect_line(off.out, "isolation: off (not requested)");
    expect_line(off.out, "sibling threads: do not run (SMT control: off)");
    expect_line(off.out,
                "tsa                        kernel       kernel     kernel      kernel       no "
                "sibling  Mitigation: Clear CPU buffers");
    EXPECT_EQ(off.out.find("Flushes"), std::string::npos) << off.out;

    fs::remove_all(directory_ / "on/sysfs/kernel");
    const std::string none = text_on({"mitigations"});
    expect_line(none, "isolation: not in this kernel");
    EXPECT_EQ(bug("mds")["vectors"]["guest_host"]["by"], "kernel");
}

TEST_F(MitigationsTest, what_changes_in_the_kernel_changes_rows) {
    const auto guest_host = [&](const char* name) {
        const Json way = bug(name)["vectors"]["guest_host"];
        return way["state"].get<std::string>();
    };
    EXPECT_EQ(guest_host("mds"), "mitigated");
    put(directory_ / "on/sysfs/kernel/asi/kvm/flush", "never\n");
    EXPECT_EQ(guest_host("mds"), "open");
    EXPECT_EQ(guest_host("tsx_async_abort"), "mitigated");
    put(directory_ / "on/sysfs/kernel/asi/status", "state on\nkvm off\n");
    EXPECT_EQ(guest_host("mds"), "mitigated");
    put(bug_file("mds"), "Vulnerable; SMT vulnerable\n");
    EXPECT_EQ(guest_host("mds"), "open");
    put(bug_file("mds"), "Not affected\n");
    EXPECT_EQ(guest_host("mds"), "not_affected");
}

TEST_F(MitigationsTest, smt_changes_the_sibling) {
    EXPECT_EQ(bug("mds")["vectors"]["sibling"]["state"], "open");
    put(cpu_file("smt/active"), "0\n");
    EXPECT_EQ(bug("mds")["vectors"]["sibling"]["by"], "no_sibling");
    for (const char* text : {"", "2\n", "yes\n"}) {
        put(cpu_file("smt/active"), text);
        EXPECT_EQ(bug("mds")["vectors"]["sibling"]["state"], "unknown") << text;
    }
    fs::remove_all(cpu_file("smt"));
    EXPECT_EQ(bug("mds")["vectors"]["sibling"]["state"], "unknown");
    expect_line(text_on({"mitigations"}), "sibling threads: not known");
}

TEST_F(MitigationsTest, a_file_without_row_and_a_row_without_file_say_so) {
    put(bug_file("newest"), "Vulnerable: \x1b[31mred\n");
    fs::remove(bug_file("tsa"));
    const std::string text = text_on({"mitigations"});
    EXPECT_NE(text.find("unknown to asictl: Vulnerable: ?[31mred\n"), std::string::npos) << text;
    expect_line(text,
                "tsa                        -            -          -           -            -     "
                "   not reported by this kernel");
    const Json newest = bug("newest");
    EXPECT_EQ(newest["known"], false);
    EXPECT_TRUE(newest["name"].is_null());
    EXPECT_EQ(newest["reported"], true);
    EXPECT_EQ(newest["vectors"]["user_kernel"]["state"], "unknown");
    const Json tsa = bug("tsa");
    EXPECT_EQ(tsa["reported"], false);
    EXPECT_TRUE(tsa["affected"].is_null());
    EXPECT_EQ(tsa["vectors"]["user_kernel"]["state"], "not_reported");
    const std::string details = text_on({"mitigations", "newest"});
    EXPECT_EQ(details.rfind("newest\n  the kernel says: unknown to asictl: Vulnerable", 0), 0u)
        << details;
}

TEST_F(MitigationsTest, json_has_every_vector_of_every_bug) {
    const Json json = json_on({"mitigations"});
    EXPECT_EQ(json["machine"]["isolation"], "on");
    EXPECT_EQ(json["machine"]["asi_flush"], "auto");
    EXPECT_EQ(json["machine"]["smt_active"], true);
    EXPECT_EQ(json["machine"]["asi_smt"], "stun");
    EXPECT_EQ(json["bugs"].size(), 17u);
    for (const Json& bug : json["bugs"]) {
        ASSERT_EQ(bug["vectors"].size(), 5u) << bug["bug"];
        for (const Json& way : bug["vectors"]) EXPECT_FALSE(way["state"].is_null());
    }
    const Json way = bug("l1tf")["vectors"]["guest_host"];
    EXPECT_EQ(way["effect"], "flushes");
    EXPECT_EQ(way["flush"], "l1d");
}

TEST_F(MitigationsTest, counts_say_where_they_come_from) {
    fs::copy_file(directory_ / "samples/first", asi_file("kvm"),
                  fs::copy_options::overwrite_existing);
    const std::string text = text_on({"mitigations"});
    EXPECT_NE(text.find("  l1d       517    79590  right behind "), std::string::npos) << text;
    EXPECT_NE(text.find("  buffers   100     9000  right behind "), std::string::npos) << text;
    const std::string details = text_on({"mitigations", "l1tf", "mds", "spectre_v2"});
    expect_line(details, "    so far             517 times l1d by isolation");
    expect_line(details, "    so far             100 times buffers by isolation");
    EXPECT_EQ(details.find("times ibpb"), std::string::npos) << details;
    const Json flushes = json_on({"mitigations"})["flushes"];
    ASSERT_EQ(flushes.size(), 3u);
    EXPECT_EQ(flushes[0]["done"], 517);
    EXPECT_EQ(flushes[1]["done"], 100);
    EXPECT_TRUE(flushes[2]["done"].is_null());

    fs::remove(asi_file("kvm"));
    EXPECT_NE(text_on({"mitigations"}).find("not shown, debugfs cannot be read\n"),
              std::string::npos);
    EXPECT_TRUE(json_on({"mitigations"})["flushes"][0]["done"].is_null());
}

TEST_F(MitigationsTest, details_of_bugs_in_the_order_that_was_asked_for) {
    const std::string text = text_on({"mitigations", "vmscape", "mds"});
    EXPECT_EQ(text.rfind("vmscape: VMSCAPE, CVE-2025-40300\n", 0), 0u) << text;
    EXPECT_NE(text.find("\n\nmds: "), std::string::npos) << text;
    expect_line(
        text,
        "  guest to host: mitigated by isolation (Mitigation: Clear CPU buffers; flushed on "
        "return to isolation)");
    expect_line(text, "    flushed            nothing");
    expect_line(text, "    no way: only a guest can do it");
    put(bug_file("mds"), "Not affected\n");
    put(bug_file("tsx_async_abort"), "Mitigation: TSX disabled\n");
    EXPECT_NE(text_on({"mitigations", "mmio_stale_data"}).find("mitigated by isolation"),
              std::string::npos);
}

TEST_F(MitigationsTest, what_is_known_needs_no_kernel) {
    const Outcome text = run_on("none", {"mitigations", "--known"});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_EQ(text.out.rfind("meltdown: Meltdown, CVE-2017-5754\n", 0), 0u) << text.out;
    const Outcome one = run_on("none", {"mitigations", "--known", "--json", "mds"});
    const Json json = Json::parse(one.out);
    ASSERT_EQ(json["bugs"].size(), 1u);
    EXPECT_EQ(json["bugs"][0]["vectors"]["guest_host"]["flush"], "buffers");
    EXPECT_FALSE(json["bugs"][0]["vectors"]["guest_host"].contains("state"));
    EXPECT_EQ(json["flushes"].size(), 3u);
}

TEST_F(MitigationsTest, says_what_is_wrong) {
    const Outcome bogus = run_on("on", {"mitigations", "bogus"});
    EXPECT_EQ(bogus.status, 2);
    EXPECT_EQ(bogus.out, "");
    expect_one_line_naming(bogus.err, "'bogus' is no processor bug that is known: one of meltdown");
    EXPECT_EQ(run_on("on", {"mitigations", "mds", "../mds"}).status, 2);
    EXPECT_EQ(run_on("on", {"mitigations", ""}).status, 2);
    EXPECT_EQ(run_on("on", {"mitigations", "--bogus"}).status, 2);
    EXPECT_EQ(run_on("none", {"mitigations", "--known", "bogus"}).status, 2);

    const Outcome none = run_on("none", {"mitigations"});
    EXPECT_EQ(none.status, 1);
    expect_one_line_naming(none.err, "cpu/vulnerabilities: No such file or directory");
    fs::remove_all(cpu_file("vulnerabilities"));
    fs::create_directory(cpu_file("vulnerabilities"));
    expect_one_line_naming(run_on("on", {"mitigations"}).err, "it is empty");
    fs::create_directory(bug_file("mds"));
    expect_one_line_naming(run_on("on", {"mitigations"}).err, "mds: Is a directory");
}

TEST_F(MitigationsTest, a_status_that_cannot_be_read_is_not_taken_for_no_isolation) {
    fs::remove(directory_ / "on/sysfs/kernel/asi/status");
    const Outcome outcome = run_on("on", {"mitigations"});
    EXPECT_EQ(outcome.status, 1);
    expect_one_line_naming(outcome.err, "kernel/asi/status");
}

}  // namespace
}  // namespace asi::ctl
