// SPDX-License-Identifier: GPL-2.0-only
// Exit accounting: every exit is booked exactly once, and adds up.
#include "../../kvm-asi/account.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

#include "sim_port.h"

namespace {

class AccountTest : public testing::Test {
  protected:
    AccountTest() : account_(std::make_unique<kvm_asi_account>()) {}

    static asi_leave cause(asi_u64 ip, asi_leave_how how = ASI_LEAVE_FAULT,
                           const char* name = "files_cache") {
        asi_leave c = {};
        c.how = how;
        c.fault.ip = ip;
        c.fault.kind = ASI_KIND_SLAB;
        c.fault.access = ASI_ACCESS_READ;
        std::strncpy(c.fault.cache, name, sizeof(c.fault.cache) - 1);
        return c;
    }
    void book(asi_u32 code, kvm_asi_outcome outcome, const asi_leave* c = nullptr) {
        kvm_asi_account_exit(account_.get(), code, outcome, c);
    }
    static asi_u64 sum_of_reasons(const kvm_asi_account& a, unsigned outcome) {
        asi_u64 sum = a.other.count[outcome];
        for (const auto& r : a.reason) sum += r.count[outcome];
        return sum;
    }
    static asi_u64 sum_of_causes(const kvm_asi_account& a) {
        asi_u64 sum = a.causes_dropped;
        for (const auto& c : a.cause) sum += c.count;
        return sum;
    }

    std::unique_ptr<kvm_asi_account> account_;
};

TEST_F(AccountTest, exit_is_booked_under_its_reason_and_outcome) {
    book(0x72, KVM_ASI_INSIDE);
    book(0x72, KVM_ASI_INSIDE);
    book(0x7b, KVM_ASI_USER);
    EXPECT_EQ(account_->total[KVM_ASI_INSIDE], 2u);
    EXPECT_EQ(account_->total[KVM_ASI_USER], 1u);
    EXPECT_EQ(account_->reason[0].code, 0x72u);
    EXPECT_EQ(account_->reason[0].used, 1u);
    EXPECT_EQ(account_->reason[0].count[KVM_ASI_INSIDE], 2u);
    EXPECT_EQ(account_->reason[1].code, 0x7bu);
    EXPECT_EQ(account_->reason[2].used, 0u);
    EXPECT_EQ(sum_of_causes(*account_), 0u);
}

TEST_F(AccountTest, what_stays_inside_is_counted_by_index_and_shows_in_the_sum) {
    for (const asi_u32 code : {0u, 0x72u, 0x72u, 0x400u, KVM_ASI_DIRECT - 1u}) {
        EXPECT_TRUE(kvm_asi_is_direct(code));
        kvm_asi_account_inside(account_.get(), code);
    }
    EXPECT_FALSE(kvm_asi_is_direct(KVM_ASI_DIRECT));
    EXPECT_FALSE(kvm_asi_is_direct(~0u));
    book(0x72, KVM_ASI_INSIDE);
    book(0x72, KVM_ASI_LEFT);

    kvm_asi_account sum = {};
    kvm_asi_account_add(&sum, account_.get());
    EXPECT_EQ(sum.total[KVM_ASI_INSIDE], 6u);
    EXPECT_EQ(sum.total[KVM_ASI_LEFT], 1u);
    EXPECT_EQ(sum_of_reasons(sum, KVM_ASI_INSIDE), 6u);
    asi_u64 of_72 = 0;
    for (const auto& reason : sum.reason)
        if (reason.used && reason.code == 0x72) of_72 += reason.count[KVM_ASI_INSIDE];
    EXPECT_EQ(of_72, 3u);

    kvm_asi_account twice = {};
    kvm_asi_account_add(&twice, &sum);
    EXPECT_EQ(twice.total[KVM_ASI_INSIDE], 6u) << "a sum can be added to a sum";
}

TEST_F(AccountTest, what_comes_again_is_counted_as_what_comes_first) {
    for (const asi_u32 code : {0u, 0x7bu, 0x7bu, 0x400u, 0x7bu, 0u})
        kvm_asi_account_again(account_.get(), code, KVM_ASI_USER);
    kvm_asi_account_again(account_.get(), 0x400, KVM_ASI_FIRST_TOUCH);
    book(0x400, KVM_ASI_LEFT);
    kvm_asi_account_again(account_.get(), 0x400, KVM_ASI_FIRST_TOUCH);

    kvm_asi_account sum = {};
    kvm_asi_account_add(&sum, account_.get());
    EXPECT_EQ(sum.total[KVM_ASI_USER], 6u);
    EXPECT_EQ(sum.total[KVM_ASI_FIRST_TOUCH], 2u);
    EXPECT_EQ(sum_of_reasons(sum, KVM_ASI_USER), 6u);
    EXPECT_EQ(sum.reason[0].code, 0u);
    EXPECT_EQ(sum.reason[0].count[KVM_ASI_USER], 2u);
    EXPECT_EQ(sum.reason[1].code, 0x7bu);
    EXPECT_EQ(sum.reason[1].count[KVM_ASI_USER], 3u);
    EXPECT_EQ(sum.reason[2].count[KVM_ASI_FIRST_TOUCH], 2u);
    EXPECT_EQ(sum.reason[2].count[KVM_ASI_LEFT], 1u);
}

TEST_F(AccountTest, reasons_without_room_are_counted_again_together) {
    for (asi_u32 code = 0; code < KVM_ASI_REASONS + 2; ++code)
        for (int i = 0; i < 2; ++i) kvm_asi_account_again(account_.get(), code, KVM_ASI_USER);
    EXPECT_EQ(account_->total[KVM_ASI_USER], 2u * (KVM_ASI_REASONS + 2));
    EXPECT_EQ(account_->other.count[KVM_ASI_USER], 4u);
    EXPECT_EQ(account_->reason[0].count[KVM_ASI_USER], 2u);
    kvm_asi_account_again(account_.get(), 0, KVM_ASI_USER);
    EXPECT_EQ(account_->reason[0].count[KVM_ASI_USER], 3u);
}

TEST_F(AccountTest, first_touches_that_stay_inside_are_counted) {
    kvm_asi_account_again(account_.get(), 0x400, KVM_ASI_FIRST_TOUCH);
    kvm_asi_account_again(account_.get(), 0x400, KVM_ASI_FIRST_TOUCH);
    kvm_asi_account_inside(account_.get(), 0x400);
    const asi_leave switched = cause(0, ASI_LEAVE_SCHED);
    book(0x78, KVM_ASI_LEFT, &switched);
    book(0x78, KVM_ASI_USER, &switched);
    account_->left_no_page = 3;

    kvm_asi_account sum = {};
    kvm_asi_account_add(&sum, account_.get());
    EXPECT_EQ(sum.total[KVM_ASI_FIRST_TOUCH], 2u);
    EXPECT_EQ(sum.total[KVM_ASI_INSIDE], 1u);
    EXPECT_EQ(sum.left_first_touch, 0u);
    EXPECT_EQ(sum.left_no_page, 3u);
    EXPECT_EQ(sum.left_switched, 1u);
    EXPECT_EQ(sum_of_reasons(sum, KVM_ASI_FIRST_TOUCH), 2u);
}

TEST_F(AccountTest, flushes_avoided_are_the_entries_without) {
    for (int i = 0; i < 10; ++i) kvm_asi_account_inside(account_.get(), 0x72);
    book(0x7b, KVM_ASI_USER);
    account_->flushed[ASI_FLUSH_L1D] = 3;
    account_->flushed[ASI_FLUSH_IBPB] = 12;
    kvm_asi_account sum = {};
    kvm_asi_account_add(&sum, account_.get());
    EXPECT_EQ(sum.flushed[ASI_FLUSH_L1D], 3u);
    EXPECT_EQ(kvm_asi_account_avoided(&sum, ASI_FLUSH_L1D), 8u);
    EXPECT_EQ(kvm_asi_account_avoided(&sum, ASI_FLUSH_BUFFERS), 11u);
    EXPECT_EQ(kvm_asi_account_avoided(&sum, ASI_FLUSH_IBPB), 0u)
        << "the last entry has no exit yet";
    EXPECT_STREQ(kvm_asi_flush_name(ASI_FLUSH_BUFFERS), "buffers");
    EXPECT_EQ(kvm_asi_flush_name(ASI_NR_FLUSHES), nullptr);
}

TEST_F(AccountTest, reason_zero_is_a_reason) {
    book(0, KVM_ASI_INSIDE);
    book(0, KVM_ASI_INSIDE);
    EXPECT_EQ(account_->reason[0].count[KVM_ASI_INSIDE], 2u);
    EXPECT_EQ(account_->reason[1].used, 0u);
}

TEST_F(AccountTest, reasons_without_room_are_counted_together) {
    for (asi_u32 code = 0; code < KVM_ASI_REASONS + 10; ++code) book(code, KVM_ASI_LEFT);
    EXPECT_EQ(account_->other.used, 1u);
    EXPECT_EQ(account_->other.count[KVM_ASI_LEFT], 10u);
    EXPECT_EQ(sum_of_reasons(*account_, KVM_ASI_LEFT), account_->total[KVM_ASI_LEFT]);
}

TEST_F(AccountTest, same_cause_is_counted_once_per_exit) {
    const asi_leave c = cause(0x1234);
    book(1, KVM_ASI_LEFT, &c);
    book(1, KVM_ASI_LEFT, &c);
    EXPECT_EQ(account_->cause[0].count, 2u);
    EXPECT_EQ(account_->cause[0].leave.fault.ip, 0x1234u);
    EXPECT_EQ(account_->cause[0].code, 1u);
    EXPECT_EQ(account_->cause[0].leave.fault.kind, ASI_KIND_SLAB);
    EXPECT_STREQ(account_->cause[0].leave.fault.cache, "files_cache");
    EXPECT_EQ(account_->cause[1].used, 0u);
}

TEST_F(AccountTest, causes_differ_by_place_exit_and_what_was_touched) {
    asi_leave c = cause(1);
    book(1, KVM_ASI_LEFT, &c);
    book(2, KVM_ASI_LEFT, &c);
    c.fault.ip = 2;
    book(2, KVM_ASI_LEFT, &c);
    c.fault.access = ASI_ACCESS_WRITE;
    book(2, KVM_ASI_LEFT, &c);
    c.fault.kind = ASI_KIND_VMALLOC;
    book(2, KVM_ASI_LEFT, &c);
    std::strcpy(c.fault.cache, "files_cachf");
    book(2, KVM_ASI_LEFT, &c);
    c.how = ASI_LEAVE_SCHED;
    book(2, KVM_ASI_LEFT, &c);
    EXPECT_EQ(account_->cause[6].used, 1u);
    EXPECT_EQ(account_->cause[7].used, 0u);
}

TEST_F(AccountTest, without_a_fault_kind_and_cache_say_nothing) {
    asi_leave c = cause(0, ASI_LEAVE_SCHED);
    book(1, KVM_ASI_LEFT, &c);
    c.fault.kind = ASI_KIND_DATA;
    c.fault.cache[0] = '\0';
    book(1, KVM_ASI_LEFT, &c);
    EXPECT_EQ(account_->cause[0].count, 2u);
    EXPECT_STREQ(account_->cause[0].leave.fault.cache, "");
}

TEST_F(AccountTest, unterminated_cache_name_is_cut) {
    asi_leave c = cause(1);
    std::memset(c.fault.cache, 'x', sizeof(c.fault.cache));
    book(1, KVM_ASI_LEFT, &c);
    EXPECT_EQ(std::strlen(account_->cause[0].leave.fault.cache), sizeof(c.fault.cache) - 1);
    book(1, KVM_ASI_LEFT, &c);
    EXPECT_EQ(account_->cause[0].count, 2u);
}

TEST_F(AccountTest, causes_without_room_are_counted) {
    for (asi_u64 ip = 1; ip <= KVM_ASI_CAUSES + 5; ++ip) {
        const asi_leave c = cause(ip);
        book(1, KVM_ASI_LEFT, &c);
    }
    EXPECT_EQ(account_->causes_dropped, 5u);
    EXPECT_EQ(sum_of_causes(*account_), account_->total[KVM_ASI_LEFT]);
}

TEST_F(AccountTest, first_touch_that_left_is_told_apart) {
    const asi_leave c = cause(1);
    book(0x400, KVM_ASI_FIRST_TOUCH);
    book(0x400, KVM_ASI_FIRST_TOUCH, &c);
    EXPECT_EQ(account_->total[KVM_ASI_FIRST_TOUCH], 2u);
    EXPECT_EQ(account_->left_first_touch, 1u);
}

TEST_F(AccountTest, unknown_outcome_is_reported_and_not_booked) {
    book(1, static_cast<kvm_asi_outcome>(KVM_ASI_NR_OUTCOMES));
    EXPECT_EQ(sim::take_bugs(), 1u);
    EXPECT_EQ(account_->reason[0].used, 0u);
}

TEST_F(AccountTest, sum_over_vcpus_adds_everything) {
    kvm_asi_account sum = {};
    asi_u64 left = 0;
    for (asi_u32 vcpu = 0; vcpu < 3; ++vcpu) {
        std::memset(account_.get(), 0, sizeof(*account_));
        for (asi_u32 i = 0; i < 60; ++i) {
            const asi_leave c = cause(i * (vcpu + 1));
            book(i * (vcpu + 1), KVM_ASI_LEFT, &c);
            book(i, KVM_ASI_FIRST_TOUCH, i % 2 ? &c : nullptr);
            ++left;
        }
        kvm_asi_account_add(&sum, account_.get());
    }
    EXPECT_EQ(sum.total[KVM_ASI_LEFT], left);
    EXPECT_EQ(sum.total[KVM_ASI_FIRST_TOUCH], left);
    EXPECT_EQ(sum.left_first_touch, left / 2);
    EXPECT_EQ(sum_of_reasons(sum, KVM_ASI_LEFT), left);
    EXPECT_EQ(sum_of_reasons(sum, KVM_ASI_FIRST_TOUCH), left);
    EXPECT_EQ(sum_of_causes(sum), left + left / 2);
    EXPECT_EQ(sum.other.used, 1u);
}

TEST_F(AccountTest, short_account_adds_up_too) {
    const asi_leave c = cause(5);
    book(9, KVM_ASI_LEFT, &c);
    kvm_asi_account sum = {};
    kvm_asi_account_add(&sum, account_.get());
    kvm_asi_account_add(&sum, account_.get());
    EXPECT_EQ(sum.reason[0].count[KVM_ASI_LEFT], 2u);
    EXPECT_EQ(sum.cause[0].count, 2u);
    EXPECT_EQ(sum.cause[1].used, 0u);
    EXPECT_EQ(sum.other.used, 0u);
}

TEST_F(AccountTest, reasons_have_the_names_of_their_vendor) {
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_SVM, 0x400), "npf");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_SVM, 0x72), "cpuid");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_SVM, 0x7c), "msr");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_SVM, 0), "read_cr0");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_SVM, 0xffffffff), "invalid_guest_state");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_VMX, 10), "cpuid");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_VMX, 48), "ept_violation");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_VMX, 0), "exception_nmi");
    EXPECT_STREQ(kvm_asi_reason_name(KVM_ASI_VMX, 75), "notify");
    EXPECT_EQ(kvm_asi_reason_name(KVM_ASI_VMX, 5), nullptr);
    EXPECT_EQ(kvm_asi_reason_name(KVM_ASI_VMX, 76), nullptr);
    EXPECT_EQ(kvm_asi_reason_name(KVM_ASI_SVM, 0x300), nullptr);
}

TEST_F(AccountTest, ways_of_leaving_have_names) {
    EXPECT_STREQ(kvm_asi_leave_name(ASI_LEAVE_FAULT), "fault");
    EXPECT_STREQ(kvm_asi_leave_name(ASI_LEAVE_SCHED), "sched");
    EXPECT_STREQ(kvm_asi_leave_name(ASI_LEAVE_FLUSH), "flush");
    EXPECT_STREQ(kvm_asi_leave_name(ASI_LEAVE_ASKED), "other");
    EXPECT_STREQ(kvm_asi_leave_name(ASI_LEAVE_NONE), "other");
}

}  // namespace
