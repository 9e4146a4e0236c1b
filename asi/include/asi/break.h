/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CONFIG_ASI_BREAK: switch one mechanism off, to see that the test of its
 * invariant fails without it.  Each name is a word for asi_break= and for
 * debugfs asi/break.
 */
#ifndef ASI_BREAK_H
#define ASI_BREAK_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/types.h>

enum asi_break {
	ASI_BREAK_POLICY,	/* every fault grows the domain */
	ASI_BREAK_FREE,		/* freed pages stay mapped */
	ASI_BREAK_RMAP,		/* nobody notes who maps a frame */
	ASI_BREAK_QUARANTINE,	/* freed pages are not held back */
	ASI_BREAK_DRAIN,	/* freed pages are held back in any case, and for ever */
	ASI_BREAK_VUNMAP,	/* unmapped vmalloc ranges stay mapped */
	ASI_BREAK_CHANGED,	/* changed rights are not followed */
	ASI_BREAK_STACK,	/* a dead task's stack stays mapped */
	ASI_BREAK_GENERATION,	/* removals are not counted */
	ASI_BREAK_USER,		/* user pages that change stay mapped */
	ASI_BREAK_BASE,		/* the base map has only the boot CPU's areas */
	ASI_BREAK_GLOBAL,	/* kernel mappings stay Global; before asi=on only */
	ASI_BREAK_RECORD,	/* leaving forgets to say so */
	ASI_BREAK_LEAVE,	/* asi_exit() stays inside */
	ASI_BREAK_LAZY,		/* a process's flush passes over idle CPUs that are inside */
	ASI_BREAK_CHARGE,	/* table pages of growth are charged to nobody */
	ASI_BREAK_LIMIT,	/* growth does not stop */
	ASI_BREAK_PRUNE,	/* tables that became empty stay */
	ASI_BREAK_STUN,		/* guests beside the kernel are counted only */
	ASI_BREAK_PAGES,	/* a domain's objects share pages with others */
	ASI_BREAK_ANSWER,	/* what the exception table answers anyway is a violation */
	ASI_BREAK_END,		/* a task that is refused dies by an oops */
	ASI_BREAK_HELD,		/* and holds what it held, unreported */
	ASI_BREAK_EDGE,		/* how a system call came to text is not asked */
	ASI_BREAK_PKRS,		/* text has its key, and the key forbids nothing; at boot only */
	ASI_BREAK_UNKEY,	/* what was text keeps its key; at boot only */
	ASI_BREAK_ALIAS,	/* text may be mapped a second time */
	ASI_BREAK_GUARD_NPT,	/* guard: nested tables map locked frames writable */
	ASI_BREAK_GUARD_EMULATOR,	/* guard: emulated instructions write to them */
	ASI_BREAK_GUARD_KVM,	/* guard: KVM itself does, for guest or VMM */
	ASI_BREAK_GUARD_SLOT,	/* guard: slots over them change */
	ASI_BREAK_GUARD_SEAL,	/* guard: the VMM's mapping of them stays writable */
	ASI_BREAK_GUARD_PIN,	/* guard: pinned registers are written */
	ASI_BREAK_GUARD_JUDGE,	/* guard: patches are not judged */
	ASI_NR_BREAKS
};

#ifdef CONFIG_ASI_BREAK
/* Some mechanism is off, or was. */
DECLARE_STATIC_KEY_FALSE(asi_break_key);
extern unsigned long asi_broken;
static __always_inline bool asi_breaks(enum asi_break what)
{
	return static_branch_unlikely(&asi_break_key) && (READ_ONCE(asi_broken) & BIT(what));
}
#else
static __always_inline bool asi_breaks(enum asi_break what) { return false; }
#endif

#endif /* ASI_BREAK_H */
