// SPDX-License-Identifier: GPL-2.0-only
//
// asictl netns list, show and isolate, as whole commands.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "command_fixture.h"

namespace asi::ctl {
namespace {

class NetnsCommandTest : public CommandTest {
  protected:
    Outcome run_netns(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "netns");
        arguments.push_back("--netns-root=" + (directory_ / "names").string());
        arguments.push_back("--netns-switch=" + (directory_ / "isolate").string());
        return run_on("on", arguments);
    }
    /// A file whose number the kernel's file gives to its first namespace.
    void name_first(const std::string& name) {
        fs::create_directory(directory_ / "names");
        put(directory_ / "names" / name, "");
        struct stat info;
        ASSERT_EQ(stat((directory_ / "names" / name).c_str(), &info), 0);
        std::string text = content(asi_file("netns/namespaces"));
        text.replace(text.find("4026532177"), 10, std::to_string(info.st_ino));
        put(asi_file("netns/namespaces"), text);
    }
};

TEST_F(NetnsCommandTest, status_says_whether_it_is_on) {
    EXPECT_NE(run_on("on", {"status"}).out.find("netns        on\n"), std::string::npos);
    EXPECT_NE(run_on("off", {"status"}).out.find("netns        off\n"), std::string::npos);
}

TEST_F(NetnsCommandTest, every_command_says_when_it_is_off_or_absent) {
    fs::remove_all(asi_file("netns"));
    for (const auto& command :
         {std::vector<std::string>{"list"}, std::vector<std::string>{"show", "web"}}) {
        const Outcome outcome = run_netns(command);
        EXPECT_EQ(outcome.status, 4);
        expect_one_line_naming(outcome.err, "no isolation of network namespaces");
    }
    put(directory_ / "on/sysfs/kernel/asi/status", "state on\nnetns off\n");
    expect_one_line_naming(run_netns({"list"}).err, "netns_asi=on");
    const Outcome outcome = run_netns({"isolate"});
    EXPECT_EQ(outcome.status, 4) << "without its sysctl";
    expect_one_line_naming(outcome.err, "netns_asi=on");
}

TEST_F(NetnsCommandTest, list) {
    name_first("web");
    const Outcome outcome = run_netns({"list"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("web"), std::string::npos);
    EXPECT_NE(outcome.out.find("ended"), std::string::npos);
    const Json json = Json::parse(run_netns({"list", "--json"}).out);
    ASSERT_EQ(json["namespaces"].size(), 2u);
    EXPECT_EQ(json["namespaces"][0]["name"], "web");
    EXPECT_EQ(json["namespaces"][0]["isolated"], true);
    EXPECT_EQ(json["namespaces"][0]["tcp_private_bytes"], 1048576);
    EXPECT_EQ(json["namespaces"][1]["name"], nullptr);
    EXPECT_EQ(json["namespaces"][1]["namespace"], 4026532299u);
    put(asi_file("netns/namespaces"), "");
    EXPECT_EQ(run_netns({"list"}).out, "no namespace was isolated\n");
    put(asi_file("netns/namespaces"), "namespace 7 sctp_private_bytes 3\nsum 1\n");
    EXPECT_NE(run_netns({"list"}).out.find("sctp_private_bytes=3\nother: sum=1\n"),
              std::string::npos);
}

TEST_F(NetnsCommandTest, show_by_name_and_by_number) {
    name_first("web");
    const Outcome named = run_netns({"show", "web"});
    EXPECT_EQ(named.status, 0) << named.err;
    EXPECT_NE(named.out.find("1048576"), std::string::npos);
    EXPECT_NE(named.out.find("not private: packets that come from outside"), std::string::npos);
    EXPECT_EQ(named.out.find("csum_partial"), std::string::npos) << "another namespace's";
    const Outcome numbered = run_netns({"show", "4026532299"});
    EXPECT_NE(numbered.out.find("csum_partial"), std::string::npos);
    const Json json = Json::parse(run_netns({"show", "4026532299", "--json"}).out);
    ASSERT_EQ(json["touches"].size(), 1u);
    EXPECT_EQ(json["touches"][0]["context"], "softirq");
    EXPECT_EQ(json["touches"][0]["address"], "0xffff888012350000");
    const Outcome unknown = run_netns({"show", "mail"});
    EXPECT_EQ(unknown.status, 1);
    expect_one_line_naming(unknown.err, "mail");
}

TEST_F(NetnsCommandTest, isolate_writes_the_switch) {
    const fs::path isolate = directory_ / "isolate";
    put(isolate, "");
    EXPECT_EQ(run_netns({"isolate"}).status, 0);
    EXPECT_EQ(content(isolate), "1\n");
    put(isolate, "");
    EXPECT_EQ(run_netns({"isolate", "--lock"}).status, 0);
    EXPECT_EQ(content(isolate), "2\n");
    put(isolate, "");
    const Outcome off = run_netns({"isolate", "--off", "--json"});
    EXPECT_EQ(content(isolate), "0\n");
    EXPECT_EQ(Json::parse(off.out), Json({{"name", nullptr}, {"isolate", 0}}));
    EXPECT_EQ(run_netns({"isolate", "--off", "--lock"}).status, 2);
}

TEST_F(NetnsCommandTest, isolate_names_what_it_cannot_enter) {
    put(directory_ / "isolate", "");
    for (const std::string name : {"mail", "../isolate", ""}) {
        const Outcome outcome = run_netns({"isolate", name});
        EXPECT_EQ(outcome.status, 1);
        expect_one_line_naming(outcome.err, "no namespace");
    }
    name_first("web");
    const Outcome outcome = run_netns({"isolate", "web"});
    EXPECT_EQ(outcome.status, 1) << "a file that is no namespace";
    expect_one_line_naming(outcome.err, "cannot enter");
    EXPECT_EQ(content(directory_ / "isolate"), "");
}

}  // namespace
}  // namespace asi::ctl
