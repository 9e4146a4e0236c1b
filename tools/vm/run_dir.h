// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace asi {

/// A private folder for one run, under TMPDIR. It goes with the object, except
/// for its logs after keep_logs().
class RunDir {
  public:
    /// Throws RunError.
    RunDir();
    ~RunDir();
    RunDir(const RunDir&) = delete;
    RunDir& operator=(const RunDir&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    /// From now on the console log and the emulator's own log outlive the run.
    void keep_logs() { keeps_logs_ = true; }

  private:
    std::string path_;
    bool keeps_logs_ = false;
};

}  // namespace asi
