// SPDX-License-Identifier: GPL-2.0-only
// asi/smt.h over a model of memory: include this instead of that header to have
// every access of it pass through the model.
#ifndef SELFTESTS_UNIT_SMT_MEMORY_H
#define SELFTESTS_UNIT_SMT_MEMORY_H

#include "model_memory.h"

#ifdef ASI_SMT_H
#error "asi/smt.h was included without the model"
#endif

#define ASI_SMT_LOAD(from) sim::ModelMemory::current->load(from)
#define ASI_SMT_STORE(to, v) sim::ModelMemory::current->store(to, v)
#define ASI_SMT_PUBLISH(to, v) sim::ModelMemory::current->publish(to, v)
#define ASI_SMT_COUNT(what) sim::ModelMemory::current->count(what)
#include <asi/smt.h>

#endif  // SELFTESTS_UNIT_SMT_MEMORY_H
