/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of execute-only text have in common. */
#ifndef ASI_XOM_XOM_H
#define ASI_XOM_XOM_H

#include <linux/percpu.h>
#include <asi/verw.h>
#include <asi/xom.h>

/*
 * Supervisor protection keys [SDM vol. 3, 4.6.2].  Bits 59 to 62 of an entry are its key;
 * bit 2 * key of the MSR says that nothing is read or written by it.
 */
#define XOM_MSR_PKRS		0x6e1
#define XOM_KEY			1UL
#define XOM_KEY_SHIFT		59
#define XOM_KEY_MASK		(0xfUL << XOM_KEY_SHIFT)
#define XOM_PKRS_CLOSED		(1U << (2 * XOM_KEY))
#define XOM_PKRS_OPEN		0U

enum xom_count {
	XOM_COUNT_WINDOWS,	/* copies of text */
	XOM_COUNT_REFUSED,	/* reads */
	XOM_COUNT_LOGGED,	/* reads that xom_action=log let through */
	XOM_COUNT_ALIASES,	/* second addresses refused */
	XOM_NR_COUNTS
};
DECLARE_PER_CPU(u64 [XOM_NR_COUNTS], xom_counts);
#define xom_count(what)	raw_cpu_inc(xom_counts[what])

/* xom_action=log, which the policy does not say yet. */
bool xom_logs_early(void);

/*
 * Lines of /sys/kernel/asi/xom that say who wanted to read, into the page @buf at @at; returns
 * where they end, or -ENOMEM.  Sleeps.
 */
int xom_show_readers(char *buf, int at);

/* PKRS of this CPU outside of copies. */
u32 xom_pkrs(void);

static __always_inline u32 xom_read_pkrs(void)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a" (low), "=d" (high) : "c" (XOM_MSR_PKRS));
	return low;
}

static __always_inline void xom_write_pkrs(u32 value)
{
	asm volatile("wrmsr" : : "c" (XOM_MSR_PKRS), "a" (value), "d" (0) : "memory");
}

#endif /* ASI_XOM_XOM_H */
