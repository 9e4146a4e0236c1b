// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace asi {

inline constexpr int kUsageStatus = 2;
inline constexpr int kNoAnswerStatus = 255;

enum class Acceleration { kAuto, kKvm, kTcg, kBochs };

/// A file for the guest. Both paths are absolute.
struct AddedFile {
    std::string source;
    std::string target;
};

struct Options {
    Acceleration acceleration = Acceleration::kAuto;
    std::string kernel;
    std::string cpu;          ///< Empty: the machine's default.
    unsigned processors = 0;  ///< 0: the machine's default.
    unsigned memory_mib = 0;  ///< 0: the machine's default.
    bool icount = false;
    bool tcg_single = false;  ///< TCG: all processors on one host thread.
    bool verbose = false;
    unsigned timeout_seconds = 600;  ///< 0: none.
    std::string append;
    std::string log;            ///< Empty: kept only on failure.
    std::string out_directory;  ///< Absolute; empty for none.
    std::vector<AddedFile> added;
    std::vector<std::string> environment;
    std::vector<std::string> qemu_arguments;
    std::vector<std::string> command;
};

/// What is wrong with the command line, in one line.
class UsageError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Reads the command line. Returns nothing when --help has been printed.
/// @p build is the folder where the default kernel is looked for. Throws UsageError.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, const std::string& build);

}  // namespace asi
