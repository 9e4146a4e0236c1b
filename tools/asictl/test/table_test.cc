// SPDX-License-Identifier: GPL-2.0-only
#include "table.h"

#include <gtest/gtest.h>

#include "order.h"

namespace asi::ctl {
namespace {

TEST(FormatSize, has_binary_units) {
    EXPECT_EQ(format_size(std::nullopt), "-");
    EXPECT_EQ(format_size(0), "0 B");
    EXPECT_EQ(format_size(1023), "1023 B");
    EXPECT_EQ(format_size(1024), "1.0 KiB");
    EXPECT_EQ(format_size(12582912), "12.0 MiB");
    EXPECT_EQ(format_size((1 << 20) - 1), "1.0 MiB");
    EXPECT_EQ(format_size(UINT64_MAX), "16.0 EiB");
}

TEST(FormatPercent, neither_nothing_nor_all_by_rounding) {
    EXPECT_EQ(format_percent(std::nullopt), "-");
    EXPECT_EQ(format_percent(0.0), "0.00%");
    EXPECT_EQ(format_percent(0.001), "<0.01%");
    EXPECT_EQ(format_percent(99.999), ">99.99%");
    EXPECT_EQ(format_percent(100.0), "100.00%");
    EXPECT_EQ(format_percent(percent(Number(1), Number(0))), "-");
}

TEST(FormatUptime, is_seconds_since_boot) {
    EXPECT_EQ(format_uptime(4560000999), "4.560000");
    EXPECT_EQ(format_uptime(0), "0.000000");
}

TEST(FormatRate, is_short_and_not_0_by_rounding) {
    EXPECT_EQ(format_rate(std::nullopt), "-");
    EXPECT_EQ(format_rate(0.0), "0");
    EXPECT_EQ(format_rate(0.04), "<0.1");
    EXPECT_EQ(format_rate(0.5), "0.5");
    EXPECT_EQ(format_rate(99.94), "99.9");
    EXPECT_EQ(format_rate(99.96), "100");
    EXPECT_EQ(format_rate(99999.4), "99999");
    EXPECT_EQ(format_rate(99999.6), "100k");
    EXPECT_EQ(format_rate(99999.6e3), "100M");
    EXPECT_EQ(format_rate(1e300), ">99G");
}

TEST(Printable, lets_no_escape_code_through) {
    EXPECT_EQ(printable("a\x1b[31mb\x80\n"), "a?[31mb??");
}

TEST(Table, aligns_and_leaves_out_empty_columns) {
    Table table({{"NAME"}, {"NOTE"}, {"N", Table::Align::kRight}}, " ");
    table.add_row({"a", "", "100"});
    table.add_row({"longer", "", "7"});
    EXPECT_EQ(table.to_string(),
              " NAME      N\n"
              " a       100\n"
              " longer    7\n");
}

TEST(Table, narrow_lines_lose_columns_by_rank_and_then_their_ends) {
    const Table::Align left = Table::Align::kLeft;
    Table table({{"NAME"}, {"FIRST", left, 2}, {"SECOND", left, 1}, {"THIRD", left, 2}}, " ");
    table.add_row({"abc", "1", "2", "3"});
    using Lines = std::vector<std::string>;
    EXPECT_EQ(table.lines(), (Lines{" NAME  FIRST  SECOND  THIRD", " abc   1      2       3"}));
    EXPECT_EQ(table.lines(27), table.lines());
    EXPECT_EQ(table.lines(26), (Lines{" NAME  SECOND  THIRD", " abc   2       3"}));
    EXPECT_EQ(table.lines(19), (Lines{" NAME  SECOND", " abc   2"}));
    EXPECT_EQ(table.lines(12), (Lines{" NAME", " abc"}));
    EXPECT_EQ(table.lines(3), (Lines{" NA", " ab"}));
    EXPECT_EQ(table.lines(0), (Lines{"", ""}));
}

TEST(Order, flushes_are_summed_where_they_are_counted) {
    Vm vm;
    EXPECT_EQ(flushes_done(vm), std::nullopt);
    EXPECT_EQ(flushes_avoided(vm), std::nullopt);
    vm.flushes = {{"l1d", 1, 30, {}}, {"new", 2, std::nullopt, {}}};
    EXPECT_EQ(flushes_done(vm), 3u);
    EXPECT_EQ(flushes_avoided(vm), 30u);
    EXPECT_EQ(avoided_percent(1, 3), 75.0);
    EXPECT_EQ(avoided_percent(0, 0), std::nullopt);
}

TEST(Order, inside_share_leaves_out_user_space_and_first_touch) {
    EXPECT_EQ(inside_percent(3, 1), 75.0);
    EXPECT_EQ(inside_percent(0, 0), std::nullopt);
    EXPECT_EQ(inside_percent(std::nullopt, 1), std::nullopt);
}

}  // namespace
}  // namespace asi::ctl
