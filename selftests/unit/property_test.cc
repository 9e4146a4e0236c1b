// SPDX-License-Identifier: GPL-2.0-only
// A million random operations against the reference model, each one met with
// every possible shortage of table pages.
#include <gtest/gtest.h>

#include "environment.h"
#include "model.h"
#include "random.h"

namespace sim {
namespace {

/// Operations over all parameters; ASI_OPERATIONS in the environment overrides.
std::uint64_t operations() {
    return from_environment("ASI_OPERATIONS", 1'000'000);
}

struct Parameters {
    unsigned levels;
    unsigned seed;
};

class Property : public testing::TestWithParam<Parameters> {};

TEST_P(Property, engine_agrees_with_the_model) {
    const auto [levels, seed] = GetParam();
    {
        Machine machine(levels, Random(seed));
        const std::uint64_t count = operations() / 4;
        for (std::uint64_t i = 0; i < count; ++i) {
            ASSERT_NO_THROW(machine.step()) << "seed " << seed;
            if (i % 500 == 0) {
                ASSERT_NO_THROW(machine.check_all());
            }
        }
        ASSERT_NO_THROW(machine.check_all());
        const auto& c = machine.counts();
        RecordProperty("operations", std::to_string(c.operations));
        std::printf(
            "%llu operations (map %llu, clone %llu, borrow %llu, unmap %llu, zap %llu, protect "
            "%llu, source changes %llu, prune %llu, destroy %llu), %llu refused, %llu times short "
            "of a page\n",
            (unsigned long long)c.operations, (unsigned long long)c.by_operation[0],
            (unsigned long long)c.by_operation[1], (unsigned long long)c.by_operation[2],
            (unsigned long long)c.by_operation[3], (unsigned long long)c.by_operation[4],
            (unsigned long long)c.by_operation[5], (unsigned long long)c.by_operation[6],
            (unsigned long long)c.by_operation[7], (unsigned long long)c.by_operation[8],
            (unsigned long long)c.failures, (unsigned long long)c.shortages);
        for (const std::uint64_t n : c.by_operation) EXPECT_TRUE(n > 0 || count < 10000);
    }
    EXPECT_EQ(live_pages(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Levels, Property,
                         testing::Values(Parameters{4, 1}, Parameters{4, 2}, Parameters{5, 3},
                                         Parameters{5, 4}),
                         [](const auto& info) {
                             return std::to_string(info.param.levels) + "_levels_seed_" +
                                    std::to_string(info.param.seed);
                         });

}  // namespace
}  // namespace sim
