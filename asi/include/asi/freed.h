/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads of memory that may have another owner by now, whose result is of no matter then. */
#ifndef ASI_FREED_H
#define ASI_FREED_H

#include <asm/asm.h>

/*
 * A word, or 0 where it cannot be had.  The caller finds out by other means whether
 * the memory was still its own.  Inside a domain what became of it may be out of reach,
 * which is no violation then.
 */
static __always_inline unsigned long asi_load_freed(const void *at)
{
	unsigned long word;

	asm("1:	mov %1, %0\n"
	    "2:\n"
	    _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %0)
	    : "=r" (word) : "m" (*(const unsigned long *)at));
	return word;
}

#endif /* ASI_FREED_H */
