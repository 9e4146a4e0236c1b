/* SPDX-License-Identifier: GPL-2.0-only */
/* What every level stands on: whether isolation is on, counters, generations. */
#ifndef ASI_X86_CORE_CORE_H
#define ASI_X86_CORE_CORE_H

#include <linux/mm.h>
#include <linux/percpu.h>
#include <asm/sections.h>
#include <asi/asi.h>
#include <asi/cpu.h>
#include <asi/flush.h>
#include <asi/hooks.h>
#include <asi/break.h>
#include "core/types.h"

/* ---- state.c ---------------------------------------------------------- */

/* boot.c decides, once. */
extern bool asi_ready;
extern const char *asi_off;

/* "-" while isolation is on. */
const char *asi_off_reason(void);
/* How often asi_refused() was called, and what it was told last, or "-". */
unsigned int asi_refused_count(void);
const char *asi_refused_reason(void);
/* Of page tables. */
unsigned int asi_levels(void);
void *asi_kernel_root(void);

/*
 * Bytes of one CPU's unit in the first per-CPU chunk; the rule of
 * pcpu_build_alloc_info() in mm/percpu.c.
 */
static inline size_t asi_percpu_size(void)
{
	return PAGE_ALIGN(__per_cpu_end - __per_cpu_start +
			  PERCPU_MODULE_RESERVE + PERCPU_DYNAMIC_RESERVE);
}

/* ---- stats.c ---------------------------------------------------------- */

/* Event counters, per CPU; plain adds, read as sums. */
enum asi_event {
	ASI_EV_ENTER,
	ASI_EV_LEAVE_FAULT,
	ASI_EV_LEAVE_SCHED,
	ASI_EV_LEAVE_FLUSH,
	ASI_EV_LEAVE_ASKED,
	ASI_EV_FAULT,
	ASI_EV_GROW,
	ASI_EV_DENY,
	ASI_EV_CR3_WRITE,
	ASI_EV_CR3_FLUSH,
	ASI_EV_FLUSH_LATER,
	ASI_EV_NMI_STEP,
	ASI_EV_GATE,
	ASI_EV_CRITICAL_LOST,
	ASI_EV_RESERVE_EMPTY,
	ASI_EV_NOT_SHARED,
	ASI_EV_PRUNED,
	ASI_EV_FREED_UNMAPPED,
	ASI_EV_REVOKE_FRAMES,
	ASI_EV_REVOKE_VISITS,
	ASI_EV_EVICT_IPIS,
	ASI_EV_EVICT_NEEDLESS,
	ASI_EV_QUARANTINED,
	ASI_EV_QUARANTINE_DRAIN,
	ASI_EV_SMT_OVERLAPS,
	ASI_EV_SMT_STUNS,
	ASI_EV_SMT_HELD,
	ASI_EV_SMT_LATE,
	ASI_NR_EVENTS
};
DECLARE_PER_CPU(u64 [ASI_NR_EVENTS], asi_events);
#define asi_count(ev)	raw_cpu_inc(asi_events[ev])
#define asi_count_many(ev, n)	raw_cpu_add(asi_events[ev], n)
u64 asi_event_sum(enum asi_event ev);
/* As in debugfs asi/stats. */
const char *asi_event_name(enum asi_event ev);

/* ---- tlb_gen.c -------------------------------------------------------- */

/*
 * After an entry of @space was cleared, lost rights, or led to another table; under
 * its lock.  What is lent counts for all who borrow from it.  noinstr.
 */
void asi_inc_tlb_gen(struct asi_space *space);
/* The same for the kernel's own table, parts of which domains borrow. */
void asi_inc_kernel_tlb_gen(void);
/*
 * After a change, under the lock of @space: counts a removal if a borrowed table was
 * replaced since asi_pt_replaced() said @before.
 */
void asi_inc_tlb_gen_if_replaced(struct asi_space *space, u32 before);

/* ---- tlb_check.c: a second record of what each PCID may hold ------------ */

struct asi_tlb_check {
	u64 removed;
	u64 kernel_removed;
};

#ifdef CONFIG_ASI_DEBUG
/* Around the counting of a removal; @space is NULL for the kernel's own table. */
u64 asi_tlb_check_draw(void);
void asi_tlb_check_removed(struct asi_space *space, u64 drawn);
/* Before the decision how to load a root, and between it and the load. */
void asi_tlb_check_begin(struct asi_tlb_check *check, const struct asi_space *space);
void asi_tlb_check_load(struct asi_tlb_check *check, const struct asi_space *space,
			u64 slot, bool flush);
#else
static __always_inline u64 asi_tlb_check_draw(void) { return 0; }
static __always_inline void asi_tlb_check_removed(struct asi_space *space, u64 drawn) { }
static __always_inline void asi_tlb_check_begin(struct asi_tlb_check *check,
						const struct asi_space *space) { }
static __always_inline void asi_tlb_check_load(struct asi_tlb_check *check,
					       const struct asi_space *space, u64 slot,
					       bool flush) { }
#endif

#endif /* ASI_X86_CORE_CORE_H */
