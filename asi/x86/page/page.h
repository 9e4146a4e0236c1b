/* SPDX-License-Identifier: GPL-2.0-only */
/* What isolation knows of page frames, and the memory that all domains may map. */
#ifndef ASI_X86_PAGE_PAGE_H
#define ASI_X86_PAGE_PAGE_H

#include <linux/gfp_types.h>
#include <linux/pgtable.h>
#include <linux/types.h>
#include <asi/pages.h>
#include "core/core.h"

/* marks.c: the marks of asi/pages.h. */
enum asi_mark {
	ASI_MARK_TABLE,
	ASI_MARK_TAIL,
	ASI_MARK_STACK,
	ASI_NR_MARKS,
};

int asi_marks_init(void);
/* Lockless. */
bool asi_is_marked(enum asi_mark mark, unsigned long pfn);
/* Those that were there before anything was marked.  Process context. */
void asi_mark_all_stacks(void);
void asi_mark_all_tails(void);
/* The kernel's page tables that are there; those to come mark themselves. */
void asi_mark_kernel_tables(void);

/* The array of struct page, as far as 64 TiB of memory need. */
static inline bool asi_is_memory_map(unsigned long address)
{
	return address >= VMEMMAP_START && address < VMEMMAP_START + (1UL << 40);
}

extern unsigned long *asi_flagged;
extern unsigned long asi_flagged_pfns;
static __always_inline bool asi_is_flagged(unsigned long pfn)
{
	return pfn < asi_flagged_pfns && test_bit(pfn, asi_flagged);
}

/* A domain may map it. */
static __always_inline bool asi_may_be_mapped(unsigned long pfn)
{
	return pfn >= asi_flagged_pfns || test_bit(pfn, asi_flagged);
}

/*
 * Flag frames that some domain maps, or shares with the kernel's own table; before
 * they are mapped.  Lockless.  Registers of devices behind all memory have no bit and need
 * none.  False: there is no bit for some frame of memory, which was plugged in and not
 * foreseen; it must not be mapped.
 */
bool asi_flag_frames(unsigned long pfn, unsigned long pages);
/*
 * [pfn, end) are freed: their marks go, and their flags; up to the first that had a flag,
 * which is returned, or @end.
 */
unsigned long asi_forget_frames(unsigned long pfn, unsigned long end);

/*
 * frames.c: @fn for each page that the kernel's table has an entry for in [start, end),
 * present or not, until it returns non-zero, which is then returned; @flagged: only if
 * a domain may map its frame.  Whole pages.  Lockless.
 */
typedef int (*asi_frame_fn)(void *ctx, unsigned long va, unsigned long pfn);
int asi_walk_frames(unsigned long start, unsigned long end, bool flagged, asi_frame_fn fn,
		    void *ctx);

/*
 * rmap.c: who maps a frame.  Each page that a space maps is noted there before it is
 * mapped, and before its frame is flagged.
 */
int asi_rmap_init(void);
/* Bring nodes until @want are spare.  Process context.  -ENOMEM. */
int asi_rmap_refill(struct asi_space *space, u32 want, gfp_t gfp);
/*
 * Under the lock of @space, any context: note that it maps @pfn at @va; @may_have: look
 * first whether that is noted.  -ENOMEM: no node is spare.  -EAGAIN: the table is in
 * use, by one that may be waiting for @space: let its lock go before the next try.
 */
int asi_rmap_add(struct asi_space *space, unsigned long pfn, unsigned long va,
		 bool may_have);
/* Under the lock of @space: if it does not map @va any more, it does not map @pfn there. */
void asi_rmap_remove(struct asi_space *space, unsigned long pfn, unsigned long va);
/* Pages were taken out by themselves, not by a visit.  Process context. */
void asi_rmap_sweep(struct asi_space *space);
/* For the oracle, under the lock of @space: is it noted?  True if nobody can say now. */
bool asi_rmap_has(const struct asi_space *space, unsigned long pfn, unsigned long va);
/*
 * @fn for each space that maps @pfn at an address in [start, end), under that space's
 * lock; it takes the page out.  Any context but NMI.  Returns how many there were.
 */
typedef void (*asi_rmap_fn)(struct asi_space *space, unsigned long va);
unsigned int asi_rmap_visit(unsigned long pfn, unsigned long start, unsigned long end,
			    asi_rmap_fn fn);
/* Nobody is sent to @space any more, which maps nothing new.  Process context. */
void asi_rmap_end(struct asi_space *space);
/* After that, when nobody brings nodes any more. */
void asi_rmap_free(struct asi_space *space);

/*
 * closing.c: the kernel is taking what it maps in [start, end) away: nothing of it may
 * be mapped anew.  A full barrier between the two ends of it, for both sides.
 */
void asi_begin_closing(unsigned long start, unsigned long end);
void asi_end_closing(unsigned long start, unsigned long end);
bool asi_is_closing(unsigned long address);

/*
 * registry.c: @fn for each object given to asi_share(), under a spinlock, until it
 * returns more than 0, which is then returned.  False from the other: nothing is new
 * since a walk to the end.
 */
int asi_shared_walk(int (*fn)(void *ctx, unsigned long start, unsigned long end), void *ctx);
bool asi_shared_has_news(void);
/* For the oracle: is some of [@start, @end) part of such an object? */
bool asi_is_shared(unsigned long start, unsigned long end);

/*
 * cpu_memory.c: what each CPU stands on.  Process context, once and again; before the
 * first domain.
 */
int asi_cpu_memory_init(void);
/* First byte of its unit of the first per-CPU chunk, and of its interrupt stack. */
unsigned long asi_percpu_start(int cpu);
unsigned long asi_irq_stack(int cpu);
/* Is @address some CPU's?  ASI_KIND_UNKNOWN: no.  Lockless, any context. */
enum asi_kind asi_cpu_memory_kind(unsigned long address);

#endif /* ASI_X86_PAGE_PAGE_H */
