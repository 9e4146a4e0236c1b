// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

namespace asi {

/// The guest kernel's console: kept in a file, and read for bad news.
class Console {
  public:
    /// Throws RunError when @p log_path cannot be written.
    Console(const std::string& log_path, bool is_shown);
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    void append(std::string_view bytes);

    /// The first line that announced a panic; empty while there is none.
    [[nodiscard]] const std::string& panic() const { return panic_; }
    /// The panic's report is complete: nothing more will come.
    [[nodiscard]] bool panic_is_over() const { return panic_is_over_; }
    /// How often a kernel began to boot.
    [[nodiscard]] unsigned boots() const { return boots_; }
    /// The last lines, without carriage returns.
    [[nodiscard]] std::string tail(size_t lines) const;
    [[nodiscard]] const std::string& log_path() const { return log_path_; }

  private:
    void read_line(std::string_view line);

    std::string log_path_;
    int log_ = -1;
    bool is_shown_;
    std::string line_;
    std::string recent_;
    std::string panic_;
    bool panic_is_over_ = false;
    unsigned boots_ = 0;
};

}  // namespace asi
