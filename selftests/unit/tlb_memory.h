// SPDX-License-Identifier: GPL-2.0-only
// asi/tlb.h over a model of memory: include this instead of that header to have
// every access of it pass through the model.
#ifndef SELFTESTS_UNIT_TLB_MEMORY_H
#define SELFTESTS_UNIT_TLB_MEMORY_H

#include <asi/port.h>

#include <deque>

#ifdef ASI_TLB_H
#error "asi/tlb.h was included without the model"
#endif

namespace sim {

/// What the accesses of the CPU that runs now do.
class TlbMemory {
  public:
    virtual ~TlbMemory() = default;
    virtual asi_u64 load(const asi_u64* from) = 0;
    virtual void store(asi_u64* to, asi_u64 value) = 0;
    virtual void publish(asi_u64* to, asi_u64 value) = 0;
    virtual asi_u64 count(asi_u64* what) = 0;

    static inline TlbMemory* current = nullptr;
};

/// Stores on their way to memory, as x86 has them: the CPU itself sees them, the
/// others do not yet, and their order stays [SDM vol. 3, 9.2.2].
class StoreBuffer {
  public:
    [[nodiscard]] asi_u64 load(const asi_u64* from) const {
        for (auto store = stores_.rbegin(); store != stores_.rend(); ++store)
            if (store->to == from) return store->value;
        return *from;
    }
    void store(asi_u64* to, asi_u64 value) { stores_.push_back({to, value}); }
    void drain_one() {
        if (stores_.empty()) return;
        *stores_.front().to = stores_.front().value;
        stores_.pop_front();
    }
    void drain() {
        while (!stores_.empty()) drain_one();
    }
    [[nodiscard]] bool empty() const { return stores_.empty(); }

  private:
    struct Store {
        asi_u64* to;
        asi_u64 value;
    };
    std::deque<Store> stores_;
};

}  // namespace sim

#define ASI_TLB_LOAD(from) sim::TlbMemory::current->load(from)
#define ASI_TLB_STORE(to, v) sim::TlbMemory::current->store(to, v)
#define ASI_TLB_PUBLISH(to, v) sim::TlbMemory::current->publish(to, v)
#define ASI_TLB_COUNT(what) sim::TlbMemory::current->count(what)
#include <asi/tlb.h>

#endif  // SELFTESTS_UNIT_TLB_MEMORY_H
