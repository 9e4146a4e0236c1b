// SPDX-License-Identifier: GPL-2.0-only
// Slots and generations, one rule at a time, with the header as the kernel has
// it: no model of memory in between.
#include <asi/tlb.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace {

class TlbTest : public testing::Test {
  protected:
    TlbTest() {
        cpu_.slots = ASI_TLB_SLOTS;
        for (asi_tlb_domain& domain : domains_) asi_tlb_new_domain(&tlb_, &domain, nullptr);
    }

    asi_tlb_load enter(asi_tlb_cpu& cpu, const asi_tlb_domain& domain) {
        const asi_tlb_load load = asi_tlb_begin(&tlb_, &cpu, &domain);
        asi_tlb_loaded(&cpu, &load);
        return load;
    }
    asi_tlb_load enter(const asi_tlb_domain& domain) { return enter(cpu_, domain); }
    asi_tlb_load visit(const asi_tlb_domain& domain) {
        const asi_tlb_load load = enter(domain);
        asi_tlb_left(&cpu_);
        return load;
    }
    bool is_current(const asi_tlb_domain& domain) {
        return asi_tlb_is_current(&tlb_, &cpu_, &domain);
    }
    bool may_use(const asi_tlb_domain& domain) const {
        return asi_tlb_may_use(&tlb_, &cpu_, &domain);
    }
    bool may_use_any() const { return asi_tlb_may_use_any(&tlb_, &cpu_); }

    asi_tlb tlb_{};
    asi_tlb_cpu cpu_{}, other_cpu_{};
    asi_tlb_domain domains_[ASI_TLB_SLOTS + 2]{};
    asi_tlb_domain& a_ = domains_[0];
    asi_tlb_domain& b_ = domains_[1];
};

TEST_F(TlbTest, first_load_flushes_the_next_ones_do_not) {
    EXPECT_TRUE(visit(a_).flush);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(visit(a_).flush);
    EXPECT_TRUE(visit(b_).flush);
    EXPECT_FALSE(visit(a_).flush);
    EXPECT_FALSE(visit(b_).flush);
}

TEST_F(TlbTest, removal_flushes_that_domain_once) {
    visit(a_);
    visit(b_);
    asi_tlb_removed(&a_);
    EXPECT_FALSE(visit(b_).flush);
    EXPECT_TRUE(visit(a_).flush);
    EXPECT_FALSE(visit(a_).flush);
}

TEST_F(TlbTest, removal_from_the_kernel_flushes_every_slot_once) {
    for (int i = 0; i < ASI_TLB_SLOTS; ++i) visit(domains_[i]);
    asi_tlb_kernel_removed(&tlb_);
    for (int i = 0; i < ASI_TLB_SLOTS; ++i) EXPECT_TRUE(visit(domains_[i]).flush) << i;
    for (int i = 0; i < ASI_TLB_SLOTS; ++i) EXPECT_FALSE(visit(domains_[i]).flush) << i;
}

TEST_F(TlbTest, slots_are_given_away_in_turn) {
    for (asi_u64 i = 0; i < ASI_TLB_SLOTS; ++i) EXPECT_EQ(visit(domains_[i]).slot, i);
    for (asi_u64 i = 0; i < ASI_TLB_SLOTS; ++i) {
        EXPECT_EQ(visit(domains_[i]).slot, i);
        EXPECT_FALSE(visit(domains_[i]).flush);
    }
    asi_tlb_load load = visit(domains_[ASI_TLB_SLOTS]);
    EXPECT_TRUE(load.flush);
    EXPECT_EQ(load.slot, 0u);
    for (int i = 1; i < ASI_TLB_SLOTS; ++i) EXPECT_FALSE(visit(domains_[i]).flush) << i;
    load = visit(a_);
    EXPECT_TRUE(load.flush) << "it was evicted";
    EXPECT_EQ(load.slot, 1u);
    EXPECT_TRUE(visit(b_).flush) << "and evicted another";
}

TEST_F(TlbTest, one_slot_is_enough) {
    cpu_.slots = 1;
    EXPECT_TRUE(visit(a_).flush);
    EXPECT_FALSE(visit(a_).flush);
    EXPECT_TRUE(visit(b_).flush);
    EXPECT_TRUE(visit(a_).flush);
}

TEST_F(TlbTest, without_pcid_every_load_flushes) {
    cpu_.slots = 0;
    for (int i = 0; i < 3; ++i) {
        for (const asi_tlb_domain& domain : domains_) {
            const asi_tlb_load load = visit(domain);
            EXPECT_TRUE(load.flush);
            EXPECT_EQ(load.slot, 0u);
        }
        EXPECT_TRUE(visit(b_).flush);
    }
    enter(a_);
    EXPECT_TRUE(is_current(a_));
    asi_tlb_removed(&a_);
    EXPECT_FALSE(is_current(a_));
    EXPECT_TRUE(may_use(a_));
    enter(a_);
    EXPECT_FALSE(may_use(a_));
}

TEST_F(TlbTest, new_domain_in_old_storage_is_another) {
    visit(a_);
    const asi_u64 id = a_.id;
    asi_tlb_new_domain(&tlb_, &a_, nullptr);
    EXPECT_NE(a_.id, id);
    EXPECT_TRUE(visit(a_).flush);
    for (const asi_tlb_domain& domain : domains_) EXPECT_NE(domain.id, 0u);
}

TEST_F(TlbTest, cpus_know_nothing_of_each_other) {
    other_cpu_.slots = ASI_TLB_SLOTS;
    visit(a_);
    EXPECT_TRUE(enter(other_cpu_, a_).flush);
    EXPECT_FALSE(visit(a_).flush);
}

TEST_F(TlbTest, forgetting_flushes_every_slot_of_this_cpu) {
    other_cpu_.slots = ASI_TLB_SLOTS;
    enter(other_cpu_, a_);
    asi_tlb_left(&other_cpu_);
    visit(a_);
    visit(b_);
    asi_tlb_forget(&cpu_);
    EXPECT_TRUE(visit(a_).flush);
    EXPECT_TRUE(visit(b_).flush);
    EXPECT_FALSE(visit(a_).flush);
    EXPECT_FALSE(enter(other_cpu_, a_).flush);
}

TEST_F(TlbTest, reentry_loads_again_only_after_a_removal) {
    enter(a_);
    EXPECT_TRUE(is_current(a_));
    asi_tlb_removed(&b_);
    EXPECT_TRUE(is_current(a_));
    asi_tlb_removed(&a_);
    EXPECT_FALSE(is_current(a_));
    EXPECT_TRUE(enter(a_).flush);
    EXPECT_TRUE(is_current(a_));
    asi_tlb_kernel_removed(&tlb_);
    EXPECT_FALSE(is_current(a_));
    EXPECT_TRUE(enter(a_).flush);
    EXPECT_TRUE(is_current(a_));
}

TEST_F(TlbTest, only_a_cpu_inside_since_before_may_use_what_was_removed) {
    asi_tlb_removed(&a_);
    EXPECT_FALSE(may_use(a_)) << "never entered";
    visit(a_);
    asi_tlb_removed(&a_);
    EXPECT_FALSE(may_use(a_)) << "left";
    enter(b_);
    asi_tlb_removed(&a_);
    EXPECT_FALSE(may_use(a_)) << "in another domain";
    EXPECT_FALSE(may_use_any()) << "which lost nothing";
    asi_tlb_left(&cpu_);
    enter(a_);
    EXPECT_FALSE(may_use(a_)) << "entered since";
    asi_tlb_removed(&a_);
    EXPECT_TRUE(may_use(a_));
    EXPECT_TRUE(may_use(a_)) << "looking is not loading";
    asi_tlb_removed(&a_);
    EXPECT_TRUE(enter(a_).flush);
    EXPECT_FALSE(may_use(a_));
    asi_tlb_removed(&a_);
    EXPECT_TRUE(may_use(a_));
    asi_tlb_left(&cpu_);
    EXPECT_FALSE(may_use(a_));
}

TEST_F(TlbTest, kernel_removal_concerns_every_cpu_inside) {
    asi_tlb_kernel_removed(&tlb_);
    EXPECT_FALSE(may_use_any());
    enter(a_);
    EXPECT_FALSE(may_use_any());
    asi_tlb_kernel_removed(&tlb_);
    EXPECT_TRUE(may_use_any());
    EXPECT_TRUE(may_use(a_));
    EXPECT_FALSE(may_use(b_));
    enter(a_);
    EXPECT_FALSE(may_use_any());
    asi_tlb_left(&cpu_);
    asi_tlb_kernel_removed(&tlb_);
    EXPECT_FALSE(may_use_any());
}

TEST_F(TlbTest, what_a_lender_loses_concerns_those_who_borrow_from_it) {
    asi_tlb_domain lender{}, other{};
    asi_tlb_new_domain(&tlb_, &lender, nullptr);
    asi_tlb_new_domain(&tlb_, &other, nullptr);
    asi_tlb_new_domain(&tlb_, &a_, &lender);
    visit(b_);
    enter(a_);
    asi_tlb_removed(&other);
    EXPECT_TRUE(is_current(a_));
    EXPECT_FALSE(may_use_any());
    asi_tlb_removed(&lender);
    EXPECT_FALSE(is_current(a_));
    EXPECT_TRUE(may_use(a_));
    EXPECT_TRUE(may_use_any());
    EXPECT_TRUE(enter(a_).flush);
    EXPECT_FALSE(may_use_any());
    EXPECT_FALSE(visit(b_).flush);
}

TEST_F(TlbTest, a_removal_elsewhere_interrupts_and_flushes_nobody) {
    const asi_u64 age = asi_tlb_age_alone(&tlb_, &a_);
    enter(a_);
    for (int i = 0; i < 3; ++i) asi_tlb_removed(&b_);
    EXPECT_TRUE(asi_tlb_is_unchanged(&tlb_, age, &a_));
    EXPECT_FALSE(may_use_any());
    asi_tlb_left(&cpu_);
    EXPECT_TRUE(asi_tlb_again(&tlb_, &cpu_, &a_));
}

TEST_F(TlbTest, load_that_is_not_over_counts_for_nothing) {
    enter(a_);
    asi_tlb_removed(&a_);
    const asi_tlb_load load = asi_tlb_begin(&tlb_, &cpu_, &a_);
    EXPECT_TRUE(load.flush);
    EXPECT_TRUE(may_use(a_));
    EXPECT_TRUE(may_use_any());
    // As an NMI does that came after CR3 was loaded.
    const asi_tlb_load again = asi_tlb_begin(&tlb_, &cpu_, &a_);
    EXPECT_TRUE(again.flush);
    EXPECT_EQ(again.slot, load.slot);
    asi_tlb_loaded(&cpu_, &again);
    EXPECT_FALSE(may_use(a_));
    asi_tlb_loaded(&cpu_, &load);
    EXPECT_FALSE(may_use(a_));
    EXPECT_FALSE(may_use_any());
}

TEST_F(TlbTest, removal_during_a_load_is_not_lost) {
    const asi_tlb_load load = asi_tlb_begin(&tlb_, &cpu_, &a_);
    asi_tlb_removed(&a_);
    asi_tlb_loaded(&cpu_, &load);
    EXPECT_TRUE(may_use(a_));
    EXPECT_TRUE(may_use_any());
    EXPECT_FALSE(is_current(a_));
    asi_tlb_left(&cpu_);
    EXPECT_TRUE(visit(a_).flush);
    EXPECT_FALSE(visit(a_).flush);
}

/// With real CPUs and their store buffers: a removal that does not see the CPU
/// inside is seen by the CPU.
TEST_F(TlbTest, entering_and_removing_do_not_miss_each_other) {
    struct alignas(64) Turn {
        std::atomic<unsigned> number{0};
    };
    Turn entering, removing;
    std::atomic<bool> stop{false};
    asi_u64 seen = 0;
    const auto await = [&](const Turn& turn, unsigned number) {
        for (unsigned i = 0; turn.number < number && !stop; ++i)
            if (i % 1024 == 1023) std::this_thread::yield();
    };
    visit(a_);
    std::thread enterer([&] {
        for (unsigned i = 1; !stop; ++i) {
            await(removing, i);
            if (stop) return;
            seen = enter(a_).age;
            entering.number = i;
        }
    });
    unsigned rounds = 0, missed = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    while (std::chrono::steady_clock::now() < end) {
        asi_tlb_left(&cpu_);
        removing.number = ++rounds;
        asi_tlb_removed(&a_);
        const asi_u64 age = asi_tlb_age(&tlb_, &a_);
        const bool is_seen_inside = may_use(a_);
        await(entering, rounds);
        missed += !is_seen_inside && seen < age;
    }
    stop = true;
    enterer.join();
    EXPECT_GT(rounds, 0u);
    EXPECT_EQ(missed, 0u) << "of " << rounds;
}

}  // namespace
