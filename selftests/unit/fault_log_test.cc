// SPDX-License-Identifier: GPL-2.0-only
// The fault log: nothing lost that fits, nothing torn, nobody waits.
#include <asi/engine.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {

class FaultLogTest : public testing::Test {
  protected:
    FaultLogTest() : log_(std::make_unique<asi_fault_log>()) {}

    static asi_fault_record fault(asi_u64 ip, asi_u64 address = 0x1000,
                                  asi_kind kind = ASI_KIND_SLAB) {
        asi_fault_record r = {};
        r.info.ip = ip;
        r.info.address = address;
        r.count = 999;
        r.first_ns = 999;
        r.pid = 42;
        r.cpu = 3;
        r.info.kind = static_cast<unsigned char>(kind);
        r.info.access = ASI_ACCESS_WRITE;
        r.info.action = ASI_ACTION_EXIT;
        r.info.critical = 1;
        std::strcpy(r.info.cache, "files_cache");
        return r;
    }
    void record(const asi_fault_record& r, asi_u64 now = 1) { asi_log_fault(log_.get(), &r, now); }
    std::vector<asi_fault_record> records() const {
        std::vector<asi_fault_record> all;
        for (unsigned i = 0; i < ASI_LOG_RECORDS; ++i) {
            asi_fault_record r;
            if (asi_log_read(log_.get(), i, &r)) all.push_back(r);
        }
        return all;
    }

    std::unique_ptr<asi_fault_log> log_;
};

TEST_F(FaultLogTest, zeroed_storage_is_empty) {
    EXPECT_TRUE(records().empty());
    asi_fault_record r;
    EXPECT_EQ(asi_log_read(log_.get(), ASI_LOG_RECORDS, &r), 0);
    EXPECT_EQ(asi_log_read(log_.get(), ~0U, &r), 0);
}

TEST_F(FaultLogTest, fault_is_recorded_whole) {
    record(fault(0xffffffff81000123, 0xffff888012345678), 77);
    ASSERT_EQ(records().size(), 1u);
    const asi_fault_record r = records()[0];
    EXPECT_EQ(r.info.ip, 0xffffffff81000123u);
    EXPECT_EQ(r.info.address, 0xffff888012345678u);
    EXPECT_EQ(r.count, 1u);
    EXPECT_EQ(r.first_ns, 77u);
    EXPECT_EQ(r.last_ns, 77u);
    EXPECT_EQ(r.pid, 42u);
    EXPECT_EQ(r.cpu, 3u);
    EXPECT_EQ(r.info.kind, ASI_KIND_SLAB);
    EXPECT_EQ(r.info.access, ASI_ACCESS_WRITE);
    EXPECT_EQ(r.info.action, ASI_ACTION_EXIT);
    EXPECT_EQ(r.info.critical, 1);
    EXPECT_STREQ(r.info.cache, "files_cache");
}

TEST_F(FaultLogTest, same_fault_is_counted_not_repeated) {
    record(fault(1, 0x1000), 10);
    record(fault(1, 0x2000), 20);
    record(fault(1, 0x3000), 30);
    ASSERT_EQ(records().size(), 1u);
    const asi_fault_record r = records()[0];
    EXPECT_EQ(r.count, 3u);
    EXPECT_EQ(r.info.address, 0x3000u) << "the latest";
    EXPECT_EQ(r.first_ns, 10u);
    EXPECT_EQ(r.last_ns, 30u);
    EXPECT_EQ(log_->total, 3u);
    EXPECT_EQ(log_->dropped, 0u);
}

TEST_F(FaultLogTest, what_tells_faults_apart) {
    asi_fault_record r = fault(1);
    record(r);
    r.info.ip = 2;
    record(r);
    r.info.kind = ASI_KIND_USER_PAGE;
    record(r);
    r.info.access = ASI_ACCESS_READ;
    record(r);
    r.info.action = ASI_ACTION_DENY;
    record(r);
    EXPECT_EQ(records().size(), 5u);
    r.pid = 7;
    r.cpu = 7;
    r.info.critical = 0;
    record(r);
    EXPECT_EQ(records().size(), 5u);
    EXPECT_EQ(records().size() + 1, log_->total);
}

TEST_F(FaultLogTest, full_log_drops_new_faults_and_keeps_old_ones) {
    for (asi_u64 ip = 1; ip <= 1000; ++ip) record(fault(ip));
    const auto all = records();
    EXPECT_GT(all.size(), ASI_LOG_RECORDS * 9u / 10);
    EXPECT_EQ(log_->total, 1000u);
    EXPECT_EQ(log_->dropped + all.size(), 1000u);
    for (const auto& r : all) {
        record(fault(r.info.ip));
        EXPECT_EQ(r.count, 1u);
    }
    for (const auto& r : records()) EXPECT_EQ(r.count, 2u);
    EXPECT_EQ(log_->total, log_->dropped + 2 * all.size());
}

TEST_F(FaultLogTest, writer_that_was_interrupted_delays_nobody) {
    record(fault(1), 10);
    auto* slot = &log_->slot[0];
    while (slot->key == 0) ++slot;
    // As if an NMI came while the record was being written.
    slot->sequence += 1;
    record(fault(1, 0x9000), 20);
    asi_fault_record r;
    EXPECT_EQ(asi_log_read(log_.get(), static_cast<asi_u32>(slot - log_->slot), &r), 0);
    slot->sequence += 1;
    ASSERT_EQ(records().size(), 1u);
    EXPECT_EQ(records()[0].count, 2u) << "counted all the same";
    EXPECT_EQ(records()[0].info.address, 0x1000u);
}

TEST_F(FaultLogTest, claimed_but_unwritten_slot_reads_as_empty) {
    record(fault(1), 10);
    auto* slot = &log_->slot[0];
    while (slot->key == 0) ++slot;
    const asi_u64 key = slot->key;
    std::memset(slot, 0, sizeof(*slot));
    slot->key = key;
    EXPECT_TRUE(records().empty());
    record(fault(1, 0x4000), 30);
    ASSERT_EQ(records().size(), 1u) << "the next writer completes it";
    EXPECT_EQ(records()[0].first_ns, 30u);
}

TEST_F(FaultLogTest, sequence_never_returns_to_zero) {
    record(fault(1), 10);
    auto* slot = &log_->slot[0];
    while (slot->key == 0) ++slot;
    slot->sequence = ~0U - 1;
    record(fault(1), 20);
    ASSERT_EQ(records().size(), 1u);
    EXPECT_EQ(records()[0].first_ns, 10u);
    EXPECT_EQ(records()[0].count, 2u);
}

TEST_F(FaultLogTest, concurrent_writers_lose_nothing_and_tear_nothing) {
    constexpr unsigned kThreads = 4, kFaults = 50000, kIps = 24;
    std::atomic<bool> stop{false};
    std::atomic<unsigned> torn{0};
    std::thread reader([&] {
        while (!stop)
            for (const auto& r : records())
                // Every field of a record was made from the same two numbers.
                if (r.info.address != r.info.ip * 1000 + r.pid || r.cpu != r.pid ||
                    r.last_ns != r.info.address + 1 || r.count == 0)
                    ++torn;
    });
    std::vector<std::thread> writers;
    for (unsigned t = 0; t < kThreads; ++t)
        writers.emplace_back([&, t] {
            for (unsigned i = 0; i < kFaults; ++i) {
                asi_fault_record r = fault(1 + (i * 7 + t) % kIps);
                r.pid = r.cpu = t;
                r.info.address = r.info.ip * 1000 + t;
                record(r, r.info.address + 1);
            }
        });
    for (auto& w : writers) w.join();
    stop = true;
    reader.join();
    EXPECT_EQ(torn, 0u);
    EXPECT_EQ(records().size(), kIps);
    asi_u64 sum = 0;
    for (const auto& r : records()) sum += r.count;
    EXPECT_EQ(sum, asi_u64{kThreads} * kFaults);
    EXPECT_EQ(log_->total, sum);
}

}  // namespace
