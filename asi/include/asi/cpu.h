/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one CPU knows, and the two steps that every run of a guest takes, inline.
 * For consumers whose every instruction counts; all others use asi/asi.h.
 */
#ifndef ASI_CPU_H
#define ASI_CPU_H

#include <linux/percpu-defs.h>
#include <linux/sched.h>
#include <linux/tracepoint-defs.h>
#include <asi/asi.h>
#include <asi/hooks.h>
#include <asi/smt.h>
#include <asi/tlb.h>

/*
 * Written by that CPU only, with interrupts off.
 *
 * @curr is the domain that CR3 points to, except inside asi_enter() and
 * asi_exit(), where it is set while CR3 may still or already be the
 * unrestricted one.  NMI entry compares with CR3 itself for that reason.
 */
struct asi_cpu {
	struct asi *curr;
	struct asi *last;		/* latest domain entered */
	struct asi *resume;		/* what an interrupt returns to, see switch.c */
	unsigned long unrestricted_cr3;	/* valid while curr is set */
	unsigned long restricted_cr3;	/* the same */
	bool critical;
	bool stale;			/* loading unrestricted_cr3 has to flush */
	bool back;			/* a fault stepped out; its handler comes next */
	struct asi_leave leave;
	struct asi_tlb_cpu tlb;
};
DECLARE_PER_CPU_ALIGNED(struct asi_cpu, asi_cpu);

extern struct asi_tlb asi_tlb;

/* What is counted of a domain is what it begins with. */
static __always_inline const struct asi_tlb_domain *asi_record(const struct asi *asi)
{
	return (const struct asi_tlb_domain *)asi;
}

/* The age of a domain of a virtual machine.  Any context. */
static __always_inline u64 asi_age(const struct asi *asi)
{
	return asi_tlb_age_alone(&asi_tlb, asi_record(asi));
}

/*
 * Is this CPU inside @asi, a domain of a virtual machine, and does that have @age still?
 * The caller had @age from asi_age() and then entered by asi_enter(), here or on another
 * CPU; between CPUs it was carried by the scheduler, which asks the same when it lets a
 * task find the CPU inside.  So what this CPU holds is as fresh.  Interrupts off.
 */
static __always_inline bool asi_is_unchanged(const struct asi *asi, u64 age)
{
	return likely(raw_cpu_read(asi_cpu.curr) == asi) &&
	       likely(asi_tlb_is_unchanged(&asi_tlb, age, asi_record(asi)));
}

/*
 * asi_enter() after asi_is_unchanged(), or after the like with ASI_TAINT_CHECK set instead;
 * or again after a guest that ran since: what was removed meanwhile interrupts this CPU.
 * Whatever leaves taints, so what is not tainted never left.  False: nothing was done but
 * to begin the critical section; call asi_enter().  Interrupts are off since.
 */
static __always_inline bool asi_enter_again(void)
{
	raw_cpu_write(asi_cpu.critical, true);
	return likely(!raw_cpu_read(asi_taints));
}

/* asi_relax() for a CPU that no fault took out of the critical section. */
static __always_inline void asi_relax_inline(void)
{
	if (likely(raw_cpu_read(asi_cpu.curr)))
		raw_cpu_write(asi_cpu.critical, false);
	else
		asi_relax();
	asi_smt_reach();
}

/*
 * asi_trace_enter(), unless the CPU is inside already, and asi_trace_exit(): a NOP each
 * while nobody traces.  Preemption off.
 */
DECLARE_TRACEPOINT(asi_enter);
DECLARE_TRACEPOINT(asi_exit);
static __always_inline void asi_trace_enter_inline(const struct asi *asi)
{
	if (tracepoint_enabled(asi_enter) && raw_cpu_read(asi_cpu.curr) != asi)
		asi_trace_enter(asi);
}

static __always_inline void asi_trace_exit_inline(const struct asi *asi)
{
	if (tracepoint_enabled(asi_exit))
		asi_trace_exit(asi);
}

bool __asi_smt_hold(struct asi *asi);

/* After asi_enter(): nothing but VM entry follows.  noinstr, interrupts off. */
static __always_inline void asi_smt_guest(void)
{
	if (asi_smt_on())
		asi_call_thunk(asi_smt_guest_thunk);
}

/*
 * The gate, before a guest of @asi runs: enters @asi and waits a moment for siblings whose
 * kernel code may not run beside it.  True: they still do; the guest must not be run, and
 * the caller lets others use the CPU before it asks again.  Interrupts off.
 */
static __always_inline bool asi_smt_hold(struct asi *asi)
{
	return asi_smt_on() && __asi_smt_hold(asi);
}

#endif /* ASI_CPU_H */
