/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading the kernel's own table, inline, for the files of asi/x86 that switch. */
#ifndef ASI_X86_SWITCH_H
#define ASI_X86_SWITCH_H

#include <asm/special_insns.h>
#include "break.h"
#include "internal.h"

/*
 * What the kernel's own PCID holds stays valid meanwhile, unless a flush was put
 * off; all others leave first.  An NMI in between flushes for itself at worst.
 */
static __always_inline void asi_load_unrestricted(struct asi_cpu *cpu)
{
	unsigned long cr3 = cpu->unrestricted_cr3;

	if (cpu->tlb.slots && !cpu->stale)
		cr3 |= X86_CR3_PCID_NOFLUSH;
	cpu->stale = false;
	barrier();
	native_write_cr3(cr3);
	asi_count(ASI_EV_CR3_WRITE);
}

/*
 * Load CR3 with the kernel's own table; the counterpart of asi_switch_in().
 * asi_tlb_set_outside() has to follow, unless the CPU is going back in by itself.
 */
static __always_inline void asi_switch_out_inline(struct asi_cpu *cpu)
{
	asi_load_unrestricted(cpu);
	barrier();
	cpu->curr = NULL;
	asi_taint(ASI_TAINT_KERNEL);
}

/* No restricted root is about to be loaded: nobody need wait for this CPU. */
static __always_inline void asi_tlb_set_outside_inline(struct asi_cpu *cpu)
{
	if (!asi_breaks(ASI_BREAK_RECORD))
		asi_tlb_left(&cpu->tlb);
}

#endif /* ASI_X86_SWITCH_H */
