// SPDX-License-Identifier: GPL-2.0-only
// Which buffers are cleared before a guest runs: every mode with every set of taints.
#include "../../asi/include/asi/flush.h"

#include <gtest/gtest.h>

namespace {

constexpr unsigned kL1d = 1U << ASI_FLUSH_L1D;
constexpr unsigned kBuffers = 1U << ASI_FLUSH_BUFFERS;
constexpr unsigned kIbpb = 1U << ASI_FLUSH_IBPB;
constexpr unsigned kEverything = kL1d | kBuffers | kIbpb;

TEST(FlushTest, nothing_ran_nothing_is_cleared) {
    EXPECT_EQ(asi_flush_needed(ASI_FLUSH_AUTO, 0), 0u);
}

TEST(FlushTest, any_taint_clears_what_holds_data) {
    for (unsigned taints = 1; taints <= ASI_TAINT_ALL; ++taints)
        EXPECT_EQ(asi_flush_needed(ASI_FLUSH_AUTO, taints) & (kL1d | kBuffers), kL1d | kBuffers)
            << taints;
}

TEST(FlushTest, predictors_are_cleared_after_strangers_only) {
    EXPECT_FALSE(asi_flush_needed(ASI_FLUSH_AUTO, ASI_TAINT_KERNEL) & kIbpb);
    EXPECT_FALSE(asi_flush_needed(ASI_FLUSH_AUTO, ASI_TAINT_KERNEL | ASI_TAINT_USER) & kIbpb)
        << "its own VMM can do worse to a guest";
    for (unsigned taints = 0; taints <= ASI_TAINT_ALL; ++taints) {
        if (!(taints & (ASI_TAINT_MM | ASI_TAINT_GUEST))) continue;
        EXPECT_EQ(asi_flush_needed(ASI_FLUSH_AUTO, taints), kEverything) << taints;
    }
    EXPECT_EQ(asi_flush_needed(ASI_FLUSH_AUTO, 0x80), kEverything) << "an unknown taint";
}

TEST(FlushTest, always_and_never_ignore_taints) {
    for (unsigned taints = 0; taints <= ASI_TAINT_ALL; ++taints) {
        EXPECT_EQ(asi_flush_needed(ASI_FLUSH_ALWAYS, taints), kEverything);
        EXPECT_EQ(asi_flush_needed(ASI_FLUSH_NEVER, taints), 0u);
        EXPECT_EQ(asi_flush_needed(ASI_NR_FLUSH_MODES, taints), kEverything) << "an unknown mode";
    }
}

TEST(FlushTest, only_taints_that_a_useful_flush_follows_are_told_of) {
    constexpr unsigned kStrangers = ASI_TAINT_MM | ASI_TAINT_GUEST;
    EXPECT_EQ(asi_flush_taints(ASI_FLUSH_AUTO, 0), 0u);
    EXPECT_EQ(asi_flush_taints(ASI_FLUSH_AUTO, kIbpb), kStrangers | ASI_TAINT_ALWAYS);
    EXPECT_EQ(asi_flush_taints(ASI_FLUSH_AUTO, kL1d), ASI_TAINT_ALL | ASI_TAINT_ALWAYS);
    EXPECT_EQ(asi_flush_taints(ASI_FLUSH_ALWAYS, kIbpb), ASI_TAINT_ALL | ASI_TAINT_ALWAYS);
    EXPECT_EQ(asi_flush_taints(ASI_FLUSH_ALWAYS, 0), 0u);
    for (const auto mode : {ASI_FLUSH_AUTO, ASI_FLUSH_ALWAYS, ASI_FLUSH_NEVER, ASI_NR_FLUSH_MODES})
        for (unsigned useful = 0; useful <= kEverything; ++useful)
            for (unsigned taints = 0; taints <= ASI_TAINT_ALL; ++taints)
                EXPECT_EQ((asi_flush_needed(mode, taints) & useful) != 0 && taints != 0,
                          (asi_flush_taints(mode, useful) & taints) != 0)
                    << mode << " " << useful << " " << taints;
}

// Who clears the buffers: the whole table.
struct VerwRow {
    asi_verw_use use;
    bool device;
    asi_verw by;
    asi_verw by_force;
};

constexpr VerwRow kVerwTable[] = {
    {ASI_VERW_UNUSED, false, ASI_VERW_NOBODY, ASI_VERW_HERE},
    {ASI_VERW_UNUSED, true, ASI_VERW_NOBODY, ASI_VERW_HERE},
    {ASI_VERW_FOR_DEVICES, false, ASI_VERW_NOBODY, ASI_VERW_HERE},
    {ASI_VERW_FOR_DEVICES, true, ASI_VERW_HERE, ASI_VERW_HERE},
    {ASI_VERW_FOR_ALL, false, ASI_VERW_AT_ENTRY, ASI_VERW_AT_ENTRY},
    {ASI_VERW_FOR_ALL, true, ASI_VERW_AT_ENTRY, ASI_VERW_AT_ENTRY},
};

TEST(FlushTest, who_clears_the_buffers) {
    for (const VerwRow& row : kVerwTable) {
        EXPECT_EQ(asi_verw_by(true, row.use, row.device, false), row.by)
            << row.use << " device " << row.device;
        EXPECT_EQ(asi_verw_by(true, row.use, row.device, true), row.by_force)
            << row.use << " device " << row.device << ", forced";
    }
}

TEST(FlushTest, nobody_clears_buffers_that_need_not) {
    for (const VerwRow& row : kVerwTable)
        for (const bool forced : {false, true})
            EXPECT_EQ(asi_verw_by(false, row.use, row.device, forced), ASI_VERW_NOBODY);
}

TEST(FlushTest, every_use_of_the_kernel_is_somebodys) {
    // What the kernel alone clears for a guest with a device is cleared with isolation, too.
    for (const VerwRow& row : kVerwTable) {
        if (row.device && row.use != ASI_VERW_UNUSED) {
            EXPECT_NE(row.by, ASI_VERW_NOBODY);
        }
    }
}

TEST(FlushTest, the_cache_is_flushed_where_the_kernel_would) {
    for (const bool forced : {false, true}) {
        EXPECT_EQ(asi_l1d_wanted(true, ASI_L1D_UNUSED, forced), forced);
        EXPECT_FALSE(asi_l1d_wanted(false, ASI_L1D_UNUSED, forced));
        EXPECT_TRUE(asi_l1d_wanted(true, ASI_L1D_SOMETIMES, forced));
        EXPECT_FALSE(asi_l1d_wanted(false, ASI_L1D_SOMETIMES, forced));
    }
}

TEST(FlushTest, what_is_demanded_at_every_entry_is_done_at_every_entry) {
    for (const bool needed : {false, true})
        for (const bool forced : {false, true})
            EXPECT_TRUE(asi_l1d_wanted(needed, ASI_L1D_ALWAYS, forced));
}

}  // namespace
