// SPDX-License-Identifier: GPL-2.0-only
// asi/tlb.h over a model of memory: include this instead of that header to have
// every access of it pass through the model.
#ifndef SELFTESTS_UNIT_TLB_MEMORY_H
#define SELFTESTS_UNIT_TLB_MEMORY_H

#include "model_memory.h"

#ifdef ASI_TLB_H
#error "asi/tlb.h was included without the model"
#endif

#define ASI_TLB_LOAD(from) sim::ModelMemory::current->load(from)
#define ASI_TLB_STORE(to, v) sim::ModelMemory::current->store(to, v)
#define ASI_TLB_PUBLISH(to, v) sim::ModelMemory::current->publish(to, v)
#define ASI_TLB_COUNT(what) sim::ModelMemory::current->count(what)
#include <asi/tlb.h>

#endif  // SELFTESTS_UNIT_TLB_MEMORY_H
