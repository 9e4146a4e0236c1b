// SPDX-License-Identifier: GPL-2.0-only
// The bits first: everything else trusts them.
#include "../../asi/engine/entry.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "../../asi/engine/result.h"
#include "../../asi/engine/table.h"

namespace asi {
namespace {

constexpr u64 kEverything = ~0ULL;

TEST(Entry, zero_is_a_hole_on_every_level) {
    for (unsigned level = 1; level <= 5; ++level) {
        EXPECT_FALSE(Entry().is_present());
        EXPECT_FALSE(Entry().is_leaf(level));
        EXPECT_FALSE(Entry().is_table(level));
    }
}

TEST(Entry, not_present_means_hole_whatever_else_is_set) {
    const Entry swapped_out(kEverything & ~1ULL);
    for (unsigned level = 1; level <= 5; ++level) {
        EXPECT_FALSE(swapped_out.is_leaf(level));
        EXPECT_FALSE(swapped_out.is_table(level));
    }
}

TEST(Entry, page_size_bit_makes_leaves_on_levels_2_and_3_only) {
    const Entry with(0x81), without(0x01);
    EXPECT_TRUE(with.is_leaf(1));
    EXPECT_TRUE(without.is_leaf(1));
    for (unsigned level : {2U, 3U}) {
        EXPECT_TRUE(with.is_leaf(level));
        EXPECT_TRUE(without.is_table(level));
    }
    for (unsigned level : {4U, 5U}) {
        EXPECT_TRUE(with.is_table(level));
        EXPECT_TRUE(without.is_table(level));
    }
}

TEST(Entry, leaf_has_its_bits_where_the_manual_says) {
    const Attributes rw(0x2 | (1ULL << 63));
    EXPECT_EQ(Entry::leaf(1, 0x12345000, rw, 0).raw(), 0x80000000'12345063);
    EXPECT_EQ(Entry::leaf(2, 0x12200000, rw, 0).raw(), 0x80000000'122000e3);
    EXPECT_EQ(Entry::leaf(3, 0x40000000, rw, 0).raw(), 0x80000000'400000e3);
    const Attributes rx(0);
    EXPECT_EQ(Entry::leaf(1, 0x12345000, rx, 0).raw(), 0x12345021u);
}

TEST(Entry, kind_lives_in_bits_52_to_57) {
    const Entry e = Entry::leaf(1, 0xfffff'fffff000, Attributes(), ASI_KIND_OBJECT);
    EXPECT_EQ(e.raw() >> 52, u64{ASI_KIND_OBJECT});
    EXPECT_EQ(e.kind(), ASI_KIND_OBJECT);
    EXPECT_EQ(e.leaf_address(1), 0xfffff'fffff000u);
}

TEST(Entry, pat_bit_moves_between_7_and_12) {
    const Attributes pat(1ULL << 7);
    EXPECT_EQ(Entry::leaf(1, 0, pat, 0).raw() & 0x1080, 0x80u);
    EXPECT_EQ(Entry::leaf(2, 0, pat, 0).raw() & 0x1080, 0x1080u);
    EXPECT_EQ(Entry::leaf(2, 0, Attributes(), 0).raw() & 0x1080, 0x80u);
    EXPECT_EQ(Entry::leaf(3, 0, pat, 0).attributes(3), pat);
    EXPECT_EQ(Entry::leaf(2, 0, Attributes(), 0).attributes(2), Attributes());
    // The PAT bit of a large leaf is not part of its address.
    EXPECT_EQ(Entry::leaf(2, 0x200000, pat, 0).leaf_address(2), 0x200000u);
}

TEST(Entry, global_user_and_software_bits_never_get_into_a_leaf) {
    for (unsigned level : {1U, 2U, 3U}) {
        const u64 raw = Entry::leaf(level, 0, Entry(kEverything).attributes(level), 0).raw();
        EXPECT_EQ(raw & (1ULL << 8), 0u) << level;
        EXPECT_EQ(raw & (1ULL << 2), 0u) << level;
        EXPECT_EQ(raw & (7ULL << 9), 0u) << level;
        EXPECT_EQ(raw & (0x7fULL << 52), 0u) << level;
        EXPECT_EQ(raw >> 59, 0x1fu) << "protection key and NX survive";
    }
}

TEST(Entry, dirty_without_write_is_never_made) {
    EXPECT_EQ(Entry::leaf(1, 0, Attributes(0x40), 0).raw() & 0x42, 0u);
    EXPECT_EQ(Entry::leaf(1, 0, Attributes(0x2), 0).raw() & 0x42, 0x42u);
}

TEST(Entry, tables_are_supervisor_only_and_say_whose_they_are) {
    const Entry own = Entry::owned_table(0x5000);
    EXPECT_EQ(own.raw(), 0x5223u);
    EXPECT_TRUE(own.is_owned());
    const Entry other = Entry::borrowed_table(0x5000, {.write = true, .execute = true});
    EXPECT_EQ(other.raw(), 0x5023u);
    EXPECT_FALSE(other.is_owned());
    EXPECT_EQ(Entry::borrowed_table(0x5000, {.write = false, .execute = false}).raw(),
              0x80000000'00005021);
}

TEST(Attributes, rights_translate_both_ways) {
    for (const bool write : {false, true})
        for (const bool execute : {false, true}) {
            const Rights rights{write, execute};
            EXPECT_EQ(Attributes(0x98).with(rights).rights(), rights);
            EXPECT_EQ(Attributes(0x98).with(rights).bits() & 0x98, 0x98u);
        }
}

TEST(Rights, every_level_must_allow_and_any_mapping_may_grant) {
    const Rights w{true, false}, x{false, true};
    EXPECT_EQ((w & x), (Rights{false, false}));
    EXPECT_EQ((w | x), (Rights{true, true}));
}

TEST(Address, index_of_each_level_is_nine_bits) {
    const u64 va = 0xff55'aa12'3456'7000;
    EXPECT_EQ(slot_index(va, 1), (va >> 12) & 511);
    EXPECT_EQ(slot_index(va, 2), (va >> 21) & 511);
    EXPECT_EQ(slot_index(va, 3), (va >> 30) & 511);
    EXPECT_EQ(slot_index(va, 4), (va >> 39) & 511);
    EXPECT_EQ(slot_index(va, 5), (va >> 48) & 511);
}

TEST(Address, canonical_depends_on_the_number_of_levels) {
    EXPECT_TRUE(is_canonical(0x00007fff'ffffffff, 4));
    EXPECT_FALSE(is_canonical(0x00008000'00000000, 4));
    EXPECT_FALSE(is_canonical(0xffff7fff'ffffffff, 4));
    EXPECT_TRUE(is_canonical(0xffff8000'00000000, 4));
    EXPECT_TRUE(is_canonical(0x00ffffff'ffffffff, 5));
    EXPECT_FALSE(is_canonical(0x01000000'00000000, 5));
    EXPECT_TRUE(is_canonical(0xff000000'00000000, 5));
}

TEST(Range, refuses_what_no_table_can_hold) {
    EXPECT_TRUE(make_range(0, 0x1000, 4).ok());
    EXPECT_TRUE(make_range(0xffffffff'fffff000, 0x1000, 4).ok()) << "the very top";
    EXPECT_TRUE(make_range(0xffff8000'00000000, 1ULL << 47, 4).ok()) << "a whole half";
    EXPECT_FALSE(make_range(0, 0, 4).ok());
    EXPECT_FALSE(make_range(0x800, 0x1000, 4).ok());
    EXPECT_FALSE(make_range(0, 0x1800, 4).ok());
    EXPECT_FALSE(make_range(0xffffffff'fffff000, 0x2000, 4).ok()) << "wraps";
    EXPECT_FALSE(make_range(0, 1ULL << 48, 4).ok()) << "reaches into the hole";
    EXPECT_FALSE(make_range(0x00008000'00000000, 0x1000, 4).ok());
    EXPECT_FALSE(make_range(0, 0 - 0x1000ULL, 4).ok()) << "spans both halves";
    EXPECT_EQ(make_range(0, 0, 4).status(), Status::kInvalid);
}

TEST(Slots, cover_a_range_exactly_once) {
    const Range range{0x3ff000, 0x802fff};
    u64 next = range.first, bytes = 0;
    for (Slots slot(2, range); !slot.done(); slot.next()) {
        EXPECT_EQ(slot.range().first, next);
        EXPECT_EQ(slot.is_whole(), slot.range().size() == 0x200000);
        bytes += slot.range().size();
        next = slot.range().last + 1;
    }
    EXPECT_EQ(bytes, range.size());
    EXPECT_EQ(next, range.last + 1);
}

TEST(Slots, reach_the_last_page_of_the_address_space) {
    unsigned count = 0;
    for (Slots slot(1, {~0ULL - 0x1fff, ~0ULL}); !slot.done(); slot.next()) ++count;
    EXPECT_EQ(count, 2u);
}

TEST(View, a_piece_of_a_large_leaf_is_a_leaf) {
    const View large = View::frames(0x40000000, Attributes(0x2));
    const View piece = large.child(2, 3).child(1, 5);
    EXPECT_TRUE(piece.is_leaf());
    EXPECT_EQ(piece.address, 0x40605000u);
    EXPECT_EQ(piece.to_entry(1), Entry::leaf(1, 0x40605000, Attributes(0x2), 0));
    EXPECT_TRUE(View().child(1, 0).is_hole());
    EXPECT_EQ(View().to_entry(1), Entry());
}

TEST(Status, errno_values_are_those_of_the_abi) {
    EXPECT_EQ(to_errno(Status::kOk), 0);
    EXPECT_EQ(to_errno(Status::kNoMemory), -ENOMEM);
    EXPECT_EQ(to_errno(Status::kExists), -EEXIST);
    EXPECT_EQ(to_errno(Status::kInvalid), -EINVAL);
    EXPECT_EQ(to_errno(Status::kNotFound), -ENOENT);
    EXPECT_EQ(to_errno(Status::kTooBig), -E2BIG);
}

}  // namespace
}  // namespace asi
