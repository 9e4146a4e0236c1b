// SPDX-License-Identifier: GPL-2.0-only
// A million random steps of CPUs that enter, leave and are disturbed, while
// translations go away: none is used too long, and no flush is needless.
#include <gtest/gtest.h>

#include <cstdio>

#include "environment.h"
#include "random.h"
#include "tlb_machine.h"

namespace sim {
namespace {

/// Steps over all parameters; ASI_TLB_STEPS in the environment overrides.
std::uint64_t steps() {
    return from_environment("ASI_TLB_STEPS", 12'000'000);
}

struct Parameters {
    TlbMachine::Shape shape;
    unsigned seed;
};

class TlbProperty : public testing::TestWithParam<Parameters> {};

TEST_P(TlbProperty, removed_translation_is_not_used_and_no_flush_is_needless) {
    const auto [shape, seed] = GetParam();
    const TlbLogic logic;
    TlbMachine machine(shape, Random(seed), logic, Mistake::kNone, TlbMachine::Judge::kFlushesToo);
    const std::uint64_t count = steps() / 6;
    ASSERT_EQ(machine.run(count), TlbFault::kNone) << machine.what() << ", seed " << seed;
    const auto& c = machine.counts();
    std::printf(
        "%llu steps: %llu loads (%llu kept, %llu flushed, %llu evictions), %llu re-entries, "
        "%llu migrations, %llu interrupts, %llu NMIs (%llu in a switch), %llu removals, "
        "%llu of the kernel, %llu frees, %llu waits, %llu new domains, %llu hits, "
        "%llu short ways in\n",
        (unsigned long long)c.steps, (unsigned long long)c.loads, (unsigned long long)c.kept,
        (unsigned long long)c.flushed, (unsigned long long)c.evictions,
        (unsigned long long)c.reentries, (unsigned long long)c.migrations,
        (unsigned long long)c.interrupts, (unsigned long long)c.nmis,
        (unsigned long long)c.nmis_in_a_switch, (unsigned long long)c.removals,
        (unsigned long long)c.kernel_removals, (unsigned long long)c.frees,
        (unsigned long long)c.waits, (unsigned long long)c.new_domains, (unsigned long long)c.hits,
        (unsigned long long)c.short_ways);
    if (count < 100'000) return;
    for (const std::uint64_t n :
         {c.short_ways, c.flushed, c.reentries, c.migrations, c.interrupts, c.nmis_in_a_switch,
          c.removals, c.kernel_removals, c.frees, c.waits, c.new_domains, c.hits})
        EXPECT_GT(n, 0u);
    EXPECT_EQ(c.kept > 0, shape.slots > 0);
    EXPECT_EQ(c.evictions > 0, shape.slots > 0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, TlbProperty,
                         testing::Values(Parameters{{3, 6, 9}, 1}, Parameters{{2, 6, 8}, 2},
                                         Parameters{{4, 2, 5}, 3}, Parameters{{2, 1, 3}, 4},
                                         Parameters{{3, 0, 4}, 5}, Parameters{{2, 0, 2}, 6}),
                         [](const auto& info) {
                             const TlbMachine::Shape& shape = info.param.shape;
                             return std::to_string(shape.cpus) + "_cpus_" +
                                    std::to_string(shape.slots) + "_slots_" +
                                    std::to_string(shape.domains) + "_domains_seed_" +
                                    std::to_string(info.param.seed);
                         });

TEST(TlbPropertyTest, same_seed_gives_same_run) {
    const TlbLogic logic;
    const auto run = [&] {
        TlbMachine machine({3, 6, 9}, Random(7), logic, Mistake::kNone,
                           TlbMachine::Judge::kFlushesToo);
        EXPECT_EQ(machine.run(20'000), TlbFault::kNone) << machine.what();
        return machine.counts();
    };
    const auto first = run(), second = run();
    EXPECT_EQ(first.loads, second.loads);
    EXPECT_EQ(first.hits, second.hits);
    EXPECT_EQ(first.nmis, second.nmis);
}

}  // namespace
}  // namespace sim
