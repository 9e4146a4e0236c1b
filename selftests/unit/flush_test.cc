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

}  // namespace
