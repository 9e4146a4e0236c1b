// SPDX-License-Identifier: GPL-2.0-only
#include "interval.h"

#include <gtest/gtest.h>

#include <fstream>

#include "order.h"
#include "parse.h"

namespace asi::ctl {
namespace {

Sample sample_of(double seconds, const std::string& text) {
    return {seconds, parse_vms(text)};
}

Sample sample_from_file(double seconds, const std::string& name) {
    std::ifstream file(ASICTL_TESTDATA "/samples/" + name);
    return sample_of(seconds, {std::istreambuf_iterator<char>(file), {}});
}

Interval between(const std::string& before, const std::string& now) {
    return difference(sample_of(10, before), sample_of(12, now));
}

const VmChange& change_of_vm(const Interval& interval, std::uint64_t id) {
    for (const VmChange& change : interval.vms)
        if (change.vm.id == id) return change;
    throw std::runtime_error("no VM " + std::to_string(id));
}

std::vector<std::uint64_t> ids(const std::vector<VmChange>& vms) {
    std::vector<std::uint64_t> ids;
    for (const VmChange& change : vms) ids.push_back(change.vm.id.value_or(0));
    return ids;
}

TEST(Difference, is_that_of_every_count) {
    const Interval interval =
        difference(sample_from_file(100, "first"), sample_from_file(102, "second"));
    EXPECT_EQ(interval.seconds, 2);
    const auto& [vm, appeared] = change_of_vm(interval, 3);
    EXPECT_FALSE(appeared);
    EXPECT_EQ(vm.pid, 123u);
    EXPECT_EQ(vm.comm, "minivm");
    EXPECT_EQ(vm.vcpus, 2u);
    EXPECT_EQ(vm.exits.inside, 1900u);
    EXPECT_EQ(vm.exits.left, 100u);
    EXPECT_EQ(vm.exits.user, 10u);
    EXPECT_EQ(vm.exits.first_touch, 0u);
    EXPECT_EQ(vm.exits.first_touch_left, 0u);
    EXPECT_EQ(vm.causes_dropped, 0u);

    // Sorted by what happened in the interval, not by the counts.
    ASSERT_EQ(vm.reasons.size(), 3u);
    EXPECT_EQ(vm.reasons[0].reason, "npf");
    EXPECT_EQ(vm.reasons[0].inside, 1000u);
    EXPECT_EQ(vm.reasons[0].left, 0u);
    EXPECT_EQ(vm.reasons[0].user, 10u);
    EXPECT_EQ(vm.reasons[1].reason, "msr");
    EXPECT_EQ(vm.reasons[2].reason, "cpuid");
    EXPECT_EQ(vm.reasons[2].left, 100u);

    ASSERT_EQ(vm.causes.size(), 3u);
    EXPECT_EQ(vm.causes[0].reason, "cpuid");
    EXPECT_EQ(vm.causes[0].count, 60u);
    EXPECT_EQ(vm.causes[1].how, "fault");
    EXPECT_EQ(vm.causes[1].count, 40u);
    EXPECT_EQ(vm.causes[2].how, "sched");
    EXPECT_EQ(vm.causes[2].count, 0u);

    ASSERT_EQ(vm.flushes.size(), 3u);
    EXPECT_EQ(vm.flushes[1].name, "buffers");
    EXPECT_EQ(vm.flushes[1].done, 200u);
    EXPECT_EQ(vm.flushes[1].avoided, 1800u);
    EXPECT_EQ(vm.flushes[2].name, "ibpb");
    EXPECT_EQ(vm.flushes[2].done, 2u);
    EXPECT_EQ(flushes_done(vm), 212u);
    EXPECT_EQ(flushes_avoided(vm), 3790u);
}

TEST(Difference, a_vm_that_appeared_has_all_its_counts_in_the_interval) {
    const Interval interval =
        difference(sample_from_file(100, "first"), sample_from_file(102, "second"));
    const auto& [vm, appeared] = change_of_vm(interval, 6);
    EXPECT_TRUE(appeared);
    EXPECT_EQ(vm.exits.left, 30u);
    EXPECT_EQ(vm.reasons.at(0).first_touch, 6u);
    EXPECT_EQ(vm.causes.at(0).count, 30u);
    EXPECT_EQ(vm.flushes.at(0).done, 36u);
}

TEST(Difference, a_vm_that_vanished_is_named_and_has_no_rates) {
    const Interval interval =
        difference(sample_from_file(100, "first"), sample_from_file(102, "second"));
    EXPECT_EQ(interval.vms.size(), 3u);
    ASSERT_EQ(interval.ended.size(), 2u);
    EXPECT_EQ(interval.ended[0].id, 4u);
    EXPECT_EQ(interval.ended[0].pid, 124u);
}

TEST(Difference, an_id_with_another_pid_is_another_vm) {
    const Interval interval =
        difference(sample_from_file(100, "first"), sample_from_file(102, "second"));
    const auto& [vm, appeared] = change_of_vm(interval, 5);
    EXPECT_TRUE(appeared);
    EXPECT_EQ(vm.comm, "reused");
    EXPECT_EQ(vm.exits.inside, 80000u);
    EXPECT_EQ(interval.ended[1].id, 5u);
    EXPECT_EQ(interval.ended[1].pid, 125u);
}

TEST(Difference, counters_that_restart_are_another_vm_of_the_same_process) {
    const Interval interval = between(
        "vm 3 pid 1\nexits inside 500 left 40 user 3 first_touch 2 first_touch_left 1\n"
        "reason msr code 0x7c inside 500 left 40 user 3 first_touch 2\n",
        "vm 3 pid 1\nexits inside 20 left 50 user 4 first_touch 3 first_touch_left 1\n"
        "reason msr code 0x7c inside 20 left 50 user 4 first_touch 3\n");
    const auto& [vm, appeared] = change_of_vm(interval, 3);
    EXPECT_TRUE(appeared);
    EXPECT_EQ(vm.exits.inside, 20u);
    EXPECT_EQ(vm.exits.left, 50u);
    EXPECT_EQ(vm.reasons.at(0).left, 50u);
    ASSERT_EQ(interval.ended.size(), 1u);
    EXPECT_EQ(interval.ended[0].exits.inside, 500u);
}

TEST(Difference, a_reason_or_cause_that_lost_its_place_is_0_and_never_negative) {
    const Interval interval = between(
        "vm 3 pid 1\nexits inside 500 left 40\nflush l1d done 9 avoided 9\n"
        "reason msr code 0x7c inside 500 left 40\n"
        "cause reason msr code 0x7c how sched count 40\ncauses_dropped 5\n",
        "vm 3 pid 1\nexits inside 501 left 41\nflush l1d done 8 avoided 10\n"
        "reason msr code 0x7c inside 400 left 41\n"
        "cause reason msr code 0x7c how sched count 30\ncauses_dropped 4\n");
    const auto& [vm, appeared] = change_of_vm(interval, 3);
    EXPECT_FALSE(appeared);
    EXPECT_EQ(vm.exits.inside, 1u);
    EXPECT_EQ(vm.reasons.at(0).inside, 0u);
    EXPECT_EQ(vm.reasons.at(0).left, 1u);
    EXPECT_EQ(vm.causes.at(0).count, 0u);
    EXPECT_EQ(vm.flushes.at(0).done, 0u);
    EXPECT_EQ(vm.flushes.at(0).avoided, 1u);
    EXPECT_EQ(vm.causes_dropped, 0u);
}

TEST(Difference, reasons_are_told_apart_by_code_and_causes_by_place) {
    const std::string head = "vm 3 pid 1\nexits inside 1 left 1\n";
    const Interval interval = between(
        head +
            "reason unnamed code 0x1 inside 5\nreason unnamed code 0x2 inside 7\n"
            "cause reason a code 0x1 how fault kind slab cache x access r ip 0x10 count 5\n"
            "cause reason a code 0x1 how fault kind slab cache x access r ip 0x20 count 7\n",
        head +
            "reason unnamed code 0x2 inside 8\nreason unnamed code 0x1 inside 9\n"
            "cause reason a code 0x1 how fault kind slab cache x access r ip 0x20 count 8\n"
            "cause reason a code 0x1 how fault kind slab cache x access r ip 0x10 count 9\n");
    const Vm& vm = interval.vms.at(0).vm;
    EXPECT_EQ(vm.reasons.at(0).code, 1u);
    EXPECT_EQ(vm.reasons.at(0).inside, 4u);
    EXPECT_EQ(vm.reasons.at(1).inside, 1u);
    EXPECT_EQ(vm.causes.at(0).ip.value, 0x10u);
    EXPECT_EQ(vm.causes.at(0).count, 4u);
    EXPECT_EQ(vm.causes.at(1).count, 1u);
}

TEST(Difference, what_the_kernel_did_not_say_is_not_0) {
    const Interval interval = between("vm 3 pid 1\nexits inside 5\n",
                                      "vm 3 pid 1 colour 7\nexits inside 6 left 2 stolen 9\n");
    const Vm& vm = interval.vms.at(0).vm;
    EXPECT_EQ(vm.exits.inside, 1u);
    EXPECT_EQ(vm.exits.left, std::nullopt);
    EXPECT_EQ(vm.exits.user, std::nullopt);
    EXPECT_EQ(flushes_done(vm), std::nullopt);
    EXPECT_TRUE(vm.other.empty());
    EXPECT_TRUE(vm.exits.other.empty());
}

TEST(Difference, of_a_sample_and_itself_has_vms_without_rates) {
    const Sample sample = sample_from_file(100, "first");
    const Interval interval = difference(sample, sample);
    EXPECT_EQ(interval.vms.size(), 3u);
    EXPECT_TRUE(interval.ended.empty());
    EXPECT_EQ(per_second(interval.vms[0].vm.exits.inside, interval.seconds), std::nullopt);
}

TEST(Difference, of_nothing_is_nothing) {
    const Interval interval = difference({1, {}}, {2, {}});
    EXPECT_EQ(interval.seconds, 1);
    EXPECT_TRUE(interval.vms.empty());
    EXPECT_TRUE(interval.ended.empty());
}

TEST(PerSecond, divides_by_the_time_that_passed) {
    EXPECT_EQ(per_second(300, 2), 150.0);
    EXPECT_EQ(per_second(std::nullopt, 2), std::nullopt);
    EXPECT_EQ(per_second(300, 0), std::nullopt);
}

TEST(SortVms, by_each_order) {
    const Sample zero = {0, {}};
    const Sample sample = sample_of(1,
                                    "vm 1\nexits inside 50 left 50 user 1\nflush l1d done 5\n"
                                    "vm 3\nexits inside 0 left 0 user 9\n"
                                    "vm 2\nexits inside 90 left 60 user 1\nflush l1d done 9\n"
                                    "vm 4\nexits inside 50 left 50 user 1\nflush l1d done 5\n");
    std::vector<VmChange> vms = difference(zero, sample).vms;
    const std::pair<SortOrder, std::vector<std::uint64_t>> expected[] = {
        {SortOrder::kExits, {2, 1, 4, 3}},   {SortOrder::kLeft, {2, 1, 4, 3}},
        {SortOrder::kInside, {1, 4, 2, 3}},  {SortOrder::kUser, {3, 1, 2, 4}},
        {SortOrder::kFlushes, {2, 1, 4, 3}}, {SortOrder::kVm, {1, 2, 3, 4}},
    };
    SortOrder order = SortOrder::kExits;
    for (const auto& [sort_order, sorted] : expected) {
        EXPECT_EQ(order, sort_order);
        sort_vms(vms, order);
        EXPECT_EQ(ids(vms), sorted) << name_of(order);
        order = next(order);
    }
    EXPECT_EQ(order, SortOrder::kExits);
}

}  // namespace
}  // namespace asi::ctl
