// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that gets another use leaves every domain.
 *
 * Page frames that some domain maps, or shares with the kernel's own table,
 * have a bit in a bitmap.  When such a frame is freed it is unmapped in every
 * domain on the spot; the free may come from any context but NMI, so nothing
 * is allocated or released here and nobody is waited for but the short holders
 * of a domain's lock.  While a CPU may still hold the dead translation the
 * frame goes to the quarantine instead of the allocator.
 *
 * A frame is mapped at the addresses where the kernel maps it.  In the direct
 * map that is unmapped here when it is freed; every other address went away
 * before, in __asi_vunmap_end().
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <asi/gate.h>
#include "revoke/revoke.h"

/* Of a task's domain all but the stack is in the tables that it shares, as a rule. */
static bool asi_may_map(struct asi_space *space, unsigned long start, unsigned long end)
{
	const struct asi_task_domain *domain;
	unsigned long stack;

	if (space->type != ASI_SPACE_TASK)
		return true;
	domain = asi_task_domain(asi_domain_of(space));
	if (READ_ONCE(domain->grew))
		return true;
	stack = (unsigned long)domain->stack;
	return start < stack + THREAD_SIZE && end > stack;
}

/* Whole pages, even where only a part of one goes away. */
static void asi_zap_everywhere(unsigned long start, unsigned long size)
{
	unsigned long end = PAGE_ALIGN(start + size);
	struct asi_tables *base;
	struct asi_space *space;
	unsigned long flags;

	start = PAGE_ALIGN_DOWN(start);
	size = end - start;

	raw_spin_lock_irqsave(&asi_spaces_lock, flags);
	base = READ_ONCE(asi_base);
	if (base)
		asi_space_zap(&base->space, start, size);
	list_for_each_entry(space, &asi_spaces, list) {
		if (asi_may_map(space, start, end) && asi_space_zap(space, start, size))
			asi_count(ASI_EV_FREED_UNMAPPED);
	}
	raw_spin_unlock_irqrestore(&asi_spaces_lock, flags);
}

bool __asi_free_pages(struct page *page, unsigned int order)
{
	if (likely(!asi_forget_frames(page_to_pfn(page), 1UL << order)))
		return false;

	guard(asi_unrestricted)();

	if (!asi_breaks(ASI_BREAK_FREE))
		asi_zap_everywhere((unsigned long)page_address(page),
				   PAGE_SIZE << order);
	if (!asi_breaks(ASI_BREAK_DRAIN) &&
	    (asi_breaks(ASI_BREAK_QUARANTINE) || !asi_may_use_removed()))
		return false;
	asi_quarantine(page, order);
	return true;
}

/* Do domains see [start, end) through a table that is the kernel's own? */
static bool asi_is_shared_table(unsigned long start, unsigned long end)
{
	return start < MODULES_END && end > MODULES_VADDR;
}

/*
 * Who shares the kernel's table has not asked for each page of it: flag them.
 * Other mappings go before the kernel's own do, so that no domain ever shows
 * more than the kernel, and once more after it, if a fault brought one back.
 */
void __asi_vunmap_begin(unsigned long start, unsigned long end)
{
	guard(asi_unrestricted)();

	if (asi_is_shared_table(start, end))
		asi_flag_range(start, end);
	if (!asi_breaks(ASI_BREAK_VUNMAP))
		asi_zap_everywhere(start, end - start);
}

void __asi_vunmap_end(unsigned long start, unsigned long end)
{
	guard(asi_unrestricted)();

	if (asi_breaks(ASI_BREAK_VUNMAP))
		return;
	if (asi_is_shared_table(start, end))
		asi_inc_kernel_tlb_gen();
	asi_zap_everywhere(start, end - start);
}

/*
 * Domains take the new entry from the kernel's table when they need it again.
 * A fault that copied the old one holds the domain's lock until it is done.
 */
void __asi_kernel_changed(unsigned long start, unsigned long size)
{
	guard(asi_unrestricted)();

	if (!asi_breaks(ASI_BREAK_CHANGED))
		asi_zap_everywhere(start, size);
}

static void asi_zap_stack(const void *stack)
{
	if (!asi_breaks(ASI_BREAK_STACK))
		asi_zap_everywhere((unsigned long)stack, THREAD_SIZE);
}

/* Slab hands the task_struct to the next task without freeing its pages. */
void __asi_release_task(struct task_struct *tsk)
{
	guard(asi_unrestricted)();

	asi_zap_stack(task_stack_page(tsk));
	asi_zap_everywhere((unsigned long)tsk, arch_task_struct_size);
}

/*
 * Stacks are cached for the next task, not freed.  A stack that is still in
 * use is freed instead, after a grace period.
 */
bool __asi_stack_in_use(const void *stack)
{
	guard(asi_unrestricted)();

	asi_zap_stack(stack);
	return asi_may_use_removed();
}
