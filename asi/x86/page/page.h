/* SPDX-License-Identifier: GPL-2.0-only */
/* What isolation knows of page frames, and the memory that all domains may map. */
#ifndef ASI_X86_PAGE_PAGE_H
#define ASI_X86_PAGE_PAGE_H

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

/*
 * Flag frames that some domain maps, or shares with the kernel's own table; before
 * they are mapped.  Lockless.
 */
void asi_flag_leaf(const struct asi_leaf *leaf, u64 va, u64 size);
void asi_flag_range(unsigned long start, unsigned long end);
/* The frames are freed: their marks go, and their flags.  True: there was a flag. */
bool asi_forget_frames(unsigned long pfn, unsigned long pages);

/*
 * registry.c: @fn for each object given to asi_share(), under a spinlock, until it
 * returns more than 0, which is then returned.  False from the other: nothing is new
 * since a walk to the end.
 */
int asi_shared_walk(int (*fn)(void *ctx, unsigned long start, unsigned long end), void *ctx);
bool asi_shared_has_news(void);

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
