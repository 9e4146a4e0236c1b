// SPDX-License-Identifier: GPL-2.0-only
// Threads of a core that run guests and kernel code beside each other: none of a guest's
// instructions beside kernel code that reaches more, and nobody waits for ever.  Each flaw
// that the rules of asi/smt.h forbid is found.
#include <gtest/gtest.h>

#include <cstdio>

#include "environment.h"
#include "random.h"
#include "smt_machine.h"

namespace sim {
namespace {

/// Steps over all shapes; ASI_SMT_STEPS in the environment overrides.
std::uint64_t steps() {
    return from_environment("ASI_SMT_STEPS", 8'000'000);
}

struct Parameters {
    SmtMachine::Shape shape;
    unsigned seed;
};

class SmtProperty : public testing::TestWithParam<Parameters> {};

TEST_P(SmtProperty, no_guest_runs_beside_kernel_code_that_reaches_more) {
    const auto [shape, seed] = GetParam();
    SmtMachine machine(shape, Random(seed), SmtFlaw::kNone);
    const std::uint64_t count = steps() / 4;
    ASSERT_EQ(machine.run(count), SmtFault::kNone) << machine.what() << ", seed " << seed;
    const auto& c = machine.counts();
    std::printf(
        "%llu steps: %llu guests, %llu times kernel code, %llu of it beside a guest (%llu by "
        "cookie), %llu stuns, %llu held, %llu late, %llu NMIs\n",
        (unsigned long long)c.steps, (unsigned long long)c.guests, (unsigned long long)c.works,
        (unsigned long long)c.beside, (unsigned long long)c.trusted, (unsigned long long)c.stuns,
        (unsigned long long)c.held, (unsigned long long)c.late, (unsigned long long)c.nmis);
    if (count < 100'000) return;
    for (const std::uint64_t n : {c.guests, c.works, c.beside, c.stuns, c.held, c.late, c.nmis})
        EXPECT_GT(n, 0u);
    EXPECT_EQ(c.trusted > 0, shape.cookies > 1);
}

INSTANTIATE_TEST_SUITE_P(Shapes, SmtProperty,
                         testing::Values(Parameters{{2, 2, 3}, 1}, Parameters{{2, 1, 1}, 2},
                                         Parameters{{4, 3, 2}, 3}, Parameters{{3, 2, 1}, 4}),
                         [](const auto& info) {
                             const SmtMachine::Shape& shape = info.param.shape;
                             return std::to_string(shape.threads) + "_threads_" +
                                    std::to_string(shape.domains) + "_domains_" +
                                    std::to_string(shape.cookies) + "_cookies";
                         });

class SmtFlaws : public testing::TestWithParam<unsigned> {};

TEST_P(SmtFlaws, flaw_is_found) {
    const auto flaw = static_cast<SmtFlaw>(GetParam());
    for (unsigned seed = 1; seed <= 8; ++seed) {
        // NMIs take threads out of a wait that would otherwise have no end.
        SmtMachine machine({2, 2, 1 + seed / 2 % 2, seed % 2 == 0}, Random(seed), flaw);
        if (machine.run(2'000'000) != SmtFault::kNone) {
            std::printf("%s, seed %u\n", machine.what().c_str(), seed);
            return;
        }
    }
    ADD_FAILURE() << "not found";
}

INSTANTIATE_TEST_SUITE_P(Each, SmtFlaws, testing::Range(1u, kSmtFlaws));

TEST(SmtTest, guest_clashes_with_kernel_code_of_another_domain_or_none) {
    // Plain memory.
    static struct Direct final : ModelMemory {
        asi_u64 load(const asi_u64* from) override { return *from; }
        void store(asi_u64* to, asi_u64 value) override { *to = value; }
        void publish(asi_u64* to, asi_u64 value) override { *to = value; }
        asi_u64 count(asi_u64* what) override { return ++*what; }
    } memory;
    ModelMemory::current = &memory;

    const auto thread = [](asi_smt_phase phase, asi_u64 domain, asi_u64 cookie) {
        asi_smt_thread t{};
        asi_smt_publish(&t, asi_smt_state(phase, domain), cookie);
        return t;
    };
    const auto clash = [](asi_smt_thread guest, asi_smt_thread other) {
        const bool clashes = asi_smt_clash(&guest, guest.state, &other);
        // Only a guest that runs is waited for.
        EXPECT_EQ(asi_smt_must_wait(&other, &guest),
                  clashes && asi_smt_phase_of(guest.state) == ASI_SMT_GUEST);
        return clashes;
    };
    for (const asi_smt_phase phase : {ASI_SMT_GATE, ASI_SMT_GUEST}) {
        EXPECT_TRUE(clash(thread(phase, 5, 0), thread(ASI_SMT_REACH, 0, 0)));
        EXPECT_TRUE(clash(thread(phase, 5, 0), thread(ASI_SMT_REACH, 6, 0)));
        EXPECT_FALSE(clash(thread(phase, 5, 0), thread(ASI_SMT_REACH, 5, 0)));
        EXPECT_FALSE(clash(thread(phase, 5, 0), thread(ASI_SMT_REST, 0, 0)));
        EXPECT_FALSE(clash(thread(phase, 5, 0), thread(ASI_SMT_GATE, 6, 0)));
        EXPECT_FALSE(clash(thread(phase, 5, 0), thread(ASI_SMT_GUEST, 6, 0)));
        EXPECT_FALSE(clash(thread(phase, 5, 9), thread(ASI_SMT_REACH, 0, 9)));
        EXPECT_TRUE(clash(thread(phase, 5, 9), thread(ASI_SMT_REACH, 0, 8)));
        EXPECT_TRUE(clash(thread(phase, 5, 9), thread(ASI_SMT_REACH, 0, 0)));
    }

    // Its own domain, again and again, is nothing new.
    asi_smt_thread t{};
    const auto reached = [&](asi_u64 domain) {
        asi_smt_publish_reach(&t, domain, 0);
        return asi_smt_reached(&t);
    };
    EXPECT_EQ(reached(5), 1u);
    EXPECT_EQ(reached(5), 1u);
    EXPECT_EQ(reached(0), 2u);
    EXPECT_EQ(reached(5), 2u);
    EXPECT_EQ(reached(6), 3u);
    EXPECT_EQ(reached(0), 4u);
    EXPECT_EQ(reached(0), 5u);
}

}  // namespace
}  // namespace sim
