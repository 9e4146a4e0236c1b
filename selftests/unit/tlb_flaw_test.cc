// SPDX-License-Identifier: GPL-2.0-only
// The model finds what is wrong: each flaw of the logic and each mistake of a
// caller that the rules of asi/tlb.h forbid ends in a fault, soon.
#include <gtest/gtest.h>

#include "random.h"
#include "tlb_machine.h"

namespace sim {
namespace {

enum class Flaw {
    kNone,
    kIgnoresGeneration,
    kIgnoresKernelGeneration,
    kIgnoresLender,
    kGivesIdentityAgain,
    kReadsAgeAfterLoad,
    kPublishesByPlainStore,
    kPublishesAfterReading,
    kRecordsBeforeLoad,
    kKeepsAgeOfEvicted,
    kLeavesEvictedItsSlot,
    kCountsByPlainStore,
    kReentryIgnoresGeneration,
    kReentryIgnoresKernelGeneration,
    kReentryIgnoresLender,
    kForgetsNothing,
    kMayUseLooksAtOthersOnly,
    kMayUseAnyIgnoresSlots,
    kMayUseAnyIgnoresLender,
    kKeptWithoutPcid,
    kFlushesAlways,
    kTakesASlotEachTime,
    kAgainIgnoresAge,
    kAgainPublishesByPlainStore,
    kAgainPublishesAfterReading,
};

/// Right but for one flaw.
class FlawedLogic final : public TlbLogic {
  public:
    explicit FlawedLogic(Flaw flaw) : flaw_(flaw) {}

    void new_domain(asi_tlb& tlb, asi_tlb_domain& domain, unsigned place) const override {
        TlbLogic::new_domain(tlb, domain, place);
        if (flaw_ == Flaw::kGivesIdentityAgain) domain.id = 1 + place;
    }

    void removed(asi_tlb_domain& domain) const override {
        if (flaw_ != Flaw::kCountsByPlainStore)
            TlbLogic::removed(domain);
        else
            ASI_TLB_STORE(&domain.gen, ASI_TLB_LOAD(&domain.gen) + 1);
    }

    bool may_use(const asi_tlb& tlb, const asi_tlb_cpu& cpu,
                 const asi_tlb_domain& domain) const override {
        return flaw_ != Flaw::kMayUseLooksAtOthersOnly && TlbLogic::may_use(tlb, cpu, domain);
    }

    bool may_use_any(const asi_tlb& tlb, const asi_tlb_cpu& cpu) const override {
        if (flaw_ == Flaw::kMayUseAnyIgnoresSlots) return false;
        if (flaw_ != Flaw::kMayUseAnyIgnoresLender) return TlbLogic::may_use_any(tlb, cpu);
        const auto* inside = reinterpret_cast<const asi_tlb_domain*>(ASI_TLB_LOAD(&cpu.inside));
        if (!inside) return false;
        const asi_tlb_slot& slot = cpu.slot[ASI_TLB_LOAD(&cpu.current_slot)];
        return ASI_TLB_LOAD(&slot.age) < ASI_TLB_LOAD(&inside->gen) + ASI_TLB_LOAD(&tlb.kernel_gen);
    }

    asi_tlb_load begin(const asi_tlb& tlb, asi_tlb_cpu& cpu,
                       const asi_tlb_domain& domain) const override {
        const asi_u64 i = find_slot(cpu, domain.id);
        asi_tlb_slot& slot = cpu.slot[i];
        asi_tlb_load load = {};
        ASI_TLB_STORE(&cpu.current_slot, i);
        if (flaw_ == Flaw::kPublishesByPlainStore)
            ASI_TLB_STORE(&cpu.inside, address(domain));
        else if (flaw_ != Flaw::kPublishesAfterReading)
            ASI_TLB_PUBLISH(&cpu.inside, address(domain));
        load.slot = i;
        load.age = flawed_age(tlb, domain);
        if (flaw_ == Flaw::kPublishesAfterReading) ASI_TLB_PUBLISH(&cpu.inside, address(domain));

        const asi_u64 age = ASI_TLB_LOAD(&slot.age);
        load.flush = age != load.age || (cpu.slots == 0 && flaw_ != Flaw::kKeptWithoutPcid) ||
                     flaw_ == Flaw::kFlushesAlways;
        if (flaw_ == Flaw::kRecordsBeforeLoad) asi_tlb_loaded(&cpu, &load);
        return load;
    }

    void loaded(const asi_tlb& tlb, asi_tlb_cpu& cpu, const asi_tlb_domain& domain,
                const asi_tlb_load& load) const override {
        asi_tlb_load late = load;
        if (flaw_ == Flaw::kReadsAgeAfterLoad) late.age = asi_tlb_age(&tlb, &domain);
        if (flaw_ != Flaw::kRecordsBeforeLoad) asi_tlb_loaded(&cpu, &late);
    }

    bool is_current(const asi_tlb& tlb, asi_tlb_cpu& cpu,
                    const asi_tlb_domain& domain) const override {
        switch (flaw_) {
            case Flaw::kReentryIgnoresGeneration:
            case Flaw::kReentryIgnoresKernelGeneration:
            case Flaw::kReentryIgnoresLender:
                return TlbLogic::is_current(tlb, cpu, domain) ||
                       is_current_but_for_one(tlb, cpu, domain);
            default:
                return TlbLogic::is_current(tlb, cpu, domain);
        }
    }

    bool again(const asi_tlb& tlb, asi_tlb_cpu& cpu, const asi_tlb_domain& domain) const override {
        const asi_tlb_slot& slot = cpu.slot[ASI_TLB_LOAD(&cpu.current_slot)];
        const bool is_owner = ASI_TLB_LOAD(&slot.domain) == domain.id;
        switch (flaw_) {
            case Flaw::kAgainIgnoresAge:
                return TlbLogic::again(tlb, cpu, domain) || is_owner;
            case Flaw::kAgainPublishesByPlainStore:
                if (!is_owner) return false;
                ASI_TLB_STORE(&cpu.inside, address(domain));
                return ASI_TLB_LOAD(&slot.age) == asi_tlb_age(&tlb, &domain);
            case Flaw::kAgainPublishesAfterReading: {
                if (!is_owner) return false;
                const bool is_same = ASI_TLB_LOAD(&slot.age) == asi_tlb_age(&tlb, &domain);
                ASI_TLB_PUBLISH(&cpu.inside, address(domain));
                return is_same;
            }
            default:
                return TlbLogic::again(tlb, cpu, domain);
        }
    }

    void forget(asi_tlb_cpu& cpu) const override {
        if (flaw_ != Flaw::kForgetsNothing) asi_tlb_forget(&cpu);
    }

  private:
    static asi_u64 address(const asi_tlb_domain& domain) {
        return reinterpret_cast<asi_u64>(&domain);
    }

    /// An age that stands still while the flaw's part of it grows.
    asi_u64 flawed_age(const asi_tlb& tlb, const asi_tlb_domain& domain) const {
        const asi_u64 gen = ASI_TLB_LOAD(&domain.gen);
        const asi_u64 kernel = ASI_TLB_LOAD(&tlb.kernel_gen);
        const asi_u64 lent = ASI_TLB_LOAD(&domain.lender->gen);
        return (flaw_ == Flaw::kIgnoresGeneration ? 1 : gen) +
               (flaw_ == Flaw::kIgnoresKernelGeneration ? 0 : kernel) +
               (flaw_ == Flaw::kIgnoresLender ? 0 : lent);
    }

    /// Is the age what it was, if the flaw's part of it did not count?
    bool is_current_but_for_one(const asi_tlb& tlb, const asi_tlb_cpu& cpu,
                                const asi_tlb_domain& domain) const {
        const asi_u64 age = ASI_TLB_LOAD(&cpu.slot[ASI_TLB_LOAD(&cpu.current_slot)].age);
        const asi_u64 gen = ASI_TLB_LOAD(&domain.gen);
        const asi_u64 kernel = ASI_TLB_LOAD(&tlb.kernel_gen);
        const asi_u64 lent = ASI_TLB_LOAD(&domain.lender->gen);
        if (flaw_ == Flaw::kReentryIgnoresGeneration) return age >= kernel + lent + 1;
        if (flaw_ == Flaw::kReentryIgnoresKernelGeneration) return age >= gen + lent;
        return age >= gen + kernel;
    }

    asi_u64 find_slot(asi_tlb_cpu& cpu, asi_u64 id) const {
        if (flaw_ != Flaw::kKeepsAgeOfEvicted && flaw_ != Flaw::kTakesASlotEachTime &&
            flaw_ != Flaw::kLeavesEvictedItsSlot)
            return asi_tlb_find_slot(&cpu, id);
        for (asi_u64 i = 0; i < cpu.slots && flaw_ != Flaw::kTakesASlotEachTime; ++i)
            if (ASI_TLB_LOAD(&cpu.slot[i].domain) == id) return i;
        const asi_u64 i = cpu.victim;
        cpu.victim = i + 1 < cpu.slots ? cpu.victim + 1 : 0;
        if (flaw_ != Flaw::kKeepsAgeOfEvicted) ASI_TLB_STORE(&cpu.slot[i].age, 0);
        if (flaw_ != Flaw::kLeavesEvictedItsSlot || ASI_TLB_LOAD(&cpu.slot[i].domain) == 0)
            ASI_TLB_STORE(&cpu.slot[i].domain, id);
        return i;
    }

    Flaw flaw_;
};

struct Case {
    const char* name;
    Flaw flaw;
    Mistake mistake;
    TlbFault fault;  ///< kFreedHit stands for both wrong uses
    unsigned slots = 3;
};

/// Steps until the fault; 0: none was found in any of several runs.
std::uint64_t steps_to_fault(const Case& c, unsigned runs, TlbFault& found) {
    // Without the model's judgement of flushes: the wrong use itself is found.
    const auto judge = c.fault == TlbFault::kFreedHit ? TlbMachine::Judge::kHitsOnly
                                                      : TlbMachine::Judge::kFlushesToo;
    std::uint64_t steps = 0;
    for (unsigned seed = 1; seed <= runs; ++seed) {
        const FlawedLogic logic(c.flaw);
        TlbMachine machine({3, c.slots, 5}, Random(seed), logic, c.mistake, judge);
        found = machine.run(200'000);
        steps += machine.counts().steps;
        if (found != TlbFault::kNone) return steps;
    }
    return 0;
}

class TlbFlaw : public testing::TestWithParam<Case> {};

TEST_P(TlbFlaw, is_found) {
    const Case& c = GetParam();
    TlbFault found = TlbFault::kNone;
    const std::uint64_t steps = steps_to_fault(c, 300, found);
    EXPECT_GT(steps, 0u) << "not found";
    if (found == TlbFault::kStaleHit) found = TlbFault::kFreedHit;
    EXPECT_EQ(found, c.fault);
    std::printf("found after %llu steps\n", (unsigned long long)steps);
}

constexpr auto kWrongUse = TlbFault::kFreedHit;
constexpr auto kNeedless = TlbFault::kNeedlessFlush;
const Case kFlaws[] = {
    {"ignores_generation", Flaw::kIgnoresGeneration, Mistake::kNone, kWrongUse},
    {"ignores_kernel_generation", Flaw::kIgnoresKernelGeneration, Mistake::kNone, kWrongUse},
    {"ignores_lender", Flaw::kIgnoresLender, Mistake::kNone, kWrongUse},
    {"gives_identity_again", Flaw::kGivesIdentityAgain, Mistake::kNone, kWrongUse},
    {"reads_age_after_load", Flaw::kReadsAgeAfterLoad, Mistake::kNone, kWrongUse},
    {"publishes_by_plain_store", Flaw::kPublishesByPlainStore, Mistake::kNone, kWrongUse},
    {"publishes_after_reading", Flaw::kPublishesAfterReading, Mistake::kNone, kWrongUse},
    {"records_before_load", Flaw::kRecordsBeforeLoad, Mistake::kNone, kWrongUse},
    {"keeps_age_of_evicted", Flaw::kKeepsAgeOfEvicted, Mistake::kNone, kWrongUse},
    {"leaves_evicted_its_slot", Flaw::kLeavesEvictedItsSlot, Mistake::kNone, kWrongUse, 1},
    {"counts_by_plain_store", Flaw::kCountsByPlainStore, Mistake::kNone, kWrongUse},
    {"reentry_ignores_generation", Flaw::kReentryIgnoresGeneration, Mistake::kNone, kWrongUse},
    {"reentry_ignores_kernel_generation", Flaw::kReentryIgnoresKernelGeneration, Mistake::kNone,
     kWrongUse},
    {"reentry_ignores_lender", Flaw::kReentryIgnoresLender, Mistake::kNone, kWrongUse},
    {"again_ignores_age", Flaw::kAgainIgnoresAge, Mistake::kNone, kWrongUse},
    {"again_publishes_by_plain_store", Flaw::kAgainPublishesByPlainStore, Mistake::kNone,
     kWrongUse},
    {"again_publishes_after_reading", Flaw::kAgainPublishesAfterReading, Mistake::kNone, kWrongUse},
    {"forgets_nothing", Flaw::kForgetsNothing, Mistake::kNone, kWrongUse},
    {"may_use_looks_at_others_only", Flaw::kMayUseLooksAtOthersOnly, Mistake::kNone, kWrongUse},
    {"may_use_any_ignores_slots", Flaw::kMayUseAnyIgnoresSlots, Mistake::kNone, kWrongUse},
    {"may_use_any_ignores_lender", Flaw::kMayUseAnyIgnoresLender, Mistake::kNone, kWrongUse},
    {"without_pcid_kept", Flaw::kKeptWithoutPcid, Mistake::kNone, TlbFault::kMissingFlush, 0},
    {"flushes_always", Flaw::kFlushesAlways, Mistake::kNone, kNeedless},
    {"takes_a_slot_each_time", Flaw::kTakesASlotEachTime, Mistake::kNone, kNeedless},
};
const Case kMistakes[] = {
    {"removal_not_counted", Flaw::kNone, Mistake::kRemovalNotCounted, kWrongUse},
    {"counted_before_cleared", Flaw::kNone, Mistake::kCountedBeforeCleared, kWrongUse},
    {"freed_without_asking", Flaw::kNone, Mistake::kFreedWithoutAsking, kWrongUse},
    {"lent_removal_not_counted", Flaw::kNone, Mistake::kLentRemovalNotCounted, kWrongUse},
    {"kernel_removal_not_counted", Flaw::kNone, Mistake::kKernelRemovalNotCounted, kWrongUse},
    {"kernel_counted_after_interrupts", Flaw::kNone, Mistake::kKernelCountedAfterInterrupts,
     kWrongUse},
    {"left_before_load", Flaw::kNone, Mistake::kLeftBeforeLoad, kWrongUse},
    {"nmi_says_left", Flaw::kNone, Mistake::kNmiSaysLeft, kWrongUse},
    {"reentry_never_loads", Flaw::kNone, Mistake::kReentryNeverLoads, kWrongUse},
    {"local_removal_not_forgotten", Flaw::kNone, Mistake::kLocalRemovalNotForgotten, kWrongUse},
    {"noflush_ignores_slot", Flaw::kNone, Mistake::kNoflushIgnoresSlot, kWrongUse},
    {"without_pcid_freed_without_asking", Flaw::kNone, Mistake::kFreedWithoutAsking, kWrongUse, 0},
    {"without_pcid_reentry_never_loads", Flaw::kNone, Mistake::kReentryNeverLoads, kWrongUse, 0},
};

const auto kName = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Logic, TlbFlaw, testing::ValuesIn(kFlaws), kName);
INSTANTIATE_TEST_SUITE_P(Caller, TlbFlaw, testing::ValuesIn(kMistakes), kName);

TEST(TlbFlawTest, logic_without_a_flaw_is_found_right) {
    for (const unsigned slots : {0u, 3u}) {
        TlbFault found = TlbFault::kNone;
        const Case none = {"", Flaw::kNone, Mistake::kNone, kNeedless, slots};
        EXPECT_EQ(steps_to_fault(none, 5, found), 0u);
        EXPECT_EQ(found, TlbFault::kNone);
    }
}

}  // namespace
}  // namespace sim
