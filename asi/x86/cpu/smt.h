/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this thread of a core has in reach, told to its siblings.  The logic is in
 * asi/smt.h.  All of it noinstr, with interrupts off.  After the kernel's own table was loaded,
 * before anything else is touched: asi_smt_reach() of asi/hooks.h.
 */
#ifndef ASI_X86_CPU_SMT_H
#define ASI_X86_CPU_SMT_H

#include "core/core.h"

/* The thunks, and what they call. */
void asi_smt_reach_thunk(void);
void asi_smt_rest_thunk(void);
void asi_smt_guest_thunk(void);
void __asi_smt_reach(void);
void __asi_smt_rest(void);
void __asi_smt_entered(void);
void __asi_smt_guest(void);

/* After a domain's root was loaded: everything else is out of reach. */
static __always_inline void asi_smt_entered(void)
{
	if (asi_smt_on())
		asi_call_thunk(asi_smt_entered_thunk);
}

/* A fault has left the critical section for good, so the guest will run unrestricted. */
void asi_smt_lost(void);

/* An interrupt begins here.  True: the thread was at rest; see asi_smt_return(). */
bool __asi_smt_interrupt(void);
static __always_inline bool asi_smt_interrupt(void)
{
	return asi_smt_on() && __asi_smt_interrupt();
}

/* The same of an NMI and its like, in place of asi_smt_reach(). */
bool __asi_smt_nmi(void);
static __always_inline bool asi_smt_nmi(void)
{
	return asi_smt_on() && __asi_smt_nmi();
}

/* It ends: back to rest. */
static __always_inline void asi_smt_return(bool rested)
{
	if (rested)
		__asi_smt_rest();
}

/* The scheduler is about to run @next here.  Instrumentable. */
void __asi_smt_sched(const struct task_struct *next);
static __always_inline void asi_smt_sched(const struct task_struct *next)
{
	if (asi_smt_on())
		__asi_smt_sched(next);
}

#endif /* ASI_X86_CPU_SMT_H */
