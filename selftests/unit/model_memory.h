// SPDX-License-Identifier: GPL-2.0-only
// Memory that several CPUs share, in place of the accesses of headers that the kernel uses.
#ifndef SELFTESTS_UNIT_MODEL_MEMORY_H
#define SELFTESTS_UNIT_MODEL_MEMORY_H

#include <asi/port.h>

#include <deque>

namespace sim {

/// What the accesses of the CPU that runs now do.
class ModelMemory {
  public:
    virtual ~ModelMemory() = default;
    virtual asi_u64 load(const asi_u64* from) = 0;
    virtual void store(asi_u64* to, asi_u64 value) = 0;
    virtual void publish(asi_u64* to, asi_u64 value) = 0;
    virtual asi_u64 count(asi_u64* what) = 0;

    static inline ModelMemory* current = nullptr;
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

#endif  // SELFTESTS_UNIT_MODEL_MEMORY_H
