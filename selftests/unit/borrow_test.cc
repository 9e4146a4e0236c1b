// SPDX-License-Identifier: GPL-2.0-only
// Cloning from and sharing with tables of somebody else.
#include <atomic>
#include <thread>

#include "page_table_fixture.h"

namespace sim {
namespace {

using F = ForeignTable;
constexpr asi_u64 kForeignRw = F::kW | F::kA | F::kD | F::kG | F::kNx | F::kForeignSoftware;
constexpr asi_u64 kForeignRx = F::kA | F::kG | F::kForeignSoftware;

/// A source with leaves of every size from kBase on.
class BorrowTest : public PageTableTest {
  protected:
    explicit BorrowTest(unsigned levels = 4) : PageTableTest(levels) {
        for (unsigned i = 0; i < 8; ++i)
            if (i != 3) foreign_->set_leaf(kBase + i * k4K, 1, 0x100000 + i * k4K, kForeignRw);
        foreign_->set_leaf(kBase + k2M, 2, 0x400000, kForeignRx | 0x1000 /* PAT */);
        foreign_->set_leaf(kBase + k1G, 3, 7 * k1G, kForeignRw);
        // Present in nobody's sense: swapped out, full of bits.
        foreign_->slot(kBase + 9 * k4K, 1) = ~1ULL;
        set_foreign_read_only(true);
    }
    void change(asi_u64 va, unsigned level, asi_u64 value) {
        set_foreign_read_only(false);
        foreign_->slot(va, level) = value;
        set_foreign_read_only(true);
    }
};

TEST_F(BorrowTest, clone_copies_frames_rights_and_sizes_but_not_global) {
    asi_u64 copied = 0;
    ASSERT_EQ(clone(kBase, 2 * k1G, ASI_KIND_OBJECT, &copied), 0);
    EXPECT_EQ(copied, 7 * k4K + k2M + k1G);
    EXPECT_EQ(frame(kBase + 2 * k4K), 0x102000u);
    EXPECT_FALSE(leaf_at(kBase + 3 * k4K));
    EXPECT_FALSE(leaf_at(kBase + 9 * k4K));
    const auto large = leaf_at(kBase + k2M);
    EXPECT_EQ(large->size, k2M);
    EXPECT_EQ(large->pa, 0x400000u);
    EXPECT_EQ(large->entry & (F::kG | F::kU | F::kNx | F::kW | 0x1000), 0x1000u);
    EXPECT_EQ(large->kind, asi_u32{ASI_KIND_OBJECT});
    EXPECT_EQ(leaf_at(kBase + k1G)->size, k1G);
    for (const auto& [va, entry] : snapshot(pt_).leaves) EXPECT_EQ(entry & F::kG, 0u) << va;
}

TEST_F(BorrowTest, clone_cuts_large_leaves_at_the_edges) {
    asi_u64 copied = 0;
    ASSERT_EQ(clone(kBase + k2M + k4K, 2 * k4K, ASI_KIND_DATA, &copied), 0);
    EXPECT_EQ(copied, 2 * k4K);
    EXPECT_EQ(leaf_at(kBase + k2M + k4K)->size, k4K);
    EXPECT_EQ(leaf_at(kBase + k2M + k4K)->entry & 0x80, 0x80u) << "PAT of a small leaf";
    EXPECT_EQ(frame(kBase + k2M + 2 * k4K), 0x402000u);
    EXPECT_FALSE(leaf_at(kBase + k2M));
    EXPECT_FALSE(leaf_at(kBase + k2M + 3 * k4K));
    ASSERT_EQ(clone(kBase + k1G + k2M - k4K, 2 * k4K), 0);
    EXPECT_EQ(frame(kBase + k1G + k2M), 7 * k1G + k2M);
}

TEST_F(BorrowTest, page_after_page_is_the_same_as_all_at_once) {
    for (const asi_u64 start : {kBase, kBase + k2M - 8 * k4K, kBase + k1G + k2M - 8 * k4K}) {
        ASSERT_EQ(clone(start, 16 * k4K, ASI_KIND_OBJECT), 0);
        const Snapshot at_once = snapshot(pt_);
        ASSERT_EQ(unmap(start, 16 * k4K), static_cast<long long>(16 * k4K));
        asi_u64 sum = 0;
        for (asi_u64 va = start; va < start + 16 * k4K; va += k4K) {
            asi_u64 copied = 0;
            ASSERT_EQ(clone(va, k4K, ASI_KIND_OBJECT, &copied), 0);
            sum += copied;
        }
        EXPECT_EQ(snapshot(pt_).leaves, at_once.leaves);
        EXPECT_EQ(sum, at_once.leaves.size() * k4K);
        ASSERT_EQ(unmap(start, 16 * k4K), static_cast<long long>(16 * k4K));
    }
}

TEST_F(BorrowTest, clone_of_nothing_needs_nothing) {
    asi_u64 copied = 1;
    asi_u32 needed = 1;
    EXPECT_EQ(asi_pt_clone(&pt_, foreign_->root(), kBase + 16 * k4K, k4K, ASI_KIND_DATA, &copied,
                           &needed),
              0);
    EXPECT_EQ(copied, 0u);
    EXPECT_EQ(needed, 0u);
}

TEST_F(BorrowTest, clone_respects_restrictions_above_the_leaf) {
    change(kBase, 4, (foreign_->slot(kBase, 4) & ~F::kW) | F::kNx);
    ASSERT_EQ(clone(kBase, k2M + k4K), 0);
    EXPECT_EQ(leaf_at(kBase)->entry & (F::kW | F::kNx), F::kNx);
    EXPECT_EQ(leaf_at(kBase + k2M)->entry & (F::kW | F::kNx), F::kNx);
}

TEST_F(BorrowTest, clone_onto_something_else_fails) {
    ASSERT_EQ(map(kBase + 5 * k4K, 0x666000, k4K), 0);
    EXPECT_EQ(clone(kBase, k2M), -EEXIST);
    EXPECT_EQ(snapshot(pt_).leaves.size(), 1u);
    ASSERT_EQ(unmap(kBase, k2M), static_cast<long long>(k2M));
    EXPECT_EQ(clone(kBase, k2M), 0);
    EXPECT_EQ(clone(kBase, k2M), 0) << "again is fine";
}

TEST_F(BorrowTest, clone_into_a_large_leaf_of_the_same_frames_is_fine) {
    for (unsigned i = 0; i < 512; ++i) change(kBase + i * k4K, 1, (0x600000 + i * k4K) | 3);
    ASSERT_EQ(map(kBase, 0x600000, k2M, kRead), 0);
    ASSERT_EQ(clone(kBase + 2 * k4K, k4K), 0);
    EXPECT_EQ(leaf_at(kBase + 2 * k4K)->entry & (kW | kNx), kW);
    EXPECT_EQ(leaf_at(kBase + 3 * k4K)->entry & (kW | kNx), kNx);
}

TEST_F(BorrowTest, source_that_grows_during_a_clone_cannot_break_it) {
    static ForeignTable* source;
    source = &*foreign_;
    const auto attempt = [&](asi_u32* needed) {
        return asi_pt_clone(&pt_, foreign_->root(), kBase, 4 * k2M, ASI_KIND_DATA, nullptr, needed);
    };
    asi_u32 needed = 0;
    ASSERT_EQ(attempt(&needed), -ENOMEM);
    ASSERT_EQ(needed, 3u);
    donate(needed - asi_pt_reserve(&pt_));
    // The scan has seen enough pages; then the first new table is linked.
    set_phys_hook([] {
        set_foreign_read_only(false);
        source->set_leaf(kBase + 2 * k2M, 1, 0x900000, F::kW);
        set_foreign_read_only(true);
    });
    EXPECT_EQ(attempt(&needed), -ENOMEM);
    EXPECT_EQ(needed, 1u);
    EXPECT_EQ(take_bugs(), 1u);
    EXPECT_EQ(frame(kBase), 0x100000u) << "what is there is right";
    EXPECT_FALSE(leaf_at(kBase + 2 * k2M));
    donate(1);
    EXPECT_EQ(attempt(&needed), 0);
    EXPECT_EQ(frame(kBase + 2 * k2M), 0x900000u);
    EXPECT_EQ(asi_pt_tables(&pt_), 5u);
}

TEST_F(BorrowTest, borrowed_subtree_follows_its_source) {
    ASSERT_EQ(borrow(kBase, 2), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), 3u);
    const auto leaf = leaf_at(kBase);
    EXPECT_EQ(leaf->pa, 0x100000u);
    EXPECT_EQ(leaf->borrowed, 1u);
    EXPECT_EQ(leaf->kind, asi_u32{ASI_KIND_UNKNOWN}) << "foreign software bits mean nothing";
    change(kBase, 1, 0xabc000 | kForeignRw | kP);
    EXPECT_EQ(frame(kBase), 0xabc000u);
    change(kBase, 1, 0);
    EXPECT_FALSE(leaf_at(kBase));
}

TEST_F(BorrowTest, borrowed_reference_is_supervisor_only_and_keeps_restrictions) {
    change(kBase, 3, (foreign_->slot(kBase, 3) & ~F::kW) | F::kNx);
    ASSERT_EQ(borrow(kBase, 3), 0);
    const auto* root = static_cast<const asi_u64*>(asi_pt_root_table(&pt_));
    const asi_u64 top = root[(kBase >> 39) & 511];
    EXPECT_EQ(top & (kU | kW | kP | kNx), kW | kP);
    const auto* pdpt = static_cast<const asi_u64*>(asi_port_virt(top & 0xffffffffff000));
    const asi_u64 shared = pdpt[(kBase >> 30) & 511];
    EXPECT_EQ(shared & (kU | kW | kP | kNx), kP | kNx);
    EXPECT_EQ(shared & (7ULL << 9), 0u) << "not owned, whatever the source said";
}

TEST_F(BorrowTest, whole_root_entry_can_be_borrowed) {
    ASSERT_EQ(borrow(kBase, 4), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
    EXPECT_EQ(frame(kBase + k1G + 5 * k2M), 7 * k1G + 5 * k2M);
    EXPECT_EQ(borrow(kBase, 4), 0) << "again is fine";
    EXPECT_EQ(borrow(kBase + k2M - k4K, 2), 0) << "already there, one level down";
}

TEST_F(BorrowTest, only_present_tables_can_be_borrowed) {
    EXPECT_EQ(borrow(kBase + k2M, 2), -ENOENT) << "a large leaf";
    EXPECT_EQ(borrow(kBase + k1G, 2), -ENOENT) << "below a large leaf";
    EXPECT_EQ(borrow(kBase + 2 * k2M, 2), -ENOENT) << "a hole";
    EXPECT_EQ(borrow(kBase + 2 * k512G, 2), -ENOENT) << "below a hole";
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
}

TEST_F(BorrowTest, borrow_never_replaces_something_else) {
    ASSERT_EQ(map(kBase, 0x666000, k4K), 0);
    EXPECT_EQ(borrow(kBase, 2), -EEXIST) << "a table of ours";
    ASSERT_EQ(map(kBase + k1G, k1G, k1G), 0);
    set_foreign_read_only(false);
    foreign_->set_leaf(kBase + 3 * k1G, 1, 0x1000, kForeignRw);
    set_foreign_read_only(true);
    ASSERT_EQ(map(kBase + 3 * k1G, k1G, k1G), 0);
    EXPECT_EQ(borrow(kBase + 3 * k1G, 2), -EEXIST) << "a large leaf above";
    EXPECT_EQ(borrow(kBase, 4), -EEXIST);
}

TEST_F(BorrowTest, borrow_into_a_hole_of_a_borrowed_table_copies_the_path) {
    set_foreign_read_only(false);
    ForeignTable second(4);
    second.set_leaf(kBase + 4 * k2M, 1, 0x777000, kForeignRw);
    set_foreign_read_only(true);
    ASSERT_EQ(borrow(kBase, 4), 0);
    ASSERT_EQ(supply([&](asi_u32* n) {
                  return asi_pt_borrow(&pt_, second.root(), kBase + 4 * k2M, 2, n);
              }),
              0);
    EXPECT_EQ(asi_pt_tables(&pt_), 3u);
    EXPECT_EQ(frame(kBase + 4 * k2M), 0x777000u);
    EXPECT_EQ(leaf_at(kBase + 4 * k2M)->borrowed, 1u);
    EXPECT_EQ(leaf_at(kBase)->borrowed, 1u) << "siblings stay borrowed";
    EXPECT_EQ(leaf_at(kBase + k2M)->borrowed, 0u) << "leaves of the copy are ours";
    EXPECT_EQ(leaf_at(kBase + k2M)->entry & F::kG, 0u) << "and not Global any more";
    EXPECT_EQ(leaf_at(kBase + k2M)->kind, asi_u32{ASI_KIND_UNKNOWN});
}

// The source is mapped read-only in every test here: any store faults.
TEST_F(BorrowTest, borrowed_table_is_never_edited) {
    ASSERT_EQ(borrow(kBase, 4), 0);
    ASSERT_EQ(map(kBase + 3 * k4K, 0x555000, k4K), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), 4u) << "three copies";
    EXPECT_EQ(frame(kBase + 3 * k4K), 0x555000u);
    EXPECT_EQ(frame(kBase), 0x100000u);
    EXPECT_EQ(leaf_at(kBase)->borrowed, 0u);
    ASSERT_EQ(protect(kBase + k1G, k4K, kRead), 0);
    EXPECT_EQ(leaf_at(kBase + k1G)->entry & kW, 0u);
    EXPECT_EQ(leaf_at(kBase + k1G + k4K)->entry & kW, kW);
    donate(4);
    EXPECT_EQ(unmap(kBase + k4K, k4K), static_cast<long long>(k4K));
    asi_leaf source_leaf;
    EXPECT_EQ(asi_table_lookup(foreign_->root(), 4, kBase + k4K, &source_leaf), 1);
    EXPECT_EQ(asi_table_lookup(foreign_->root(), 4, kBase + 3 * k4K, &source_leaf), 0);
}

TEST_F(BorrowTest, mapping_what_a_borrowed_table_already_maps_copies_nothing) {
    ASSERT_EQ(borrow(kBase, 4), 0);
    ASSERT_EQ(map(kBase, 0x100000, 3 * k4K, kExec), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
    EXPECT_EQ(leaf_at(kBase)->entry & kNx, kNx) << "and gives no rights";
    EXPECT_EQ(map(kBase, 0x101000, k4K), -EEXIST);
}

TEST_F(BorrowTest, leaves_met_in_a_borrowed_table_keep_their_rights_in_the_copy) {
    ASSERT_EQ(borrow(kBase, 2), 0);
    ASSERT_EQ(map(kBase, 0x100000, 4 * k4K, kExec), 0);
    EXPECT_EQ(leaf_at(kBase)->entry & kNx, kNx);
    EXPECT_EQ(leaf_at(kBase + 3 * k4K)->entry & kNx, 0u);
    EXPECT_EQ(leaf_at(kBase + 3 * k4K)->kind, asi_u32{ASI_KIND_DATA});
}

TEST_F(BorrowTest, copy_of_a_restricted_table_is_as_restricted) {
    change(kBase, 3, (foreign_->slot(kBase, 3) & ~F::kW) | F::kNx);
    ASSERT_EQ(borrow(kBase, 3), 0);
    ASSERT_EQ(map(kBase + 3 * k4K, 0x555000, k4K, kReadWrite), 0);
    EXPECT_EQ(leaf_at(kBase)->entry & (kW | kNx), kNx);
    EXPECT_EQ(leaf_at(kBase + k2M)->entry & (kW | kNx), kNx);
    EXPECT_EQ(leaf_at(kBase + 3 * k4K)->entry & (kW | kNx), kW | kNx);
}

TEST_F(BorrowTest, cloning_what_is_borrowed_from_there_changes_nothing) {
    ASSERT_EQ(borrow(kBase, 3), 0);
    asi_u64 copied = 0;
    ASSERT_EQ(clone(kBase, k2M + k4K, ASI_KIND_DATA, &copied), 0);
    EXPECT_EQ(copied, 7 * k4K + k4K);
    EXPECT_EQ(leaf_at(kBase)->borrowed, 1u);
}

// Its caller has to make CPUs forget the way through the old table.
TEST_F(BorrowTest, each_copy_that_takes_a_borrowed_tables_place_is_counted) {
    ASSERT_EQ(borrow(kBase, 3), 0);
    ASSERT_EQ(map(kBase + k512G, 0, k4K), 0);
    EXPECT_EQ(asi_pt_replaced(&pt_), 0u) << "nothing was there before";
    ASSERT_EQ(map(kBase, 0x100000, 3 * k4K, kExec), 0);
    EXPECT_EQ(asi_pt_replaced(&pt_), 0u) << "it shows them already";
    ASSERT_EQ(map(kBase + 3 * k4K, 0x555000, k4K), 0);
    EXPECT_EQ(asi_pt_replaced(&pt_), 2u);
    ASSERT_EQ(map(kBase + 9 * k4K, 0x556000, k4K), 0);
    EXPECT_EQ(asi_pt_replaced(&pt_), 2u) << "a hole of our own";
    ASSERT_EQ(protect(kBase + k2M, k4K, kRead), 0);
    EXPECT_EQ(asi_pt_replaced(&pt_), 2u) << "a large leaf was split: the same frames";
}

TEST_F(BorrowTest, unmapping_a_borrowed_subtree_only_drops_the_reference) {
    ASSERT_EQ(borrow(kBase, 2), 0);
    EXPECT_EQ(unmap(kBase, k2M), static_cast<long long>(k2M));
    EXPECT_EQ(gather_.count, 2u) << "our own two tables";
    EXPECT_NE(gather_.unmapped, 0u) << "which calls for a flush";
    EXPECT_FALSE(leaf_at(kBase));
    asi_leaf leaf;
    EXPECT_EQ(asi_table_lookup(foreign_->root(), 4, kBase, &leaf), 1);
}

TEST_F(BorrowTest, unmapping_a_hole_of_a_borrowed_table_copies_nothing) {
    ASSERT_EQ(borrow(kBase, 4), 0);
    EXPECT_EQ(unmap(kBase + 3 * k4K, k4K), static_cast<long long>(k4K));
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
    EXPECT_EQ(asi_gather_pending(&gather_), 0u);
}

TEST_F(BorrowTest, copy_that_would_be_empty_goes_back_to_the_reserve) {
    ASSERT_EQ(borrow(kBase, 2), 0);
    donate(1);
    EXPECT_EQ(unmap(kBase, 8 * k4K), static_cast<long long>(8 * k4K));
    EXPECT_EQ(asi_pt_reserve(&pt_), 1u);
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
    ASSERT_EQ(map(kBase + 5 * k4K, 0, k4K), 0) << "the page is zero again";
    EXPECT_EQ(snapshot(pt_).leaves.size(), 1u);
}

TEST_F(BorrowTest, zap_leaves_borrowed_tables_alone) {
    ASSERT_EQ(borrow(kBase, 3), 0);
    EXPECT_EQ(asi_pt_zap(&pt_, kBase, k1G), 0u);
    EXPECT_TRUE(leaf_at(kBase));
}

TEST_F(BorrowTest, destroy_frees_no_borrowed_table) {
    ASSERT_EQ(borrow(kBase, 2), 0);
    ASSERT_EQ(map(kBase + 2 * k2M, 0, k4K), 0);
    asi_pt_destroy(&pt_);
    EXPECT_EQ(live_pages(), 0u);
    asi_leaf leaf;
    EXPECT_EQ(asi_table_lookup(foreign_->root(), 4, kBase, &leaf), 1);
    EXPECT_EQ(leaf.borrowed, 1u);
    EXPECT_EQ(leaf.kind, asi_u32{ASI_KIND_UNKNOWN});
    EXPECT_EQ(leaf.entry & F::kG, F::kG) << "the raw entry";
}

class FiveLevelBorrow : public BorrowTest {
  protected:
    FiveLevelBorrow() : BorrowTest(5) {}
};
TEST_F(FiveLevelBorrow, root_entry_of_a_five_level_table_can_be_borrowed) {
    ASSERT_EQ(borrow(kBase, 5), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), 1u);
    EXPECT_EQ(frame(kBase), 0x100000u);
    ASSERT_EQ(map(kBase + 3 * k4K, 0x555000, k4K), 0);
    EXPECT_EQ(asi_pt_tables(&pt_), 5u);
}

// A CPU walks all the time: what a split does not change must never be away.
TEST_F(PageTableTest, split_is_never_seen_half_done) {
    ASSERT_EQ(map(kBase, k1G, k1G, kReadWrite), 0);
    std::atomic<bool> stop{false};
    std::atomic<unsigned> wrong{0};
    std::thread cpu([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            asi_leaf leaf;
            const asi_u64 va = kBase + 3 * k2M + 5 * k4K;
            if (!asi_pt_lookup(&pt_, va, &leaf) || leaf.pa + (va - leaf.va) != va - kBase + k1G ||
                leaf.kind != ASI_KIND_DATA)
                wrong.fetch_add(1);
        }
    });
    donate(1000);
    for (unsigned round = 0; round < 512; ++round) {
        // Split around the watched page, a different way every time.
        if (round == 5) continue;
        const asi_u64 page = kBase + 3 * k2M + round * k4K, other = kBase + (round % 500 + 4) * k2M;
        EXPECT_EQ(asi_pt_protect(&pt_, page, k4K, round % 3 ? kRead : kReadWrite, nullptr), 0);
        EXPECT_EQ(asi_pt_protect(&pt_, other + k4K, k4K, kRead, nullptr), 0);
    }
    stop = true;
    cpu.join();
    EXPECT_EQ(wrong.load(), 0u);
}

}  // namespace
}  // namespace sim
