// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries into the kernel: an address space is carried across interrupts, exceptions
 * and NMIs, and is none of user mode's.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/preempt.h>
#include <linux/sched.h>
#include <asm/mmu_context.h>
#include "cpu/smt.h"
#include "cpu/switch.h"

/*
 * Interrupts.  A strict domain steps out and comes back.  A transparent one
 * keeps running; should a fault leave inside a critical section, the return
 * to that section goes back in.
 *
 * The way back may lead through the scheduler: other tasks use the CPU, with
 * domains of their own, and the interrupt returns later and perhaps elsewhere.
 * The CPU has forgotten by then what to resume, and the task stays out.
 */
static __always_inline u8 asi_step_out(struct asi_cpu *cpu)
{
	struct asi *asi = cpu->curr;

	if (!asi) {
		/* A fault in the handler of an NMI that came before the entry it is for. */
		if (likely(!cpu->back) || in_nmi())
			return 0;
		cpu->back = false;
		return ASI_STATE_BACK;
	}
	if (asi_is_strict(asi)) {
		asi_switch_out_inline(cpu);
		asi_tlb_set_outside_inline(cpu);
		asi_smt_reach();
		if (asi->space.type == ASI_SPACE_TASK)
			return ASI_STATE_BACK;
		if (asi->space.type == ASI_SPACE_REFUGE)
			return 0;
	} else if (!cpu->critical) {
		return 0;
	}
	cpu->resume = asi;
	return ASI_STATE_RESUME;
}

noinstr u8 __asi_irq_enter(void)
{
	u8 state = asi_step_out(raw_cpu_ptr(&asi_cpu));

	return asi_smt_interrupt() ? state | ASI_STATE_REST : state;
}

/* A handler's refuge ends with it. */
static __always_inline void asi_end_refuge(struct asi_cpu *cpu)
{
	if (cpu->curr && cpu->curr->space.type == ASI_SPACE_REFUGE)
		asi_leave(ASI_LEAVE_ASKED, ASI_EV_LEAVE_ASKED);
}

static __always_inline void asi_step_in(struct asi_cpu *cpu, u8 state)
{
	asi_end_refuge(cpu);
	if (state & ASI_STATE_BACK) {
		if (current->asi.inside && !cpu->curr)
			asi_enter_task_domain(cpu, container_of(current->asi.inside,
								struct asi_task_domain, asi));
		return;
	}
	if (!(state & ASI_STATE_RESUME) || cpu->curr || !cpu->resume)
		return;
	/* A flush may have taken a borrowed mm away from a kernel thread. */
	cpu->unrestricted_cr3 = __native_read_cr3();
	asi_switch_in(cpu, cpu->resume);
}

noinstr void __asi_irq_exit(u8 state)
{
	asi_step_in(raw_cpu_ptr(&asi_cpu), state);
	asi_smt_return(state & ASI_STATE_REST);
}

/*
 * NMI and friends run unrestricted and restore exactly what they found: they
 * may arrive between the two halves of a switch.  The CPU keeps counting as
 * inside: it may be about to load a root on the strength of what it knew.
 */
noinstr u8 __asi_nmi_enter(void)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);
	u8 state = 0;

	asi_repair_root(cpu);
	if (cpu->curr) {
		state = ASI_STATE_RESUME;
		if (__native_read_cr3() != cpu->unrestricted_cr3)
			state |= ASI_STATE_CR3;
		asi_switch_out_inline(cpu);
		asi_count(ASI_EV_NMI_STEP);
	}
	return asi_smt_nmi() ? state | ASI_STATE_REST : state;
}

noinstr void __asi_nmi_exit(u8 state)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	if (state & ASI_STATE_CR3)
		asi_switch_in(cpu, cpu->last);
	else if (state & ASI_STATE_RESUME)
		cpu->curr = cpu->last;
	asi_smt_return(state & ASI_STATE_REST);
}

noinstr void __asi_leave_for_user(void)
{
	asi_end_refuge(raw_cpu_ptr(&asi_cpu));
}

void __asi_assert_unrestricted(void)
{
	unsigned long cr3 = __native_read_cr3();
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	if (WARN_ONCE(cpu->curr, "restricted on return to user mode\n"))
		asi_leave(ASI_LEAVE_ASKED, ASI_EV_LEAVE_ASKED);
	WARN_ONCE(cpu->last && (cr3 & CR3_ADDR_MASK) == cpu->last->space.root,
		  "restricted root on return to user mode\n");
}
