// SPDX-License-Identifier: GPL-2.0-only
// asi/smt.h over a model of memory: include this instead of that header to have
// every access of it pass through the model.
#ifndef SELFTESTS_UNIT_SMT_MEMORY_H
#define SELFTESTS_UNIT_SMT_MEMORY_H

#include "store_buffer.h"

#ifdef ASI_SMT_H
#error "asi/smt.h was included without the model"
#endif

namespace sim {

/// What the accesses of the thread that runs now do.
class SmtMemory {
  public:
    virtual ~SmtMemory() = default;
    virtual asi_u64 load(const asi_u64* from) = 0;
    virtual void store(asi_u64* to, asi_u64 value) = 0;
    virtual void publish(asi_u64* to, asi_u64 value) = 0;
    virtual void count(asi_u64* what) = 0;

    static inline SmtMemory* current = nullptr;
};

}  // namespace sim

#define ASI_SMT_LOAD(from) sim::SmtMemory::current->load(from)
#define ASI_SMT_STORE(to, v) sim::SmtMemory::current->store(to, v)
#define ASI_SMT_PUBLISH(to, v) sim::SmtMemory::current->publish(to, v)
#define ASI_SMT_COUNT(what) sim::SmtMemory::current->count(what)
#include <asi/smt.h>

#endif  // SELFTESTS_UNIT_SMT_MEMORY_H
