// SPDX-License-Identifier: GPL-2.0-only
// asi/tlb.h over a model of memory: include this instead of that header to have
// every access of it pass through the model.
#ifndef SELFTESTS_UNIT_TLB_MEMORY_H
#define SELFTESTS_UNIT_TLB_MEMORY_H

#include "store_buffer.h"

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

}  // namespace sim

#define ASI_TLB_LOAD(from) sim::TlbMemory::current->load(from)
#define ASI_TLB_STORE(to, v) sim::TlbMemory::current->store(to, v)
#define ASI_TLB_PUBLISH(to, v) sim::TlbMemory::current->publish(to, v)
#define ASI_TLB_COUNT(what) sim::TlbMemory::current->count(what)
#include <asi/tlb.h>

#endif  // SELFTESTS_UNIT_TLB_MEMORY_H
