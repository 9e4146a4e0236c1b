// SPDX-License-Identifier: GPL-2.0-only
// Mirrors: what the kernel maps, the mirror maps; what it does not, nobody else does.
#include <asi/engine.h>
#include <asi/mirror.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "page_table_fixture.h"

namespace sim {
namespace {

class MirrorTest : public testing::TestWithParam<unsigned> {
  protected:
    MirrorTest() : kernel_(GetParam()) {
        std::memset(&mirror_, 0, sizeof(mirror_));
        EXPECT_EQ(asi_mirror_begin(&mirror_, allocate_page(), GetParam()), 0);
        // A neighbour on each level, and a hole where the block is.
        kernel_.set_leaf(kBlock - k2M, 2, 0x10'0000'0000, ForeignTable::kW | ForeignTable::kG);
        kernel_.set_leaf(kBlock + k2M, 2, 0x10'0040'0000, ForeignTable::kW);
        kernel_.set_leaf(kBlock - kBlock % k1G + k1G, 3, 0x20'0000'0000,
                         ForeignTable::kW | ForeignTable::kG);
        kernel_.slot(kBlock, 2) = kHole;
    }
    ~MirrorTest() override {
        asi_mirror_end(&mirror_);
        EXPECT_EQ(live_pages(), 0u) << "leaked table pages";
        EXPECT_EQ(take_bugs(), 0u);
        free_all();
    }

    int carve(asi_u64 va) {
        int err;
        while ((err = asi_mirror_carve(&mirror_, kernel_.root(), va)) == -ENOMEM)
            asi_mirror_donate(&mirror_, allocate_page());
        return err;
    }
    int map(asi_u64 va, asi_u64 pa, asi_u64 size) {
        int err;
        while ((err = asi_mirror_map(&mirror_, va, pa, size)) == -ENOMEM)
            asi_mirror_donate(&mirror_, allocate_page());
        return err;
    }
    asi_u32 follow() { return asi_mirror_follow(&mirror_, kernel_.root()); }

    std::optional<asi_leaf> leaf_at(const void* root, asi_u64 va) const {
        asi_leaf leaf;
        if (!asi_table_lookup(root, GetParam(), va, &leaf)) return std::nullopt;
        return leaf;
    }
    /// Frame that the mirror has at @va, or nothing.
    std::optional<asi_u64> frame(asi_u64 va) const {
        const auto leaf = leaf_at(asi_mirror_root(&mirror_), va);
        if (!leaf) return std::nullopt;
        return leaf->pa + (va - leaf->va);
    }

    static constexpr asi_u64 kBlock = 0xffff8880'00000000 + 8 * k2M;
    /// What set_memory_np() leaves: not present, a large page, the frame number inverted.
    static constexpr asi_u64 kHole = 0x000fffff'ffe00000 | ForeignTable::kLarge;
    static constexpr asi_u64 kFrame = 0x10'0020'0000;

    ForeignTable kernel_;
    asi_mirror mirror_;
};

TEST_P(MirrorTest, shows_what_the_kernel_maps_around_a_block) {
    ASSERT_EQ(carve(kBlock), 0);
    EXPECT_EQ(frame(kBlock), std::nullopt);
    EXPECT_EQ(frame(kBlock - k2M), 0x10'0000'0000u);
    EXPECT_EQ(frame(kBlock + k2M), 0x10'0040'0000u);
    EXPECT_EQ(frame(kBlock + k1G), 0x20'0000'0000u + kBlock % k1G);
}

TEST_P(MirrorTest, has_no_global_entries_and_no_software_bits_of_others) {
    ASSERT_EQ(carve(kBlock), 0);
    for (const asi_u64 va : {kBlock - k2M, kBlock + k1G}) {
        const auto leaf = leaf_at(asi_mirror_root(&mirror_), va);
        ASSERT_TRUE(leaf);
        EXPECT_EQ(leaf->entry & (kG | ForeignTable::kForeignSoftware), 0u);
    }
}

TEST_P(MirrorTest, refuses_a_block_that_the_kernel_maps) {
    EXPECT_EQ(carve(kBlock + k2M), -EINVAL);
    EXPECT_EQ(carve(kBlock + k1G), -EINVAL) << "inside a leaf of 1 GiB";
    EXPECT_EQ(carve(kBlock + k4K), -EINVAL) << "not a block's first byte";
    EXPECT_EQ(carve(0x0000'9000'0000'0000 << 8), -EINVAL) << "no table there";
}

TEST_P(MirrorTest, maps_pages_in_the_hole_and_nothing_else) {
    ASSERT_EQ(carve(kBlock), 0);
    ASSERT_EQ(map(kBlock + 16 * k4K, kFrame + 16 * k4K, 16 * k4K), 0);
    EXPECT_EQ(frame(kBlock + 15 * k4K), std::nullopt);
    EXPECT_EQ(frame(kBlock + 16 * k4K), kFrame + 16 * k4K);
    EXPECT_EQ(frame(kBlock + 31 * k4K), kFrame + 31 * k4K);
    EXPECT_EQ(frame(kBlock + 32 * k4K), std::nullopt);
    const auto leaf = leaf_at(asi_mirror_root(&mirror_), kBlock + 16 * k4K);
    EXPECT_NE(leaf->entry & kNx, 0u) << "payload is never executed";
    EXPECT_NE(leaf->entry & kW, 0u);
    EXPECT_EQ(leaf_at(kernel_.root(), kBlock + 16 * k4K), std::nullopt);
}

TEST_P(MirrorTest, refuses_ranges_of_more_than_one_block) {
    ASSERT_EQ(carve(kBlock), 0);
    EXPECT_EQ(map(kBlock + k2M - k4K, kFrame, 2 * k4K), -EINVAL);
    EXPECT_EQ(map(kBlock + k2M, kFrame, k4K), -EINVAL) << "the kernel maps it";
    EXPECT_EQ(map(kBlock + 1, kFrame, k4K), -EINVAL);
    EXPECT_EQ(map(kBlock, kFrame, 0), -EINVAL);
    EXPECT_EQ(map(kBlock + 600 * k1G, kFrame, k4K), -EINVAL) << "not carved";
}

TEST_P(MirrorTest, takes_pages_out_again) {
    ASSERT_EQ(carve(kBlock), 0);
    ASSERT_EQ(map(kBlock, kFrame, 32 * k4K), 0);
    EXPECT_EQ(asi_mirror_unmap(&mirror_, kBlock, 16 * k4K), 16u);
    EXPECT_EQ(frame(kBlock + 15 * k4K), std::nullopt);
    EXPECT_EQ(frame(kBlock + 16 * k4K), kFrame + 16 * k4K);
    EXPECT_EQ(asi_mirror_unmap(&mirror_, kBlock, 16 * k4K), 0u);
    EXPECT_EQ(asi_mirror_unmap(&mirror_, kBlock + k2M, k4K), 0u) << "the kernel's own page";
    EXPECT_EQ(frame(kBlock + k2M), 0x10'0040'0000u);
}

TEST_P(MirrorTest, follows_a_split_and_new_memory) {
    ASSERT_EQ(carve(kBlock), 0);
    ASSERT_EQ(map(kBlock, kFrame, 16 * k4K), 0);
    EXPECT_EQ(follow(), 0u) << "nothing changed";
    // The neighbour is split, and one page of it is taken away.
    kernel_.slot(kBlock + k2M, 2) = 0;
    for (asi_u64 at = k4K; at < k2M; at += k4K)
        kernel_.set_leaf(kBlock + k2M + at, 1, 0x10'0040'0000 + at, ForeignTable::kW);
    // Memory is added.
    kernel_.set_leaf(kBlock - kBlock % k1G + 2 * k1G, 3, 0x30'0000'0000, ForeignTable::kW);
    EXPECT_EQ(frame(kBlock + k2M), 0x10'0040'0000u) << "a copy ages";
    EXPECT_EQ(follow(), 1u) << "the split counts, the addition does not";
    EXPECT_EQ(frame(kBlock + k2M), std::nullopt);
    EXPECT_EQ(frame(kBlock + k2M + k4K), 0x10'0040'1000u);
    EXPECT_EQ(frame(kBlock + 2 * k1G), 0x30'0000'0000u + kBlock % k1G);
    EXPECT_EQ(frame(kBlock), kFrame) << "what is its own stays";
}

TEST_P(MirrorTest, bits_that_the_cpu_sets_are_no_change) {
    ASSERT_EQ(carve(kBlock), 0);
    kernel_.slot(kBlock + k2M, 2) |= ForeignTable::kA | ForeignTable::kD;
    EXPECT_EQ(follow(), 0u);
}

TEST_P(MirrorTest, carves_a_second_block_in_the_same_tables) {
    kernel_.slot(kBlock + k2M, 2) = kHole;
    ASSERT_EQ(carve(kBlock), 0);
    const asi_u32 pages = asi_mirror_pages(&mirror_);
    EXPECT_EQ(pages, GetParam() - 1) << "a page for each level above the blocks";
    ASSERT_EQ(carve(kBlock + k2M), 0);
    EXPECT_EQ(asi_mirror_pages(&mirror_), pages);
}

TEST_P(MirrorTest, fills_a_block_with_one_page_or_with_its_frames) {
    ASSERT_EQ(carve(kBlock), 0);
    auto* table = static_cast<asi_u64*>(allocate_page());
    for (unsigned i = 0; i < 512; ++i) table[i] = asi_mirror_page_entry(0x77'7000);
    ASSERT_EQ(asi_mirror_fill_table(&mirror_, kBlock, table), 0);
    EXPECT_EQ(frame(kBlock), 0x77'7000u);
    EXPECT_EQ(frame(kBlock + k2M - k4K), 0x77'7000u);
    EXPECT_EQ(map(kBlock, kFrame, k4K), -EINVAL) << "it is filled";
    EXPECT_EQ(asi_mirror_unmap(&mirror_, kBlock, k4K), 0u);
    EXPECT_EQ(follow(), 0u);
    EXPECT_EQ(frame(kBlock), 0x77'7000u) << "what is filled stays";
    ASSERT_EQ(asi_mirror_fill_frames(&mirror_, kBlock, kFrame), 0);
    EXPECT_EQ(frame(kBlock + 5 * k4K), kFrame + 5 * k4K);
    EXPECT_EQ(asi_mirror_fill_frames(&mirror_, kBlock, kFrame + k4K), -EINVAL);
    EXPECT_EQ(asi_mirror_fill_frames(&mirror_, kBlock + k2M, kFrame), -EINVAL);
    // The table stays its owner's.
    EXPECT_EQ(table[0], asi_mirror_page_entry(0x77'7000));
    asi_port_free_table(table);
}

TEST_P(MirrorTest, carving_asks_for_exactly_the_pages_it_takes) {
    for (unsigned given = 0; given < GetParam() - 2; ++given) {
        EXPECT_EQ(asi_mirror_carve(&mirror_, kernel_.root(), kBlock), -ENOMEM);
        EXPECT_EQ(frame(kBlock + k2M), std::nullopt) << "a failed call changed something";
        asi_mirror_donate(&mirror_, allocate_page());
    }
    EXPECT_EQ(asi_mirror_carve(&mirror_, kernel_.root(), kBlock), 0);
}

TEST_P(MirrorTest, can_be_borrowed_from) {
    ASSERT_EQ(carve(kBlock), 0);
    asi_pt pt = {};
    ASSERT_EQ(asi_pt_init(&pt, GetParam() | ASI_PT_1G_LEAVES), 0);
    ASSERT_EQ(asi_pt_borrow(&pt, asi_mirror_root(&mirror_), kBlock, GetParam(), nullptr), 0);
    asi_leaf leaf;
    EXPECT_EQ(asi_pt_lookup(&pt, kBlock, &leaf), 0);
    ASSERT_EQ(map(kBlock, kFrame, k4K), 0);
    ASSERT_EQ(asi_pt_lookup(&pt, kBlock, &leaf), 1) << "what is mapped later shows";
    EXPECT_EQ(leaf.pa, kFrame);
    asi_pt_destroy(&pt);
}

TEST(Mirror, takes_tables_of_four_and_five_levels) {
    asi_mirror mirror = {};
    EXPECT_EQ(asi_mirror_begin(&mirror, nullptr, 3), -EINVAL);
    EXPECT_EQ(asi_mirror_begin(&mirror, nullptr, 6), -EINVAL);
}

INSTANTIATE_TEST_SUITE_P(levels, MirrorTest, testing::Values(4u, 5u));

}  // namespace
}  // namespace sim
