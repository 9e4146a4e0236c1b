/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading CR3, inline, for the files of this folder. */
#ifndef ASI_X86_CPU_SWITCH_H
#define ASI_X86_CPU_SWITCH_H

#include <asm/special_insns.h>
#include "cpu/cpu.h"

/* @cr3 as it is loaded.  Without PCIDs every load flushes, and the bit must be clear. */
static __always_inline unsigned long asi_cr3_to_load(const struct asi_cpu *cpu,
						     unsigned long cr3, bool flush)
{
	return cpu->tlb.slots && !flush ? cr3 | X86_CR3_PCID_NOFLUSH : cr3;
}

/*
 * What the kernel's own PCID holds stays valid meanwhile, unless a flush was put
 * off; all others leave first.  Until the load an NMI has to flush as well, so the flush
 * is due until then.
 */
static __always_inline void asi_load_unrestricted(struct asi_cpu *cpu)
{
	native_write_cr3(asi_cr3_to_load(cpu, cpu->unrestricted_cr3, cpu->stale));
	barrier();
	cpu->stale = false;
	asi_count(ASI_EV_CR3_WRITE);
}

/* asi_switch_out(), inline; the counterpart of asi_switch_in(). */
static __always_inline void asi_switch_out_inline(struct asi_cpu *cpu)
{
	asi_load_unrestricted(cpu);
	barrier();
	cpu->curr = NULL;
	asi_taint(ASI_TAINT_KERNEL);
}

static __always_inline void asi_tlb_set_outside_inline(struct asi_cpu *cpu)
{
	if (!asi_breaks(ASI_BREAK_RECORD))
		asi_tlb_left(&cpu->tlb);
}

/* The CPU is inside of something, and is not any more. */
static __always_inline void asi_step_outside(struct asi_cpu *cpu)
{
	asi_switch_out_inline(cpu);
	asi_tlb_set_outside_inline(cpu);
	asi_smt_reach();
}

static __always_inline void asi_step_outside_if_inside(struct asi_cpu *cpu)
{
	if (cpu->curr)
		asi_step_outside(cpu);
}

#endif /* ASI_X86_CPU_SWITCH_H */
