// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering and leaving a restricted address space.
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
#include "cpu/smt.h"
#include "cpu/switch.h"

DEFINE_PER_CPU_ALIGNED(struct asi_cpu, asi_cpu);
EXPORT_PER_CPU_SYMBOL_GPL(asi_cpu);
/*
 * Everything may have run before.  The last instructions before VM entry read it
 * once more: an NMI may taint anew after asi_enter().
 */
DEFINE_PER_CPU(u8, asi_taints) = ASI_TAINT_ALL;
EXPORT_PER_CPU_SYMBOL_GPL(asi_taints);
noinstr void asi_switch_out(struct asi_cpu *cpu)
{
	asi_switch_out_inline(cpu);
	asi_smt_reach();
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
	struct asi_tlb_load load ASI_TLB_UNINITIALIZED;
	struct asi_tlb_check check ASI_TLB_UNINITIALIZED;
	unsigned long cr3;

	cpu->last = asi;
	cpu->curr = asi;
	barrier();
	asi_tlb_check_begin(&check, &asi->space);
	load = asi_tlb_begin(&asi_tlb, &cpu->tlb, &asi->space.tlb);
	asi_tlb_check_load(&check, &asi->space, load.slot, load.flush);
	cr3 = asi->space.root | (cpu->tlb.slots ? ASI_PCID + load.slot : 0);
	cpu->restricted_cr3 = cr3;
	native_write_cr3(asi_cr3_to_load(cpu, cr3, load.flush));
	asi_tlb_loaded(&cpu->tlb, &load);
	asi_count(ASI_EV_CR3_WRITE);
	if (load.flush)
		asi_count(ASI_EV_CR3_FLUSH);
	asi_smt_entered();
}

/*
 * The usual case of asi_switch_in(): @asi was left last, and nothing changed in it.
 * False: call that.
 */
static __always_inline bool asi_switch_in_again(struct asi_cpu *cpu, struct asi *asi)
{
	struct asi_tlb_check check ASI_TLB_UNINITIALIZED;
	bool slots = cpu->tlb.slots;

	cpu->curr = asi;
	barrier();
	asi_tlb_check_begin(&check, &asi->space);
	if (unlikely(!asi_tlb_again(&asi_tlb, &cpu->tlb, &asi->space.tlb)))
		return false;
	asi_tlb_check_load(&check, &asi->space, cpu->tlb.current_slot, !slots);
	if (!slots)
		asi_count(ASI_EV_CR3_FLUSH);
	native_write_cr3(slots ? cpu->restricted_cr3 | X86_CR3_PCID_NOFLUSH :
				 cpu->restricted_cr3);
	asi_count(ASI_EV_CR3_WRITE);
	asi_smt_entered();
	return true;
}

static __always_inline void asi_begin_stay(struct asi_cpu *cpu)
{
	cpu->unrestricted_cr3 = __native_read_cr3();
	cpu->leave.how = ASI_LEAVE_NONE;
	asi_count(ASI_EV_ENTER);
}

static __always_inline void asi_switch_to(struct asi_cpu *cpu, struct asi *asi)
{
	if (cpu->curr) {
		asi_switch_out(cpu);
		asi_tlb_set_outside(cpu);
	}
	if (cpu->last != asi)
		asi_taint(ASI_TAINT_GUEST);
	asi_begin_stay(cpu);
	asi_switch_in(cpu, asi);
}

static noinstr unsigned long asi_enter_slowly(struct asi_cpu *cpu, struct asi *asi)
{
	if (cpu->curr != asi)
		asi_switch_to(cpu, asi);
	else if (!asi_tlb_is_current(&asi_tlb, &cpu->tlb, &asi->space.tlb))
		asi_switch_in(cpu, asi);
	return cpu->restricted_cr3;
}

noinstr unsigned long asi_enter(struct asi *asi)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	cpu->critical = true;
	if (cpu->curr || cpu->last != asi)
		return asi_enter_slowly(cpu, asi);
	/* Back from user mode, mostly. */
	asi_begin_stay(cpu);
	if (unlikely(!asi_switch_in_again(cpu, asi)))
		asi_switch_in(cpu, asi);
	return cpu->restricted_cr3;
}
EXPORT_SYMBOL_GPL(asi_enter);

noinstr void asi_go_inside(struct asi *asi)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);

	if (cpu->curr != asi)
		asi_switch_to(cpu, asi);
}

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
		/* asi_enter_again() goes by it, and a flush may have taken it. */
		asi_taint(ASI_TAINT_KERNEL);
		asi_count(ASI_EV_CRITICAL_LOST);
	}
	cpu->critical = false;
}
EXPORT_SYMBOL_GPL(asi_relax);

noinstr struct asi *asi_current(void)
{
	return raw_cpu_read(asi_cpu.curr);
}
EXPORT_SYMBOL_GPL(asi_current);

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
