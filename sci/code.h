/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow of control that the kernel's text shows: functions, calls and jumps, read
 * with the kernel's decoder.  Lockless, any context; no text may change its place
 * meanwhile: interrupts off, or RCU.
 */
#ifndef SCI_CODE_H
#define SCI_CODE_H

#include <linux/types.h>

/* A function as the symbol table has it; parts that were moved away are others. */
struct sci_function {
	unsigned long start;
	unsigned long end;
	bool is_cold;		/* such a part */
};

/* False: no symbol covers the address. */
bool sci_find_function(unsigned long address, struct sci_function *function);

/* The other part of a function that has two.  False: it has one. */
bool sci_find_sibling(const struct sci_function *function, struct sci_function *sibling);

enum sci_call_kind {
	SCI_NO_CALL,
	SCI_DIRECT_CALL,
	SCI_INDIRECT_CALL,	/* through a thunk, too */
	SCI_PATCHED_CALL,	/* a breakpoint stands for it while it is patched */
};

/* Does a call instruction end at @address?  @target is set for a direct one. */
enum sci_call_kind sci_call_before(unsigned long address, unsigned long *target);

/* Does @function jump to @address, other than by a call, or fall into it? */
bool sci_jumps_to(const struct sci_function *function, unsigned long address);

/* Does the exception table send a fault in @function to @address? */
bool sci_fixup_leads_to(const struct sci_function *function, unsigned long address);

/* Does an indirect jump end in a return, as with retpolines? */
bool sci_returns_for_jumps(void);

#endif /* SCI_CODE_H */
