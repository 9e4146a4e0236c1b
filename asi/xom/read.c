// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of text.
 *
 * This CPU may read text while it copies, and nothing else runs there meanwhile but what
 * interrupts are no obstacle for.  The value before is restored: an NMI that came in
 * the middle of a copy, and copies itself, leaves the copy it interrupted as it was.
 */
#include <linux/export.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include <asm/asm.h>
#include <asm/extable.h>
#include <asm/text-patching.h>
#include "xom.h"

DEFINE_PER_CPU(u64 [XOM_NR_COUNTS], xom_counts);

struct xom_window {
	unsigned long flags;
	u32 pkrs;
};

static __always_inline void xom_open(struct xom_window *window)
{
	raw_local_irq_save(window->flags);
	window->pkrs = xom_read_pkrs();
	/* A watchpoint on the count is hit before the window opens. */
	xom_count(XOM_COUNT_WINDOWS);
	xom_write_pkrs(XOM_PKRS_OPEN);
}

static __always_inline void xom_close(const struct xom_window *window)
{
	xom_write_pkrs(window->pkrs);
	raw_local_irq_restore(window->flags);
}

/* Bytes that are left when nothing is mapped. */
static __always_inline unsigned long xom_copy(void **dst, const void *text, size_t n)
{
	void *to = *dst;

	asm volatile("1: rep movsb\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "+c" (n), "+D" (to), "+S" (text) : : "memory");
	*dst = to;
	return n;
}

noinstr unsigned long __xom_read(void *dst, const void *text, size_t n)
{
	struct xom_window window;
	unsigned long left, rest;

	xom_open(&window);
	left = xom_copy(&dst, text, n);
	xom_close(&window);
	rest = left;
	asm volatile("rep stosb"
		     : "+c" (rest), "+D" (dst) : "a" (INT3_INSN_OPCODE) : "memory");
	return left;
}

long __xom_read_nofault(void *dst, const void *text, size_t n)
{
	/* No function that can be traced or probed runs in the window. */
	if (!copy_from_kernel_nofault_allowed(text, n))
		return -ERANGE;
	return __xom_read(dst, text, n) ? -EFAULT : 0;
}

int __xom_memcmp(const void *text, const void *other, size_t n)
{
	u8 copy[64];
	size_t some;
	int differ = 0;

	for (; n && !differ; n -= some, text += some, other += some) {
		some = min(n, sizeof(copy));
		__xom_read(copy, text, some);
		differ = memcmp(copy, other, some);
	}
	return differ;
}
