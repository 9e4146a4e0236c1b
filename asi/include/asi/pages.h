/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What struct page does not say of a page that is in use: that it is a page table,
 * where the kernel has no mark for it; that it is a task's stack; and that it is a
 * later page of an allocation that is not compound, which looks like a free page.
 * Forgotten when it is freed.
 */
#ifndef ASI_PAGES_H
#define ASI_PAGES_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct page;
struct task_struct;

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

DECLARE_STATIC_KEY_FALSE(asi_active_key);
void __asi_mark_table(const void *table, unsigned int order);
void __asi_mark_tails(struct page *page, unsigned int order);
void __asi_dup_task(struct task_struct *task);

/* A page table was allocated, or was not: NULL.  Returns it.  Any context. */
static __always_inline void *asi_mark_table(const void *table, unsigned int order)
{
	if (static_branch_unlikely(&asi_active_key) && table)
		__asi_mark_table(table, order);
	return (void *)table;
}

/* Pages were allocated, not as a compound one.  Any context. */
static __always_inline void asi_mark_tails(struct page *page, unsigned int order)
{
	if (static_branch_unlikely(&asi_active_key))
		__asi_mark_tails(page, order);
}

/* A task is a copy of the running one, with a stack of its own.  Process context. */
static __always_inline void asi_dup_task(struct task_struct *task)
{
	if (static_branch_unlikely(&asi_active_key))
		__asi_dup_task(task);
}

#else

static __always_inline void *asi_mark_table(const void *table, unsigned int order)
{
	return (void *)table;
}

static __always_inline void asi_mark_tails(struct page *page, unsigned int order) { }
static __always_inline void asi_dup_task(struct task_struct *task) { }

#endif

#endif /* ASI_PAGES_H */
