// SPDX-License-Identifier: GPL-2.0-only
//
// Whole commands, from the arguments to the exit status, over a copy of the
// kernel's files in testdata.
#ifndef ASICTL_TEST_COMMAND_FIXTURE_H
#define ASICTL_TEST_COMMAND_FIXTURE_H

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli.h"

namespace asi::ctl {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Outcome {
    int status;
    std::string out;
    std::string err;
};

class CommandTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "asictl-test-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        fs::permissions(directory_, fs::perms(0755));
        fs::copy(ASICTL_TESTDATA, directory_, fs::copy_options::recursive);
    }
    void TearDown() override { fs::remove_all(directory_); }

    /// As the tool would run on a kernel in the given state: "on", "off" or
    /// one without a folder in testdata.
    Outcome run_on(const std::string& state, std::vector<std::string> arguments,
                   const std::string& input = "") {
        const fs::path root = directory_ / state;
        arguments.push_back("--sysfs-root=" + (root / "sysfs").string());
        arguments.push_back("--debugfs-root=" + (root / "debugfs").string());
        return run_bare(arguments, input);
    }

    static Outcome run_bare(const std::vector<std::string>& arguments,
                            const std::string& input = "") {
        std::istringstream in(input);
        std::ostringstream out, err;
        const int status = run(arguments, in, out, err);
        return {status, out.str(), err.str()};
    }

    Json json_on(std::vector<std::string> arguments) {
        arguments.push_back("--json");
        const Outcome outcome = run_on("on", arguments);
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        return Json::parse(outcome.out);
    }

    [[nodiscard]] fs::path asi_file(const std::string& name) const {
        return directory_ / "on/debugfs/asi" / name;
    }

    static std::string content(const fs::path& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    static void put(const fs::path& path, const std::string& text) {
        std::ofstream(path, std::ios::trunc) << text;
    }

    fs::path directory_;
};

inline void expect_one_line_naming(const std::string& err, const std::string& what) {
    EXPECT_EQ(err.rfind("asictl: ", 0), 0u) << err;
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    EXPECT_NE(err.find(what), std::string::npos) << err;
}

}  // namespace asi::ctl

#endif  // ASICTL_TEST_COMMAND_FIXTURE_H
