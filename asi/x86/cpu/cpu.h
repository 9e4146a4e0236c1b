/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One CPU: which address space it runs in, how it enters and leaves, and how others
 * make it leave.  Nearly all of it is noinstr.
 */
#ifndef ASI_X86_CPU_CPU_H
#define ASI_X86_CPU_CPU_H

#include <linux/percpu.h>
#include "core/core.h"

#define ASI_PCID	0x20UL	/* and the following ASI_TLB_SLOTS - 1 */

/* Bits of the state that travels from entry to exit hooks. */
#define ASI_STATE_RESUME	BIT(0)	/* curr was set */
#define ASI_STATE_CR3		BIT(1)	/* and CR3 was restricted */
#define ASI_STATE_BACK		BIT(2)	/* the running task's domain, see task.c */
#define ASI_STATE_REST		BIT(3)	/* nothing: the CPU was idle, see smt.h */

/* Interrupts may be on: a bit more is no harm, and NMIs only add the same. */
static __always_inline void asi_taint(unsigned int what)
{
	raw_cpu_or(asi_taints, what);
}

/* switch.c; noinstr, interrupts off. */
void asi_switch_in(struct asi_cpu *cpu, struct asi *asi);
/* Load the kernel's own table.  asi_tlb_set_outside() follows, or asi_switch_in(). */
void asi_switch_out(struct asi_cpu *cpu);
/* No restricted root is about to be loaded: nobody need wait for this CPU. */
void asi_tlb_set_outside(struct asi_cpu *cpu);
/* True: CR3 was restricted without a record, and is not any more. */
bool asi_repair_root(struct asi_cpu *cpu);
/* Into @asi, from wherever, outside of a critical section. */
void asi_go_inside(struct asi *asi);

/* leave.c; noinstr, any context.  Leave, if inside, and say how. */
void asi_leave(enum asi_leave_how how, enum asi_event ev);
/* Another task is about to use the CPU, or may. */
void asi_leave_for_sched(void);

/* task.c; noinstr, interrupts off. */
void asi_enter_task_domain(struct asi_cpu *cpu, struct asi_task_domain *domain);
/* True: the process has a table there that the domain did not show. */
bool asi_populate_user_pgd(struct asi_task_domain *domain, unsigned long address);

/* evict.c */
int asi_tlb_init(void);
/*
 * May any CPU still use what was removed, from whatever table, until now?  "Yes" without
 * asking where there are many.
 */
bool asi_may_use_removed(void);
/* Make all CPUs that may leave, and wait for them.  Interrupts on. */
void asi_evict(struct asi_space *space);
void asi_evict_everywhere(void);
/* No CPU will enter @asi again, or take itself for inside.  Process context. */
void asi_forget(struct asi *asi);

/* smt.c */
int asi_smt_init(void);
/* The first domain was made.  Process context, may sleep. */
void asi_smt_start(void);
/* As in asi_smt=, and threads of a core: it has an effect if there are several. */
const char *asi_smt_mode_name(void);
unsigned int asi_smt_threads(void);

#endif /* ASI_X86_CPU_CPU_H */
