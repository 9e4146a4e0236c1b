// SPDX-License-Identifier: GPL-2.0-only
// What the host keeps of a guarded machine: frames, refusals, pins.
#include <gtest/gtest.h>

#include <memory>

#include "guard/include/guard/engine.h"

namespace {

constexpr guard_u64 kWriteProtect = 1U << 16, kSmep = 1U << 20, kSmap = 1U << 21;
constexpr guard_u64 kPge = 1U << 7, kSvme = 1U << 12, kLma = 1U << 10;

TEST(GuardFrames, find_knows_each_locked_frame_and_no_other) {
    guard_frames frames{};
    ASSERT_EQ(guard_frames_add(&frames, 10, 20, GUARD_TEXT), 0);
    ASSERT_EQ(guard_frames_add(&frames, 20, 21, GUARD_RODATA), 0);
    for (guard_u64 frame = 0; frame < 30; frame++)
        EXPECT_EQ(guard_frames_find(&frames, frame, frame + 1) != nullptr,
                  frame >= 10 && frame < 21)
            << frame;
    EXPECT_EQ(guard_frames_find(&frames, 0, 10), nullptr);
    EXPECT_NE(guard_frames_find(&frames, 0, 11), nullptr);
    EXPECT_NE(guard_frames_find(&frames, 0, ~0ULL), nullptr);
    EXPECT_EQ(guard_frames_find(&frames, 21, ~0ULL), nullptr);
}

TEST(GuardFrames, what_is_wrong_changes_nothing) {
    guard_frames frames{};
    ASSERT_EQ(guard_frames_add(&frames, 10, 20, GUARD_TEXT), 0);
    EXPECT_LT(guard_frames_add(&frames, 5, 5, GUARD_TEXT), 0);
    EXPECT_LT(guard_frames_add(&frames, 6, 5, GUARD_TEXT), 0);
    EXPECT_LT(guard_frames_add(&frames, 1, 2, GUARD_NR_ASSETS), 0);
    EXPECT_LT(guard_frames_add(&frames, 19, 22, GUARD_TEXT), 0);
    EXPECT_LT(guard_frames_add(&frames, 5, 11, GUARD_TEXT), 0);
    EXPECT_LT(guard_frames_add(&frames, 12, 13, GUARD_TEXT), 0);
    EXPECT_EQ(frames.count, 1U);
}

TEST(GuardFrames, a_full_table_says_so_and_the_last_one_can_be_taken_back) {
    guard_frames frames{};
    for (guard_u64 i = 0; i < GUARD_MAX_RANGES; i++)
        ASSERT_EQ(guard_frames_add(&frames, 2 * i, 2 * i + 1, GUARD_MEMORY), 0);
    EXPECT_LT(guard_frames_add(&frames, 1000, 1001, GUARD_MEMORY), 0);
    guard_frames_drop(&frames);
    EXPECT_EQ(guard_frames_find(&frames, 2 * GUARD_MAX_RANGES - 2, 2 * GUARD_MAX_RANGES), nullptr);
    EXPECT_EQ(guard_frames_add(&frames, 1000, 1001, GUARD_MEMORY), 0);
    guard_frames empty{};
    guard_frames_drop(&empty);
    EXPECT_EQ(empty.count, 0U);
}

guard_refusal refusal(guard_u32 way, guard_u64 where, guard_u64 ip) {
    guard_refusal one{};
    one.way = way;
    one.where = where;
    one.ip = ip;
    return one;
}

TEST(GuardRefusals, one_page_and_instruction_are_one_record) {
    const auto log = std::make_unique<guard_refusals>();
    const guard_refusal first = refusal(GUARD_WAY_WRITE, 0x1000, 7);
    const guard_refusal same = refusal(GUARD_WAY_WRITE, 0x1ff8, 7);
    const guard_refusal page = refusal(GUARD_WAY_WRITE, 0x2000, 7);
    const guard_refusal other = refusal(GUARD_WAY_EMULATED, 0x1000, 7);
    for (const guard_refusal* one : {&first, &same, &page, &other})
        guard_refusals_note(log.get(), one);
    EXPECT_EQ(log->total, 4U);
    EXPECT_EQ(log->used, 3U);
    EXPECT_EQ(log->refusal[0].count, 2U);
    EXPECT_EQ(log->refusal[0].where, 0x1ff8U);
    EXPECT_EQ(log->by_way[GUARD_WAY_WRITE], 3U);
}

TEST(GuardRefusals, registers_are_no_addresses) {
    const auto log = std::make_unique<guard_refusals>();
    const guard_refusal lstar = refusal(GUARD_WAY_MSR, 0xc0000082, 7);
    const guard_refusal star = refusal(GUARD_WAY_MSR, 0xc0000081, 7);
    guard_refusals_note(log.get(), &lstar);
    guard_refusals_note(log.get(), &star);
    EXPECT_EQ(log->used, 2U);
}

TEST(GuardRefusals, what_finds_no_room_is_counted) {
    const auto log = std::make_unique<guard_refusals>();
    for (guard_u64 i = 0; i < GUARD_MAX_REFUSALS + 5; i++) {
        const guard_refusal one = refusal(GUARD_WAY_WRITE, i << 12, 0);
        guard_refusals_note(log.get(), &one);
    }
    const guard_refusal none = refusal(GUARD_NR_WAYS, 0, 0);
    guard_refusals_note(log.get(), &none);
    EXPECT_EQ(log->used, static_cast<guard_u32>(GUARD_MAX_REFUSALS));
    EXPECT_EQ(log->dropped, 5U);
    EXPECT_EQ(log->total, GUARD_MAX_REFUSALS + 5U);
}

TEST(GuardRefusals, each_way_and_asset_has_a_name) {
    for (guard_u32 way = 0; way < GUARD_NR_WAYS; way++) EXPECT_NE(guard_way_name(way), nullptr);
    EXPECT_EQ(guard_way_name(GUARD_NR_WAYS), nullptr);
    EXPECT_STREQ(guard_way_name(GUARD_WAY_IMAGE), "image");
    EXPECT_STREQ(guard_way_name(GUARD_WAY_SMM), "smm");
    for (guard_u32 i = 0; i < GUARD_NR_ASSETS; i++) EXPECT_NE(guard_asset_name(i), nullptr);
    EXPECT_EQ(guard_asset_name(GUARD_NR_ASSETS), nullptr);
}

guard_pins pinned() {
    guard_pins pins{};
    pins.armed = 1;
    pins.value[GUARD_CR0] = kWriteProtect | 1;
    pins.value[GUARD_CR4] = kSmep | kSmap;
    pins.value[GUARD_EFER] = 0xd01;
    pins.value[GUARD_LSTAR] = 0x1234;
    return pins;
}

TEST(GuardPins, bits_that_are_pinned_stay_and_others_change) {
    const guard_pins pins = pinned();
    const guard_u64 cr4 = kSmep | kSmap;
    EXPECT_TRUE(guard_pins_refuse(&pins, GUARD_CR0, kWriteProtect | 1, 1));
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_CR0, kWriteProtect | 1, kWriteProtect | 9));
    EXPECT_TRUE(guard_pins_refuse(&pins, GUARD_CR4, cr4, kSmep));
    EXPECT_TRUE(guard_pins_refuse(&pins, GUARD_CR4, cr4, kSmap));
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_CR4, cr4, cr4 | kPge));
}

TEST(GuardPins, registers_that_are_pinned_take_their_value_alone) {
    const guard_pins pins = pinned();
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_LSTAR, 0x1234, 0x1234));
    EXPECT_TRUE(guard_pins_refuse(&pins, GUARD_LSTAR, 0x1234, 0x1235));
    EXPECT_TRUE(guard_pins_refuse(&pins, GUARD_EFER, 0xd01, 0xd01 | kSvme));
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_EFER, 0xd01, 0xd01 & ~kLma));
}

TEST(GuardPins, what_a_reset_took_may_be_set_again) {
    const guard_pins pins = pinned();
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_CR0, 0x60000010, 0x11));
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_CR0, 1, kWriteProtect | 1));
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_EFER, 0, 0xd01));
}

TEST(GuardPins, nothing_is_pinned_before) {
    const guard_pins pins{};
    EXPECT_FALSE(guard_pins_refuse(&pins, GUARD_CR0, kWriteProtect, 0));
    const guard_pins armed = pinned();
    EXPECT_FALSE(guard_pins_refuse(&armed, GUARD_NR_REGISTERS, 0, 1));
}

TEST(GuardPins, each_msr_leads_to_its_register) {
    guard_u32 count = 0;
    while (const guard_u32 msr = guard_pins_msr(count)) {
        EXPECT_GE(guard_pins_register(msr), static_cast<int>(GUARD_EFER));
        count++;
    }
    EXPECT_EQ(count, 8U);
    EXPECT_EQ(guard_pins_register(0xc0000082), GUARD_LSTAR);
    EXPECT_EQ(guard_pins_register(0x10), -1);
}

}  // namespace
