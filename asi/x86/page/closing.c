// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges that the kernel is about to unmap.
 *
 * Who unmaps visits those who map the range before its own entries go, while they
 * still tell which frames there are.  A fault must not bring a page back meanwhile: it
 * leaves instead.  There is room for as many ranges as are ever unmapped at once; while
 * one finds none, nothing is mapped at all.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include "page/page.h"

#define ASI_MAX_CLOSING	16

static struct {
	unsigned long start;		/* 0: not in use */
	unsigned long end;
} asi_closing[ASI_MAX_CLOSING];
/* Ranges in there, and those that found no room. */
static atomic_t asi_closing_count = ATOMIC_INIT(0);
static atomic_t asi_closing_all = ATOMIC_INIT(0);

void asi_begin_closing(unsigned long start, unsigned long end)
{
	unsigned int i;

	for (i = 0; i < ASI_MAX_CLOSING; i++) {
		if (READ_ONCE(asi_closing[i].start) || cmpxchg(&asi_closing[i].start, 0, start))
			continue;
		WRITE_ONCE(asi_closing[i].end, end);
		atomic_inc(&asi_closing_count);
		/* Before the caller looks who is noted; pairs with asi_is_closing(). */
		smp_mb__after_atomic();
		return;
	}
	atomic_inc(&asi_closing_all);
	/* The same. */
	smp_mb__after_atomic();
}

void asi_end_closing(unsigned long start, unsigned long end)
{
	unsigned int i;

	for (i = 0; i < ASI_MAX_CLOSING; i++) {
		if (READ_ONCE(asi_closing[i].start) != start)
			continue;
		atomic_dec(&asi_closing_count);
		WRITE_ONCE(asi_closing[i].end, 0);
		/* After the end: who takes the place sets it anew. */
		smp_store_release(&asi_closing[i].start, 0);
		return;
	}
	/* It found no room; or it began before there was a domain, and was not noted. */
	atomic_dec_if_positive(&asi_closing_all);
}

bool asi_is_closing(unsigned long address)
{
	unsigned long start;
	unsigned int i;

	/* The address is noted by now: whoever closes it later than this finds it. */
	smp_mb();
	if (unlikely(atomic_read(&asi_closing_all)))
		return true;
	if (likely(!atomic_read(&asi_closing_count)))
		return false;
	for (i = 0; i < ASI_MAX_CLOSING; i++) {
		start = READ_ONCE(asi_closing[i].start);
		if (start && address >= start && address < READ_ONCE(asi_closing[i].end))
			return true;
	}
	return false;
}
