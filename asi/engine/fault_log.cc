// SPDX-License-Identifier: GPL-2.0-only
// The fault log: an open-addressed table of distinct faults.
//
// Writers run in any context, NMI included, so none of them ever waits:
//   - a slot belongs to the first writer that puts its key there;
//   - the sequence is odd while somebody writes the record, and whoever finds it
//     odd adds to the count and leaves the rest alone;
//   - the writer that takes the sequence from zero fills in a whole record. That
//     need not be the one that put the key there: it may be an NMI in between.
// Readers retry while the sequence is odd or moved.
#include <asi/engine.h>

#include "entry.h"

namespace asi {

namespace {

/// How far from its place a record may be. Bounds the time of a fault whose
/// neighbourhood is full.
constexpr u32 kMaxProbes = 16;
/// A reader gives up after this many tries; the record is there next time.
constexpr u32 kMaxReadTries = 1000;

static_assert((ASI_LOG_RECORDS & (ASI_LOG_RECORDS - 1)) == 0);

using SlotRef = decltype(asi_fault_log::slot[0]);

/// Records move in and out of slots by words, each atomically: a reader may run
/// while a writer does, and only learns afterwards that what it read is no good.
using Word [[gnu::may_alias]] = u64;
constexpr unsigned kWords = sizeof(asi_fault_record) / sizeof(Word);
constexpr unsigned kCountWord = offsetof(asi_fault_record, count) / sizeof(Word);
static_assert(sizeof(asi_fault_record) % sizeof(Word) == 0);

/// Finalizer of MurmurHash3: every input bit reaches every output bit.
constexpr u64 mix(u64 h) {
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccd;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53;
    return h ^ (h >> 33);
}

/// Identity of a fault; never zero, which marks an empty slot.
u64 key_of(const asi_fault_record& r) {
    const asi_fault_info& f = r.info;
    const u64 key = mix(mix(f.ip) + ((u64{f.kind} << 16) | (u64{f.access} << 8) | f.action) + 1);
    return key != 0 ? key : 1;
}

template <typename T>
void add_one(T& counter) {
    __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
}

/// Writes @r unless somebody else is at it.
void update(SlotRef slot, const asi_fault_record& r, u64 now_ns) {
    u32 sequence = __atomic_load_n(&slot.sequence, __ATOMIC_RELAXED);
    add_one(slot.record.count);
    if (sequence % 2 != 0 ||
        !__atomic_compare_exchange_n(&slot.sequence, &sequence, sequence + 1, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    const bool is_first = sequence == 0;
    asi_fault_record record = r;
    record.first_ns = is_first ? now_ns : slot.record.first_ns;
    record.last_ns = now_ns;
    const auto* from = reinterpret_cast<const Word*>(&record);
    auto* to = reinterpret_cast<Word*>(&slot.record);
    for (unsigned i = 0; i < kWords; ++i)
        if (i != kCountWord) __atomic_store_n(&to[i], from[i], __ATOMIC_RELEASE);
    // Never back to zero, which would say that nothing was written yet.
    const u32 next = sequence + 2;
    __atomic_store_n(&slot.sequence, next != 0 ? next : 2, __ATOMIC_RELEASE);
}

}  // namespace

}  // namespace asi

using asi::u32;
using asi::u64;

void asi_log_fault(asi_fault_log* log, const asi_fault_record* r, asi_u64 now_ns) {
    asi::add_one(log->total);
    const u64 key = asi::key_of(*r);
    for (u32 probe = 0; probe < asi::kMaxProbes; ++probe) {
        auto& slot = log->slot[(key + probe) % ASI_LOG_RECORDS];
        u64 owner = __atomic_load_n(&slot.key, __ATOMIC_RELAXED);
        // A failed exchange leaves the winner's key in @owner: perhaps this one.
        if (owner == 0 && __atomic_compare_exchange_n(&slot.key, &owner, key, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            owner = key;
        if (owner == key) {
            asi::update(slot, *r, now_ns);
            return;
        }
    }
    asi::add_one(log->dropped);
}

int asi_log_read(const asi_fault_log* log, asi_u32 index, asi_fault_record* out) {
    if (index >= ASI_LOG_RECORDS) return 0;
    const auto& slot = log->slot[index];
    const auto* from = reinterpret_cast<const asi::Word*>(&slot.record);
    auto* to = reinterpret_cast<asi::Word*>(out);
    for (u32 tries = 0; tries < asi::kMaxReadTries; ++tries) {
        const u32 before = __atomic_load_n(&slot.sequence, __ATOMIC_ACQUIRE);
        if (before == 0) return 0;
        if (before % 2 != 0) continue;
        for (unsigned i = 0; i < asi::kWords; ++i)
            to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&slot.sequence, __ATOMIC_RELAXED) == before) return 1;
    }
    return 0;
}
