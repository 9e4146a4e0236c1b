// SPDX-License-Identifier: GPL-2.0-only
// What the page-table tests share.
#ifndef SELFTESTS_UNIT_PAGE_TABLE_FIXTURE_H
#define SELFTESTS_UNIT_PAGE_TABLE_FIXTURE_H

#include <asi/engine.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "foreign_table.h"
#include "sim_port.h"

namespace sim {

constexpr asi_u64 k4K = 1ULL << 12, k2M = 1ULL << 21, k1G = 1ULL << 30, k512G = 1ULL << 39;
constexpr asi_u64 kP = 1, kW = 2, kU = 4, kPat = 0x80, kG = 0x100, kNx = 1ULL << 63;
constexpr asi_u64 kRead = kP | kNx, kReadWrite = kP | kW | kNx, kExec = kP;

/// Everything that must not change when a call fails.
struct Snapshot {
    std::map<asi_u64, asi_u64> leaves;
    asi_u32 tables, reserve;
    bool operator==(const Snapshot&) const = default;
};

inline Snapshot snapshot(const asi_pt& pt) {
    Snapshot s{{}, asi_pt_tables(&pt), asi_pt_reserve(&pt)};
    asi_pt_walk(
        &pt, 0, 0,
        [](void* ctx, const asi_leaf* leaf) {
            static_cast<Snapshot*>(ctx)->leaves[leaf->va] = leaf->entry;
            return 0;
        },
        &s);
    return s;
}

class PageTableTest : public testing::Test {
  protected:
    explicit PageTableTest(unsigned levels = 4, bool has_1g = true) {
        std::memset(&pt_, 0, sizeof(pt_));
        EXPECT_EQ(asi_pt_init(&pt_, levels | (has_1g ? ASI_PT_1G_LEAVES : 0)), 0);
        asi_gather_init(&gather_);
        foreign_.emplace(levels);
    }
    ~PageTableTest() override {
        asi_gather_release(&gather_);
        asi_pt_destroy(&pt_);
        EXPECT_EQ(live_pages(), 0u) << "leaked table pages";
        EXPECT_EQ(take_bugs(), 0u);
        free_all();
    }

    void donate(unsigned pages) {
        while (pages-- > 0) asi_pt_donate(&pt_, allocate_page());
    }
    /// Runs @call(&needed) with exactly the pages it asks for, checking on the
    /// way that with fewer it changes nothing.
    template <typename Call>
    int supply(Call call) {
        asi_u32 needed = 0;
        for (;;) {
            const Snapshot before = snapshot(pt_);
            const int result = call(&needed);
            if (result != 0) {
                EXPECT_EQ(snapshot(pt_), before) << "a failed call changed something";
            }
            if (result == 0) {
                EXPECT_EQ(before.reserve - asi_pt_reserve(&pt_), needed);
            }
            if (result != -ENOMEM) return result;
            EXPECT_GT(needed, asi_pt_reserve(&pt_));
            donate(1);
        }
    }
    int map(asi_u64 va, asi_u64 pa, asi_u64 size, asi_u64 entry = kReadWrite,
            asi_kind kind = ASI_KIND_DATA) {
        return supply([&](asi_u32* n) { return asi_pt_map(&pt_, va, pa, size, entry, kind, n); });
    }
    int clone(asi_u64 va, asi_u64 size, asi_kind kind = ASI_KIND_DATA, asi_u64* copied = nullptr) {
        return supply([&](asi_u32* n) {
            return asi_pt_clone(&pt_, foreign_->root(), va, size, kind, copied, n);
        });
    }
    int borrow(asi_u64 va, unsigned level) {
        return supply(
            [&](asi_u32* n) { return asi_pt_borrow(&pt_, foreign_->root(), va, level, n); });
    }
    int protect(asi_u64 va, asi_u64 size, asi_u64 entry) {
        return supply([&](asi_u32* n) { return asi_pt_protect(&pt_, va, size, entry, n); });
    }
    long long unmap(asi_u64 va, asi_u64 size) { return asi_pt_unmap(&pt_, va, size, &gather_); }

    /// Returns the number of passes.
    unsigned prune(asi_u64 kinds) {
        asi_u64 from = 0;
        unsigned passes = 0;
        bool is_more = true;
        while (is_more) {
            is_more = asi_pt_prune(&pt_, &from, kinds, &gather_) != 0;
            asi_gather_release(&gather_);
            ++passes;
        }
        return passes;
    }

    std::optional<asi_leaf> leaf_at(asi_u64 va) const {
        asi_leaf leaf;
        if (!asi_pt_lookup(&pt_, va, &leaf)) return std::nullopt;
        EXPECT_LE(leaf.va, va);
        EXPECT_LT(va - leaf.va, leaf.size);
        return leaf;
    }
    /// Frame that @va reaches, or nothing.
    std::optional<asi_u64> frame(asi_u64 va) const {
        const auto leaf = leaf_at(va);
        if (!leaf) return std::nullopt;
        return leaf->pa + (va - leaf->va);
    }

    asi_pt pt_;
    asi_gather gather_;
    std::optional<ForeignTable> foreign_;
    static constexpr asi_u64 kBase = 0xffff8880'00000000;
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_PAGE_TABLE_FIXTURE_H
