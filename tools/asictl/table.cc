// SPDX-License-Identifier: GPL-2.0-only
#include "table.h"

#include <algorithm>
#include <cstdio>

namespace asi::ctl {
namespace {

const std::string kAbsent = "-";
constexpr std::string_view kGap = "  ";

template <typename... Args>
std::string print(const char* format, Args... args) {
    char buffer[64];
    const int length = std::snprintf(buffer, sizeof(buffer), format, args...);
    return {buffer, static_cast<std::size_t>(length)};
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return out;
}

std::string format_text(const Text& text) {
    return text ? printable(*text) : kAbsent;
}

std::string format_number(const Number& number) {
    return number ? std::to_string(*number) : kAbsent;
}

std::string format_flag(const Flag& flag) {
    if (!flag) return kAbsent;
    return *flag ? "on" : "off";
}

std::string format_hex(const Number& number) {
    return number ? print("0x%llx", static_cast<unsigned long long>(*number)) : kAbsent;
}

std::string format_size(const Number& bytes) {
    static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (!bytes) return kAbsent;
    if (*bytes < 1024) return std::to_string(*bytes) + " B";
    double value = static_cast<double>(*bytes) / 1024;
    std::size_t unit = 0;
    // 1023.95 would print as 1024.0.
    while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
        value /= 1024;
        ++unit;
    }
    return print("%.1f %s", value, kUnits[unit]);
}

std::string format_percent(const std::optional<double>& percent) {
    if (!percent) return kAbsent;
    if (*percent > 0 && *percent < 0.01) return "<0.01%";
    // What is not all must not round up to all.
    if (*percent < 100 && *percent > 99.99) return ">99.99%";
    return print("%.2f%%", *percent);
}

std::string format_rate(const std::optional<double>& rate) {
    if (!rate) return kAbsent;
    if (*rate == 0) return "0";
    if (*rate < 0.1) return "<0.1";
    if (*rate < 99.95) return print("%.1f", *rate);
    if (*rate < 99999.5) return print("%.0f", *rate);
    if (*rate < 99999.5e3) return print("%.0fk", *rate / 1e3);
    if (*rate < 99999.5e6) return print("%.0fM", *rate / 1e6);
    return ">99G";
}

std::string format_seconds(double seconds) {
    return print("%.2f", seconds);
}

std::string format_uptime(const Number& nanoseconds) {
    if (!nanoseconds) return kAbsent;
    const unsigned long long microseconds = *nanoseconds / 1000;
    return print("%llu.%06llu", microseconds / 1000000, microseconds % 1000000);
}

std::string format_pairs(const Pairs& pairs) {
    std::string out;
    for (const auto& [key, value] : pairs) {
        if (!out.empty()) out += ' ';
        out += printable(key);
        if (!value.empty()) out += '=' + printable(value);
    }
    return out;
}

Table::Table(std::vector<Column> columns, std::string indent)
    : columns_(std::move(columns)), indent_(std::move(indent)) {}

void Table::add_row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths() const {
    std::vector<std::size_t> widths(columns_.size(), 0);
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    for (std::size_t i = 0; i < widths.size(); ++i)
        if (widths[i] != 0) widths[i] = std::max(widths[i], columns_[i].head.size());
    return widths;
}

std::size_t Table::total_width(const std::vector<std::size_t>& widths) const {
    std::size_t total = indent_.size();
    bool first = true;
    for (const std::size_t width : widths) {
        if (width == 0) continue;
        total += width + (first ? 0 : kGap.size());
        first = false;
    }
    return total;
}

void Table::leave_out_columns(std::vector<std::size_t>& widths, std::size_t width) const {
    while (total_width(widths) > width) {
        int highest = 0;
        std::size_t column = 0;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (widths[i] == 0 || columns_[i].rank <= highest) continue;
            highest = columns_[i].rank;
            column = i;
        }
        if (highest == 0) return;
        widths[column] = 0;
    }
}

std::vector<std::string> Table::lines(std::size_t width) const {
    std::vector<std::size_t> widths = this->widths();
    leave_out_columns(widths, width);
    std::vector<std::string> lines;
    const auto add_line = [&](const auto& cell_of) {
        std::string line = indent_;
        bool first = true;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (widths[i] == 0) continue;
            if (!first) line += kGap;
            first = false;
            const std::string& cell = cell_of(i);
            const std::string padding(widths[i] - cell.size(), ' ');
            line += columns_[i].align == Align::kRight ? padding + cell : cell + padding;
        }
        line.resize(std::min(line.size(), width));
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(std::move(line));
    };
    const bool has_heads = std::any_of(columns_.begin(), columns_.end(),
                                       [](const Column& column) { return !column.head.empty(); });
    if (has_heads) add_line([&](std::size_t i) -> const std::string& { return columns_[i].head; });
    for (const auto& row : rows_)
        add_line([&](std::size_t i) -> const std::string& { return row[i]; });
    return lines;
}

std::string Table::to_string() const {
    std::string out;
    for (const std::string& line : lines()) out += line + '\n';
    return out;
}

}  // namespace asi::ctl
