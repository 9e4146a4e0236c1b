// SPDX-License-Identifier: GPL-2.0-only
#ifndef ASICTL_TABLE_H
#define ASICTL_TABLE_H

#include <string>
#include <string_view>
#include <vector>

#include "model.h"

namespace asi::ctl {

/// @text with everything but printable ASCII replaced: names such as comm come
/// from unprivileged processes and must not send escape codes to a terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// "-" stands for a value the kernel did not give.
[[nodiscard]] std::string format_text(const Text& text);
[[nodiscard]] std::string format_number(const Number& number);
[[nodiscard]] std::string format_flag(const Flag& flag);
[[nodiscard]] std::string format_hex(const Number& number);
[[nodiscard]] std::string format_size(const Number& bytes);  ///< "12.0 MiB"
[[nodiscard]] std::string format_percent(const std::optional<double>& percent);
[[nodiscard]] std::string format_rate(const std::optional<double>& rate);  ///< at most 6 wide
[[nodiscard]] std::string format_seconds(double seconds);                  ///< "1.00"
[[nodiscard]] std::string format_uptime(const Number& nanoseconds);        ///< as dmesg does
[[nodiscard]] std::string format_pairs(const Pairs& pairs);                ///< "a=1 b=2"

/// Rows under aligned column heads, plain ASCII.
class Table {
  public:
    enum class Align { kLeft, kRight };
    struct Column {
        std::string head;
        Align align = Align::kLeft;
        /// Where there is no room for all, those of the highest rank go first.
        /// Rank 0 stays.
        int rank = 0;
    };
    static constexpr std::size_t kAnyWidth = std::string::npos;

    explicit Table(std::vector<Column> columns, std::string indent = "");

    void add_row(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const { return rows_.empty(); }

    /// Columns in which every row has "" are left out, and so is the line of
    /// heads when every head is "".
    [[nodiscard]] std::string to_string() const;

    /// The same as lines, none wider than @width: columns are left out by their
    /// rank, and what is still too wide is cut.
    [[nodiscard]] std::vector<std::string> lines(std::size_t width = kAnyWidth) const;

  private:
    [[nodiscard]] std::vector<std::size_t> widths() const;
    [[nodiscard]] std::size_t total_width(const std::vector<std::size_t>& widths) const;
    void leave_out_columns(std::vector<std::size_t>& widths, std::size_t width) const;

    std::vector<Column> columns_;
    std::string indent_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace asi::ctl

#endif  // ASICTL_TABLE_H
