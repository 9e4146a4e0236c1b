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
[[nodiscard]] std::string format_uptime(const Number& nanoseconds);  ///< as dmesg does
[[nodiscard]] std::string format_pairs(const Pairs& pairs);          ///< "a=1 b=2"

/// Rows under aligned column heads, plain ASCII.
class Table {
  public:
    enum class Align { kLeft, kRight };
    struct Column {
        std::string head;
        Align align = Align::kLeft;
    };

    explicit Table(std::vector<Column> columns, std::string indent = "");

    void add_row(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const { return rows_.empty(); }

    /// Columns in which every row has "" are left out, and so is the line of
    /// heads when every head is "".
    [[nodiscard]] std::string to_string() const;

  private:
    [[nodiscard]] std::vector<std::size_t> widths() const;

    std::vector<Column> columns_;
    std::string indent_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace asi::ctl

#endif  // ASICTL_TABLE_H
