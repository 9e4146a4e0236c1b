// SPDX-License-Identifier: GPL-2.0-only
// Mapping, unmapping, protecting and looking, in tables of our own.
#include "page_table_fixture.h"

namespace sim {
namespace {

TEST_F(PageTableTest, new_table_is_empty) {
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
    EXPECT_EQ(asi_pt_reserve(&pt_), 1u) << "the page beside the root";
    EXPECT_EQ(asi_pt_root(&pt_), asi_port_phys(asi_pt_root_table(&pt_)));
    EXPECT_EQ(asi_pt_root(&pt_) & 0x1000, 0u);
    EXPECT_TRUE(snapshot(pt_).leaves.empty());
    EXPECT_FALSE(leaf_at(kBase));
}

TEST(PageTable, init_refuses_other_level_counts) {
    asi_pt pt = {};
    EXPECT_EQ(asi_pt_init(&pt, 3), -EINVAL);
    EXPECT_EQ(asi_pt_init(&pt, 6), -EINVAL);
    EXPECT_EQ(asi_pt_init(&pt, 0), -EINVAL);
    EXPECT_EQ(live_pages(), 0u);
}

TEST(PageTable, init_without_memory_fails_cleanly) {
    asi_pt pt = {};
    fail_next_root();
    EXPECT_EQ(asi_pt_init(&pt, 4), -ENOMEM);
    asi_pt_destroy(&pt);
    EXPECT_EQ(live_pages(), 0u);
}

TEST_F(PageTableTest, destroy_returns_tables_and_reserve) {
    ASSERT_EQ(map(kBase, 0, 3 * k2M + k4K), 0);
    donate(5);
    EXPECT_EQ(live_pages(), asi_pt_tables(&pt_) + 5);
    asi_pt_destroy(&pt_);
    EXPECT_EQ(live_pages(), 0u);
}

TEST_F(PageTableTest, mapped_page_is_found_with_frame_rights_and_kind) {
    ASSERT_EQ(map(kBase + k4K, 0x1234000, k4K, kReadWrite, ASI_KIND_OBJECT), 0);
    const auto leaf = leaf_at(kBase + k4K + 0x123);
    ASSERT_TRUE(leaf);
    EXPECT_EQ(leaf->va, kBase + k4K);
    EXPECT_EQ(leaf->pa, 0x1234000u);
    EXPECT_EQ(leaf->size, k4K);
    EXPECT_EQ(leaf->kind, asi_u32{ASI_KIND_OBJECT});
    EXPECT_EQ(leaf->borrowed, 0u);
    EXPECT_EQ(leaf->entry & (kP | kW | kNx), kReadWrite);
    EXPECT_FALSE(leaf_at(kBase));
    EXPECT_FALSE(leaf_at(kBase + 2 * k4K));
    EXPECT_EQ(asi_pt_tables(&pt_), 4u);
}

TEST_F(PageTableTest, non_canonical_address_is_never_found) {
    ASSERT_EQ(map(kBase, 0, k4K), 0);
    EXPECT_FALSE(leaf_at(kBase & 0x0000ffff'ffffffff));
}

TEST_F(PageTableTest, global_user_and_software_bits_are_dropped) {
    ASSERT_EQ(map(kBase, 0x5000, k4K, kReadWrite | kG | kU | (7ULL << 9) | (0x7fULL << 52),
                  ASI_KIND_UNKNOWN),
              0);
    EXPECT_EQ(leaf_at(kBase)->entry, 0x5063 | kNx);
}

TEST_F(PageTableTest, large_leaves_are_used_where_alignment_allows) {
    ASSERT_EQ(map(kBase + k2M - k4K, 2 * k1G + k2M - k4K, k1G - k2M + k4K + k1G + k2M + k4K), 0);
    EXPECT_EQ(leaf_at(kBase + k2M - k4K)->size, k4K);
    EXPECT_EQ(leaf_at(kBase + k2M)->size, k2M);
    EXPECT_EQ(leaf_at(kBase + k1G)->size, k1G);
    EXPECT_EQ(leaf_at(kBase + 2 * k1G)->size, k2M);
    EXPECT_EQ(leaf_at(kBase + 2 * k1G + k2M)->size, k4K);
    EXPECT_FALSE(leaf_at(kBase + 2 * k1G + k2M + k4K));
}

TEST_F(PageTableTest, unaligned_frames_take_small_leaves) {
    ASSERT_EQ(map(kBase, k4K, k2M), 0);
    EXPECT_EQ(leaf_at(kBase)->size, k4K);
    EXPECT_EQ(frame(kBase + k2M - k4K), k2M);
}

class Without1G : public PageTableTest {
  protected:
    Without1G() : PageTableTest(4, false) {}
};
TEST_F(Without1G, no_1g_leaf_is_made_for_a_cpu_without_them) {
    ASSERT_EQ(map(kBase, k1G, k1G), 0);
    EXPECT_EQ(leaf_at(kBase)->size, k2M);
}

TEST_F(PageTableTest, memory_type_survives_splitting) {
    ASSERT_EQ(map(kBase, 0, k2M, kReadWrite | kPat | 0x18), 0);
    EXPECT_EQ(leaf_at(kBase)->entry & 0x1098, 0x1098u);
    ASSERT_EQ(protect(kBase, k4K, kRead), 0);
    EXPECT_EQ(leaf_at(kBase)->entry & 0x1098, 0x98u);
    EXPECT_EQ(leaf_at(kBase + 2 * k4K)->entry & 0x1098, 0x98u) << "PAT is bit 7 again";
    EXPECT_EQ(frame(kBase + k4K), k4K);
}

TEST_F(PageTableTest, bad_arguments_are_refused_and_change_nothing) {
    ASSERT_EQ(map(kBase, 0, k4K), 0);
    donate(8);
    const Snapshot before = snapshot(pt_);
    const asi_u64 e = kReadWrite;
    const auto k = ASI_KIND_DATA;
    EXPECT_EQ(asi_pt_map(&pt_, kBase + 1, 0, k4K, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 1, k4K, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 0, 0, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 0, k4K + 1, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, 1ULL << 47, 0, k4K, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, 0 - k4K, 0, 2 * k4K, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 1ULL << 52, k4K, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, kBase, (1ULL << 52) - k4K, 2 * k4K, e, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 0, k4K, e & ~kP, k, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 0, k4K, e, static_cast<asi_kind>(ASI_NR_KINDS), nullptr),
              -EINVAL);
    EXPECT_EQ(asi_pt_clone(&pt_, foreign_->root(), kBase, 0, k, nullptr, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_borrow(&pt_, foreign_->root(), kBase, 1, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_borrow(&pt_, foreign_->root(), kBase, 5, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_borrow(&pt_, foreign_->root(), 1ULL << 47, 4, nullptr), -EINVAL);
    EXPECT_EQ(asi_pt_protect(&pt_, kBase + 8, k4K, e, nullptr), -EINVAL);
    EXPECT_EQ(unmap(kBase + 8, k4K), -EINVAL);
    EXPECT_EQ(asi_pt_zap(&pt_, kBase + 8, k4K), 0u);
    EXPECT_EQ(asi_pt_walk(&pt_, 8, k4K, nullptr, nullptr), -EINVAL);
    EXPECT_EQ(snapshot(pt_), before);
}

TEST_F(PageTableTest, failed_map_changes_nothing) {
    ASSERT_EQ(map(kBase + 5 * k4K, 0x9000, k4K), 0);
    const Snapshot before = snapshot(pt_);
    // Conflict at the far end; everything before it would have been free.
    EXPECT_EQ(map(kBase - k2M, 0, k2M + 6 * k4K), -EEXIST);
    EXPECT_EQ(snapshot(pt_), before);
    // supply() has checked the same for every number of missing pages.
    EXPECT_EQ(map(kBase - k1G - k4K, 3 * k1G - k4K, k1G + k4K + k4K), 0);
}

TEST_F(PageTableTest, needed_is_exact) {
    asi_u32 needed = 0;
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 0, k4K, kRead, ASI_KIND_DATA, &needed), -ENOMEM);
    EXPECT_EQ(needed, 3u);
    EXPECT_EQ(asi_pt_map(&pt_, kBase - k4K, 0, 2 * k4K, kRead, ASI_KIND_DATA, &needed), -ENOMEM);
    EXPECT_EQ(needed, 6u) << "two of everything across a root entry";
    EXPECT_EQ(asi_pt_map(&pt_, kBase, 0, k1G, kRead, ASI_KIND_DATA, &needed), 0)
        << "the page beside the root is enough";
    EXPECT_EQ(needed, 1u);
}

TEST_F(PageTableTest, mapping_again_gives_the_union_of_rights) {
    ASSERT_EQ(map(kBase, 0x7000, k4K, kExec), 0);
    ASSERT_EQ(map(kBase, 0x7000, k4K, kReadWrite, ASI_KIND_OBJECT), 0);
    EXPECT_EQ(leaf_at(kBase)->entry & (kW | kNx), kW);
    EXPECT_EQ(leaf_at(kBase)->kind, asi_u32{ASI_KIND_DATA}) << "the first kind stays";
    EXPECT_EQ(map(kBase, 0x8000, k4K), -EEXIST);
}

TEST_F(PageTableTest, mapping_part_of_a_large_leaf_again_splits_only_for_new_rights) {
    ASSERT_EQ(map(kBase, k1G, k1G, kRead), 0);
    const asi_u32 tables = asi_pt_tables(&pt_);
    ASSERT_EQ(map(kBase + k4K, k1G + k4K, k4K, kRead), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), tables);
    ASSERT_EQ(map(kBase + k4K, k1G + k4K, k4K, kReadWrite), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), tables + 2);
    EXPECT_EQ(leaf_at(kBase + k4K)->entry & kW, kW);
    EXPECT_EQ(leaf_at(kBase)->entry & kW, 0u);
    EXPECT_EQ(leaf_at(kBase + k2M)->size, k2M);
    EXPECT_EQ(frame(kBase + k1G - k4K), 2 * k1G - k4K);
}

TEST_F(PageTableTest, unmap_splits_1g_to_4k_and_keeps_the_rest) {
    ASSERT_EQ(map(kBase, k1G, k1G), 0);
    donate(2);
    EXPECT_EQ(unmap(kBase + 3 * k2M + 5 * k4K, k4K), static_cast<long long>(k4K));
    EXPECT_EQ(asi_pt_reserve(&pt_), 0u);
    EXPECT_FALSE(leaf_at(kBase + 3 * k2M + 5 * k4K));
    EXPECT_EQ(frame(kBase + 3 * k2M + 4 * k4K), k1G + 3 * k2M + 4 * k4K);
    EXPECT_EQ(frame(kBase + 3 * k2M + 6 * k4K), k1G + 3 * k2M + 6 * k4K);
    EXPECT_EQ(leaf_at(kBase + 2 * k2M)->size, k2M);
    EXPECT_EQ(gather_.unmapped, 1u);
    EXPECT_EQ(gather_.count, 0u);
    EXPECT_NE(asi_gather_pending(&gather_), 0u);
    asi_gather_release(&gather_);
    EXPECT_EQ(asi_gather_pending(&gather_), 0u);
}

TEST_F(PageTableTest, unmap_without_reserve_stops_before_the_split) {
    ASSERT_EQ(map(kBase - 2 * k4K, k2M - 2 * k4K, 2 * k4K + k2M), 0);
    EXPECT_EQ(leaf_at(kBase)->size, k2M);
    EXPECT_EQ(unmap(kBase - 2 * k4K, 3 * k4K), static_cast<long long>(2 * k4K));
    EXPECT_TRUE(leaf_at(kBase));
    asi_gather_release(&gather_);
    EXPECT_EQ(unmap(kBase, k4K), 0);
    EXPECT_EQ(asi_gather_pending(&gather_), 0u) << "the sign to donate";
    donate(1);
    EXPECT_EQ(unmap(kBase, k4K), static_cast<long long>(k4K));
    EXPECT_FALSE(leaf_at(kBase));
    EXPECT_TRUE(leaf_at(kBase + k4K));
}

TEST_F(PageTableTest, gather_that_was_not_released_is_reported) {
    ASSERT_EQ(map(kBase, 0, k4K), 0);
    ASSERT_EQ(unmap(kBase, k4K), static_cast<long long>(k4K));
    asi_gather_finish(&gather_);
    EXPECT_EQ(take_bugs(), 1u);
    asi_gather_release(&gather_);
    asi_gather_finish(&gather_);
    EXPECT_EQ(take_bugs(), 0u);
}

TEST_F(PageTableTest, emptied_tables_are_gathered_not_freed) {
    ASSERT_EQ(map(kBase, 0, k4K), 0);
    const std::size_t live = live_pages();
    EXPECT_EQ(unmap(kBase, k4K), static_cast<long long>(k4K));
    EXPECT_EQ(gather_.count, 3u);
    EXPECT_EQ(gather_.unmapped, 1u);
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
    EXPECT_EQ(live_pages(), live);
    asi_gather_release(&gather_);
    EXPECT_EQ(live_pages(), 1u);
}

TEST_F(PageTableTest, full_gather_stops_and_the_next_call_finishes) {
    const unsigned slots = ASI_GATHER_MAX + 10;
    for (unsigned i = 0; i < slots; ++i) ASSERT_EQ(map(kBase + i * k2M, 0x1000, k4K), 0);
    asi_u64 done = 0;
    unsigned calls = 0;
    while (done < slots * k2M) {
        const long long n = unmap(kBase + done, slots * k2M - done);
        ASSERT_GE(n, 0);
        ASSERT_TRUE(n > 0 || asi_gather_pending(&gather_) != 0);
        EXPECT_EQ(n % k4K, 0u);
        done += static_cast<asi_u64>(n);
        asi_gather_release(&gather_);
        ++calls;
    }
    EXPECT_EQ(calls, 2u);
    EXPECT_EQ(asi_pt_tables(&pt_), 1u) << "no empty table is forgotten";
}

TEST_F(PageTableTest, unmapping_holes_costs_nothing) {
    EXPECT_EQ(unmap(0xffff8000'00000000, 1ULL << 47), static_cast<long long>(1ULL << 47));
    EXPECT_EQ(asi_gather_pending(&gather_), 0u);
}

TEST_F(PageTableTest, top_of_the_address_space_can_be_mapped_and_unmapped) {
    ASSERT_EQ(map(0 - 2 * k4K, 0x4000, 2 * k4K), 0);
    EXPECT_EQ(frame(~0ULL & ~(k4K - 1)), 0x5000u);
    EXPECT_EQ(unmap(0 - k1G, k1G), static_cast<long long>(k1G));
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
}

TEST_F(PageTableTest, zap_clears_in_place_and_frees_nothing) {
    ASSERT_EQ(map(kBase, 0, 4 * k4K), 0);
    const asi_u32 tables = asi_pt_tables(&pt_);
    EXPECT_EQ(asi_pt_zap(&pt_, kBase + k4K, 2 * k4K), 2u);
    EXPECT_TRUE(leaf_at(kBase));
    EXPECT_FALSE(leaf_at(kBase + k4K));
    EXPECT_FALSE(leaf_at(kBase + 2 * k4K));
    EXPECT_TRUE(leaf_at(kBase + 3 * k4K));
    EXPECT_EQ(asi_pt_zap(&pt_, kBase, 4 * k4K), 2u);
    EXPECT_EQ(asi_pt_tables(&pt_), tables);
    EXPECT_EQ(unmap(kBase, k4K), static_cast<long long>(k4K));
    EXPECT_EQ(asi_pt_tables(&pt_), 1u) << "unmap reclaims what zap left empty";
}

TEST_F(PageTableTest, zap_clears_large_leaves_whole) {
    ASSERT_EQ(map(kBase, 0, k2M), 0);
    ASSERT_EQ(map(kBase + k1G, 0, k1G), 0);
    EXPECT_EQ(asi_pt_zap(&pt_, kBase + k4K, k4K), 1u);
    EXPECT_FALSE(leaf_at(kBase));
    EXPECT_EQ(asi_pt_zap(&pt_, kBase + k1G + k4K, k4K), 1u);
    EXPECT_FALSE(leaf_at(kBase + k1G));
}

TEST_F(PageTableTest, prune_gives_back_what_zap_left_empty) {
    ASSERT_EQ(map(kBase, 0, k4K), 0);
    ASSERT_EQ(map(k1G, 0, k4K), 0);
    ASSERT_EQ(map(k2M, 0, k4K, kReadWrite, ASI_KIND_GUEST_MEMORY), 0);
    asi_pt_zap(&pt_, kBase, k4K);
    asi_pt_zap(&pt_, k1G, k4K);
    prune(0);
    EXPECT_EQ(asi_pt_tables(&pt_), 4u) << "root and the way to the last page";
    EXPECT_EQ(leaf_at(k2M)->kind, asi_u32{ASI_KIND_GUEST_MEMORY});
}

TEST_F(PageTableTest, prune_takes_out_the_kinds_it_is_told) {
    constexpr asi_u64 kGuest = 1ULL << ASI_KIND_GUEST_MEMORY;
    ASSERT_EQ(map(0, 0, k2M, kReadWrite, ASI_KIND_GUEST_MEMORY), 0);
    ASSERT_EQ(map(k2M, 0, k4K, kReadWrite, ASI_KIND_GUEST_MEMORY), 0);
    ASSERT_EQ(map(k2M + k4K, 0, k4K, kReadWrite, ASI_KIND_OBJECT), 0);
    ASSERT_EQ(map(kBase, 0, k4K, kReadWrite, ASI_KIND_GUEST_MEMORY), 0);
    prune(kGuest);
    EXPECT_FALSE(leaf_at(0));
    EXPECT_FALSE(leaf_at(k2M));
    EXPECT_TRUE(leaf_at(k2M + k4K));
    EXPECT_FALSE(leaf_at(kBase));
    EXPECT_EQ(asi_pt_tables(&pt_), 4u);
}

TEST_F(PageTableTest, prune_works_in_short_passes) {
    for (asi_u64 i = 0; i < 500; ++i)
        ASSERT_EQ(map(i * k2M, 0, k4K, kReadWrite, ASI_KIND_GUEST_MEMORY), 0);
    EXPECT_GT(prune(1ULL << ASI_KIND_GUEST_MEMORY), 5u);
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
}

TEST_F(PageTableTest, protect_changes_rights_and_nothing_else) {
    ASSERT_EQ(map(kBase, 0x200000, k2M + k4K, kReadWrite | kPat, ASI_KIND_OBJECT), 0);
    ASSERT_EQ(protect(kBase, k2M + 2 * k4K, kExec), 0) << "holes do not matter";
    for (const asi_u64 offset : {asi_u64{0}, k2M}) {
        const auto leaf = leaf_at(kBase + offset);
        EXPECT_EQ(leaf->entry & (kW | kNx | 0x40), 0u);
        EXPECT_EQ(leaf->kind, asi_u32{ASI_KIND_OBJECT});
        EXPECT_EQ(leaf->pa, 0x200000 + offset);
    }
    EXPECT_EQ(leaf_at(kBase)->size, k2M);
    EXPECT_FALSE(leaf_at(kBase + k2M + k4K));
}

TEST_F(PageTableTest, protecting_to_the_same_rights_does_not_split) {
    ASSERT_EQ(map(kBase, 0, k1G, kRead), 0);
    const Snapshot before = snapshot(pt_);
    ASSERT_EQ(protect(kBase + k4K, k4K, kRead), 0);
    EXPECT_EQ(snapshot(pt_), before);
}

TEST_F(PageTableTest, walk_visits_in_order_and_stops_when_told) {
    ASSERT_EQ(map(0x400000, 0, k4K), 0);
    ASSERT_EQ(map(kBase, 0, k4K), 0);
    ASSERT_EQ(map(kBase + k2M, 0, k2M), 0);
    const Snapshot all = snapshot(pt_);
    ASSERT_EQ(all.leaves.size(), 3u);
    EXPECT_EQ(all.leaves.begin()->first, 0x400000u);
    struct Context {
        asi_u64 last = 0;
        unsigned visits = 0;
    } context;
    const auto stop_at_second = [](void* ctx, const asi_leaf* leaf) {
        auto* c = static_cast<Context*>(ctx);
        EXPECT_GT(leaf->va, c->last);
        c->last = leaf->va;
        return ++c->visits == 2 ? 7 : 0;
    };
    EXPECT_EQ(asi_pt_walk(&pt_, 0, 0, stop_at_second, &context), 7);
    EXPECT_EQ(context.last, kBase);
    context = {};
    EXPECT_EQ(asi_pt_walk(&pt_, 0, k1G, stop_at_second, &context), 0);
    EXPECT_EQ(context.visits, 1u);
    // Stopping in the lower half must not go on in the upper one.
    context = {.last = 0, .visits = 1};
    EXPECT_EQ(asi_pt_walk(&pt_, 0, 0, stop_at_second, &context), 7);
    EXPECT_EQ(context.last, 0x400000u);
}

TEST_F(PageTableTest, donated_pages_are_zero_again_when_used) {
    // The reserve threads its list through the pages.
    donate(9);
    asi_u32 needed;
    ASSERT_EQ(asi_pt_map(&pt_, kBase + 3 * k4K, 0, k4K, kRead, ASI_KIND_DATA, &needed), 0);
    EXPECT_EQ(asi_pt_reserve(&pt_), 7u);
    EXPECT_EQ(snapshot(pt_).leaves.size(), 1u);
    EXPECT_FALSE(leaf_at(kBase));
}

class FiveLevels : public PageTableTest {
  protected:
    FiveLevels() : PageTableTest(5) {}
};
TEST_F(FiveLevels, map_reaches_through_five_levels) {
    constexpr asi_u64 kVa = 0xff110000'00000000;
    asi_u32 needed;
    EXPECT_EQ(asi_pt_map(&pt_, kVa, 0, k4K, kRead, ASI_KIND_DATA, &needed), -ENOMEM);
    EXPECT_EQ(needed, 4u);
    ASSERT_EQ(map(kVa, 0x3000, k4K), 0);
    EXPECT_EQ(frame(kVa), 0x3000u);
    EXPECT_FALSE(leaf_at(kVa + (1ULL << 48)));
    EXPECT_EQ(snapshot(pt_).leaves.begin()->first, kVa);
    EXPECT_EQ(unmap(kVa, k4K), static_cast<long long>(k4K));
    EXPECT_EQ(gather_.count, 4u);
}

}  // namespace
}  // namespace sim
