// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaving, and why: the first reason since a CPU entered is kept for the consumer
 * that asks where its time goes.
 */
#include <linux/irqflags.h>
#include "core/trace.h"
#include "cpu/smt.h"
#include "cpu/switch.h"

static __always_inline void asi_leave_inline(enum asi_leave_how how, enum asi_event ev)
{
	struct asi_cpu *cpu;
	unsigned long flags;

	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	if (cpu->curr) {
		asi_switch_out_inline(cpu);
		asi_tlb_set_outside_inline(cpu);
		asi_smt_reach();
		if (cpu->leave.how == ASI_LEAVE_NONE)
			cpu->leave.how = how;
		asi_count(ev);
	}
	raw_local_irq_restore(flags);
}

noinstr void asi_leave(enum asi_leave_how how, enum asi_event ev)
{
	asi_leave_inline(how, ev);
}

/* At each exit to user space: inline. */
noinstr void asi_exit(void)
{
	if (asi_breaks(ASI_BREAK_LEAVE))
		return;
	asi_taint(ASI_TAINT_USER);
	asi_leave_inline(ASI_LEAVE_ASKED, ASI_EV_LEAVE_ASKED);
}
EXPORT_SYMBOL_GPL(asi_exit);

noinstr void asi_leave_for_sched(void)
{
	asi_taint(ASI_TAINT_USER);
	asi_leave(ASI_LEAVE_SCHED, ASI_EV_LEAVE_SCHED);
}

noinstr void __asi_leave_for_cr3(void)
{
	asi_leave(ASI_LEAVE_FLUSH, ASI_EV_LEAVE_FLUSH);
}
EXPORT_SYMBOL_GPL(__asi_leave_for_cr3);

noinstr void __asi_switch_mm(void)
{
	asi_taint(ASI_TAINT_USER | ASI_TAINT_MM);
	__asi_leave_for_cr3();
}

const struct asi_leave *asi_last_leave(const struct asi *asi)
{
	/* Another domain ran here since, or the task moved: it was switched out. */
	static const struct asi_leave elsewhere = { .how = ASI_LEAVE_SCHED };
	struct asi_cpu *cpu = this_cpu_ptr(&asi_cpu);

	if (cpu->last != asi || cpu->leave.how == ASI_LEAVE_NONE)
		return &elsewhere;
	return &cpu->leave;
}
EXPORT_SYMBOL_GPL(asi_last_leave);

/* For consumers, whose code may live in modules. */
void asi_trace_enter(const struct asi *asi)
{
	if (trace_asi_enter_enabled())
		trace_asi_enter(asi->space.id, asi->space.cls);
}
EXPORT_SYMBOL_GPL(asi_trace_enter);

void asi_trace_exit(const struct asi *asi)
{
	const struct asi_leave *leave = asi_last_leave(asi);
	bool fault = leave->how == ASI_LEAVE_FAULT;

	if (trace_asi_exit_enabled())
		trace_asi_exit(asi->space.id, leave->how,
			       fault ? leave->fault.kind : ASI_KIND_UNKNOWN,
			       fault ? leave->fault.ip : 0);
}
EXPORT_SYMBOL_GPL(asi_trace_exit);
