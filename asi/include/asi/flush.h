/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which buffers a CPU has to clear before it enters a guest, by what ran on it
 * since it entered one last.
 *
 * While a CPU stays in a domain it can load nothing into them that the domain
 * does not map, so nothing has to be cleared.  Everything else taints:
 *
 *	KERNEL	the kernel ran unrestricted, if only for an NMI or a fault
 *	USER	user mode may have run
 *	MM	another address space was loaded
 *	GUEST	another virtual machine ran
 *
 * L1TF, MDS and their kin leak what was loaded, whoever loaded it: the L1 data
 * cache and the fill, store and load buffers go after any taint.  A branch
 * predictor is trained by who ran before, and trained for a guest only by code
 * that its own VMM does not control.
 *
 * What is needed is one question, and what this kernel does about it on this
 * processor another: only what an instruction cleared counts as cleared.
 */
#ifndef ASI_FLUSH_H
#define ASI_FLUSH_H

#include "port.h"

#define ASI_TAINT_KERNEL	1U
#define ASI_TAINT_USER		2U
#define ASI_TAINT_MM		4U
#define ASI_TAINT_GUEST		8U
#define ASI_TAINT_ALL		15U
/* Not what ran, but what the entry into the guest has to do. */
#define ASI_TAINT_CHECK		32U	/* by asi_enter(), whatever was known of the domain */
#define ASI_TAINT_VERW		64U	/* clear the buffers, this once */
#define ASI_TAINT_ALWAYS	128U	/* decide anew at every entry */

enum asi_flush {
	ASI_FLUSH_L1D,		/* L1 data cache */
	ASI_FLUSH_BUFFERS,	/* VERW */
	ASI_FLUSH_IBPB,		/* branch predictor barrier */
	ASI_NR_FLUSHES
};

enum asi_flush_mode {
	ASI_FLUSH_AUTO,		/* by taints */
	ASI_FLUSH_ALWAYS,	/* at every entry into a guest */
	ASI_FLUSH_NEVER,
	ASI_NR_FLUSH_MODES
};

/* Bits 1 << enum asi_flush.  An unknown mode flushes. */
static __always_inline unsigned int asi_flush_needed(enum asi_flush_mode mode,
						     unsigned int taints)
{
	unsigned int needed = 0;

	if (mode == ASI_FLUSH_NEVER)
		return 0;
	if (mode != ASI_FLUSH_AUTO)
		return (1U << ASI_NR_FLUSHES) - 1;
	if (taints)
		needed |= 1U << ASI_FLUSH_L1D | 1U << ASI_FLUSH_BUFFERS;
	if (taints & ~(ASI_TAINT_KERNEL | ASI_TAINT_USER))
		needed |= 1U << ASI_FLUSH_IBPB;
	return needed;
}

/*
 * The taints that anything has to be done about where only flushes @useful, bits 1 << enum
 * asi_flush, are ever carried out.
 */
static __always_inline unsigned int asi_flush_taints(enum asi_flush_mode mode,
						     unsigned int useful)
{
	unsigned int taint, taints = useful ? ASI_TAINT_ALWAYS : 0;

	for (taint = 1; taint <= ASI_TAINT_ALL; taint <<= 1) {
		if (asi_flush_needed(mode, taint) & useful)
			taints |= taint;
	}
	return taints;
}

/* What the kernel decided, for this processor, that VERW is good for. */
enum asi_verw_use {
	ASI_VERW_UNUSED,	/* nothing */
	ASI_VERW_FOR_DEVICES,	/* guests that reach a device's registers: mmio_stale_data_clear */
	ASI_VERW_FOR_ALL,	/* every guest: the last instructions of VM entry have it */
};

/* Who clears the buffers for one entry into a guest. */
enum asi_verw {
	ASI_VERW_NOBODY,
	ASI_VERW_HERE,		/* isolation, before VM entry may switch VERW's effect off */
	ASI_VERW_AT_ENTRY,	/* VM entry, if asi_taints says anything */
};

/*
 * @needed: by asi_flush_needed(); @device: the guest has one assigned; @forced: also
 * where nothing leaks.
 */
static __always_inline enum asi_verw asi_verw_by(int needed, enum asi_verw_use use,
						 int device, int forced)
{
	if (!needed)
		return ASI_VERW_NOBODY;
	if (use == ASI_VERW_FOR_ALL)
		return ASI_VERW_AT_ENTRY;
	if (forced || (use == ASI_VERW_FOR_DEVICES && device))
		return ASI_VERW_HERE;
	return ASI_VERW_NOBODY;
}

/* When the kernel would flush the L1 data cache. */
enum asi_l1d_use {
	ASI_L1D_UNUSED,
	ASI_L1D_SOMETIMES,	/* when it may have loaded something */
	ASI_L1D_ALWAYS,		/* at every entry, as its administrator demands */
};

/* @needed: by asi_flush_needed(); nothing lifts what is demanded at every entry. */
static __always_inline int asi_l1d_wanted(int needed, enum asi_l1d_use use, int forced)
{
	if (use == ASI_L1D_ALWAYS)
		return 1;
	return needed && (forced || use == ASI_L1D_SOMETIMES);
}

#endif /* ASI_FLUSH_H */
