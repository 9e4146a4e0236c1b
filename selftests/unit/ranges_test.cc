// SPDX-License-Identifier: GPL-2.0-only
// Finding the range that holds an address.
#include "../../asi/include/asi/ranges.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace {

constexpr std::uint64_t kSpan = 0x100;

/// @count ranges of 0x80 bytes, one at the beginning of each 0x100; each is numbered.
std::vector<asi_range> make_ranges(unsigned count) {
    std::vector<asi_range> ranges;
    for (unsigned i = 0; i < count; ++i)
        ranges.push_back({(i + 1) * kSpan, (i + 1) * kSpan + kSpan / 2, i});
    return ranges;
}

const asi_range* find(const std::vector<asi_range>& ranges, std::uint64_t address) {
    return asi_range_find(ranges.data(), static_cast<asi_u32>(ranges.size()), address);
}

TEST(RangesTest, of_none_there_is_none) {
    EXPECT_EQ(asi_range_find(nullptr, 0, 0), nullptr);
    EXPECT_EQ(asi_range_find(nullptr, 0, ~0ull), nullptr);
}

TEST(RangesTest, every_byte_of_a_range_and_no_other_is_found) {
    for (const unsigned count : {1u, 2u, 3u, 4u, 7u, 8u, 9u, 24u}) {
        const std::vector<asi_range> ranges = make_ranges(count);
        for (std::uint64_t address = 0; address < (count + 2) * kSpan; ++address) {
            const bool inside =
                address >= kSpan && address < (count + 1) * kSpan && address % kSpan < kSpan / 2;
            const asi_range* found = find(ranges, address);
            ASSERT_EQ(found != nullptr, inside) << count << " ranges, address " << address;
            if (inside) {
                ASSERT_EQ(found->what, address / kSpan - 1) << address;
            }
        }
    }
}

TEST(RangesTest, neighbours_that_touch_are_told_apart) {
    const std::vector<asi_range> ranges = {{0x1000, 0x2000, 1}, {0x2000, 0x3000, 2}};
    EXPECT_EQ(find(ranges, 0x1fff)->what, 1u);
    EXPECT_EQ(find(ranges, 0x2000)->what, 2u);
    EXPECT_EQ(find(ranges, 0x3000), nullptr);
}

TEST(RangesTest, the_kernels_half_of_the_addresses) {
    const std::vector<asi_range> ranges = {{0xffff888000000000ull, 0xffff888000004000ull, 1},
                                           {0xffffc90000000000ull, 0xffffc90000004000ull, 2}};
    EXPECT_EQ(find(ranges, 0xffffc90000003fffull)->what, 2u);
    EXPECT_EQ(find(ranges, 0xffffc90000004000ull), nullptr);
    EXPECT_EQ(find(ranges, ~0ull), nullptr);
}

}  // namespace
