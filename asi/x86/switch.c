// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering and leaving a restricted address space, and carrying it across
 * interrupts, exceptions and the scheduler.
 *
 * The order inside a switch lets an NMI arrive anywhere: curr is set before
 * CR3 becomes restricted and cleared after CR3 became unrestricted, so
 * "curr is NULL" always implies that everything is mapped.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <asm/mmu_context.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include "break.h"
#include "internal.h"
#include "switch.h"
#include "trace.h"

DEFINE_STATIC_KEY_FALSE(asi_active_key);
EXPORT_SYMBOL_GPL(asi_active_key);

DEFINE_PER_CPU_ALIGNED(struct asi_cpu, asi_cpu);
EXPORT_PER_CPU_SYMBOL_GPL(asi_cpu);
/*
 * Everything may have run before.  The last instructions before VM entry read it
 * once more: an NMI may taint anew after asi_enter().
 */
DEFINE_PER_CPU(u8, asi_taints) = ASI_TAINT_ALL;
EXPORT_PER_CPU_SYMBOL_GPL(asi_taints);
DEFINE_PER_CPU(u64 [ASI_NR_EVENTS], asi_events);

u64 asi_event_sum(enum asi_event ev)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(asi_events[ev], cpu);
	return sum;
}

noinstr void asi_switch_out(struct asi_cpu *cpu)
{
	asi_switch_out_inline(cpu);
}

noinstr void asi_tlb_set_outside(struct asi_cpu *cpu)
{
	asi_tlb_set_outside_inline(cpu);
}

/*
 * VM exit on VMX loads the root that was current when HOST_CR3 was written, even
 * if a fault has left the critical section meanwhile.  Until asi_relax() CR3 is
 * restricted then, without a record.  True: it was, and is no more.
 */
noinstr bool asi_repair_root(struct asi_cpu *cpu)
{
	if (likely(cpu->curr || !cpu->critical || !cpu->tlb.inside) ||
	    __native_read_cr3() != cpu->restricted_cr3)
		return false;
	asi_load_unrestricted(cpu);
	asi_taint(ASI_TAINT_KERNEL);
	return true;
}

noinstr void asi_switch_in(struct asi_cpu *cpu, struct asi *asi)
{
	struct asi_tlb_load load;
	struct asi_tlb_check check ASI_TLB_UNINITIALIZED;
	unsigned long cr3;

	cpu->last = asi;
	cpu->curr = asi;
	barrier();
	asi_tlb_check_begin(&check, asi);
	load = asi_tlb_begin(&asi_tlb, &cpu->tlb, &asi->tlb);
	asi_tlb_check_load(&check, asi, load.slot, load.flush);
	cr3 = cpu->tlb.slots ? asi->root | (ASI_PCID + load.slot) : asi->root;
	cpu->restricted_cr3 = cr3;
	native_write_cr3(load.flush ? cr3 : cr3 | X86_CR3_PCID_NOFLUSH);
	asi_tlb_loaded(&cpu->tlb, &load);
	asi_count(ASI_EV_CR3_WRITE);
	if (load.flush)
		asi_count(ASI_EV_CR3_FLUSH);
}

noinstr unsigned long asi_enter(struct asi *asi)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	cpu->critical = true;
	if (likely(cpu->curr == asi)) {
		if (unlikely(!asi_tlb_is_current(&asi_tlb, &cpu->tlb, &asi->tlb)))
			asi_switch_in(cpu, asi);
		return cpu->restricted_cr3;
	}
	if (cpu->curr) {
		asi_switch_out(cpu);
		asi_tlb_set_outside(cpu);
	}
	if (cpu->last != asi)
		asi_taint(ASI_TAINT_GUEST);
	cpu->unrestricted_cr3 = __native_read_cr3();
	cpu->leave.how = ASI_LEAVE_NONE;
	asi_count(ASI_EV_ENTER);
	asi_switch_in(cpu, asi);
	return cpu->restricted_cr3;
}
EXPORT_SYMBOL_GPL(asi_enter);

noinstr void asi_relax(void)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	/*
	 * A fault left the critical section; what HOST_CR3 says may have been
	 * loaded since, so this CPU counts as inside until here.
	 */
	if (unlikely(!cpu->curr)) {
		asi_repair_root(cpu);
		asi_tlb_set_outside(cpu);
		asi_count(ASI_EV_CRITICAL_LOST);
	}
	cpu->critical = false;
}
EXPORT_SYMBOL_GPL(asi_relax);

/* Remember the first reason since asi_enter(). */
noinstr void asi_note_leave(struct asi_cpu *cpu, enum asi_leave_how how)
{
	if (cpu->leave.how == ASI_LEAVE_NONE) {
		cpu->leave.how = how;
		cpu->leave.ip = 0;
		cpu->leave.kind = ASI_KIND_UNKNOWN;
		cpu->leave.access = ASI_ACCESS_READ;
		cpu->leave.cache[0] = '\0';
	}
}

static noinstr void asi_leave(enum asi_leave_how how, enum asi_event ev)
{
	struct asi_cpu *cpu;
	unsigned long flags;

	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	if (cpu->curr) {
		asi_switch_out(cpu);
		asi_tlb_set_outside(cpu);
		asi_note_leave(cpu, how);
		asi_count(ev);
	}
	raw_local_irq_restore(flags);
}

noinstr void asi_exit(void)
{
	if (asi_breaks(ASI_BREAK_LEAVE))
		return;
	asi_taint(ASI_TAINT_USER);
	asi_leave(ASI_LEAVE_ASKED, ASI_EV_LEAVE_ASKED);
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

noinstr void __asi_switch_mm(void)
{
	asi_taint(ASI_TAINT_USER | ASI_TAINT_MM);
	__asi_leave_for_cr3();
}

noinstr struct asi *asi_current(void)
{
	return raw_cpu_read(asi_cpu.curr);
}
EXPORT_SYMBOL_GPL(asi_current);

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

noinstr unsigned long __asi_current_cr3(void)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	return cpu->curr ? cpu->restricted_cr3 : 0;
}

noinstr unsigned long __asi_unrestricted_cr3(void)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	return cpu->curr ? cpu->unrestricted_cr3 & ~X86_CR3_PCID_NOFLUSH : 0;
}

/*
 * Interrupts.  A strict domain steps out and comes back.  A transparent one
 * keeps running; should a fault leave inside a critical section, the return
 * to that section goes back in.
 *
 * The way back may lead through the scheduler: other tasks use the CPU, with
 * domains of their own, and the interrupt returns later and perhaps elsewhere.
 * The CPU has forgotten by then what to resume, and the task stays out.
 */
noinstr u8 __asi_irq_enter(void)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);
	struct asi *asi = cpu->curr;

	if (!asi) {
		/* A fault in the handler of an NMI that came before the entry it is for. */
		if (likely(!cpu->back) || in_nmi())
			return 0;
		cpu->back = false;
		return ASI_STATE_BACK;
	}
	if (asi->strict) {
		asi_switch_out(cpu);
		asi_tlb_set_outside(cpu);
		if (asi->user.task)
			return ASI_STATE_BACK;
	} else if (!cpu->critical) {
		return 0;
	}
	cpu->resume = asi;
	return ASI_STATE_RESUME;
}

noinstr void __asi_irq_exit(u8 state)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	if (state & ASI_STATE_BACK) {
		if (current->asi.inside && !cpu->curr)
			asi_strict_in(cpu, current->asi.inside);
		return;
	}
	if (!(state & ASI_STATE_RESUME) || cpu->curr || !cpu->resume)
		return;
	/* A flush may have taken a borrowed mm away from a kernel thread. */
	cpu->unrestricted_cr3 = __native_read_cr3();
	asi_switch_in(cpu, cpu->resume);
}

/*
 * NMI and friends run unrestricted and restore exactly what they found: they
 * may arrive between the two halves of a switch.  The CPU keeps counting as
 * inside: it may be about to load a root on the strength of what it knew.
 */
noinstr u8 __asi_nmi_enter(void)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);
	u8 state = ASI_STATE_RESUME;

	asi_repair_root(cpu);
	if (!cpu->curr)
		return 0;
	if (__native_read_cr3() != cpu->unrestricted_cr3)
		state |= ASI_STATE_CR3;
	asi_switch_out(cpu);
	asi_count(ASI_EV_NMI_STEP);
	return state;
}

noinstr void __asi_nmi_exit(u8 state)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	if (!(state & ASI_STATE_RESUME))
		return;
	if (state & ASI_STATE_CR3)
		asi_switch_in(cpu, cpu->last);
	else
		cpu->curr = cpu->last;
}

void __asi_assert_unrestricted(void)
{
	unsigned long cr3 = __native_read_cr3();
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	if (WARN_ONCE(cpu->curr, "restricted on return to user mode\n"))
		asi_leave(ASI_LEAVE_ASKED, ASI_EV_LEAVE_ASKED);
	WARN_ONCE(cpu->last && (cr3 & CR3_ADDR_MASK) == cpu->last->root,
		  "restricted root on return to user mode\n");
}
