// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that gets another use leaves every domain.
 *
 * Page frames that some domain maps, or shares with the kernel's own table, have a
 * flag.  What has none costs one test.  When a flagged frame is freed it is unmapped on
 * the spot where it is mapped, which the reverse map tells; the free may come from any
 * context but NMI, so nothing is allocated or released here and nobody is waited for
 * but the short holders of a domain's lock.  While a CPU may still hold the dead
 * translation the frame goes to the quarantine instead of the allocator.
 *
 * What a fault maps meanwhile: it notes the page, raises the flag and then looks at the
 * page once more; here the page has changed before the flag is looked at.  So either
 * the fault sees the change, or it is seen here.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <asi/gate.h>
#include "page/private.h"
#include "revoke/revoke.h"

static void asi_zap_page(struct asi_space *space, unsigned long va)
{
	if (asi_space_zap_locked(space, va, PAGE_SIZE))
		asi_count(ASI_EV_FREED_UNMAPPED);
}

/*
 * Few frames are in the base map, and its lock is everybody's: look first.  Whoever maps one
 * there raises the flag and looks at the page once more under that lock, and the flag was
 * seen: if the lock is free, the entry is there or will not be.
 */
static bool asi_base_shows(struct asi_tables *base, unsigned long va)
{
	struct asi_leaf leaf;

	if (raw_spin_is_locked(&base->space.lock))
		return true;
	smp_rmb();
	return asi_pt_lookup(&base->space.pt, va, &leaf);
}

/* Out of every space that maps the flagged frame in [start, end). */
static void asi_revoke(unsigned long pfn, unsigned long va, unsigned long start,
		       unsigned long end)
{
	struct asi_tables *base = READ_ONCE(asi_base);
	unsigned int visits;

	if (base && asi_base_shows(base, va))
		asi_space_zap(&base->space, va, PAGE_SIZE);
	visits = asi_rmap_visit(pfn, start, end, asi_zap_page);
	asi_count(ASI_EV_REVOKE_FRAMES);
	asi_count_many(ASI_EV_REVOKE_VISITS, visits);
}

static int asi_revoke_at(void *unused, unsigned long va, unsigned long pfn)
{
	asi_revoke(pfn, va, va, va + PAGE_SIZE);
	return 0;
}

/* Whole pages, even where only a part of one goes away. */
static void asi_revoke_range(unsigned long start, unsigned long end)
{
	/* What changed is seen by who raises a flag that is not seen here: asi_grow_kernel(). */
	smp_mb();
	asi_walk_frames(PAGE_ALIGN_DOWN(start), PAGE_ALIGN(end), true, asi_revoke_at, NULL);
}

/* The memory map is mapped in the base map only, in large pages, and its frames have no flag. */
static void asi_revoke_kernel(unsigned long start, unsigned long end)
{
	struct asi_tables *base = READ_ONCE(asi_base);

	if (base && asi_is_memory_map(start))
		asi_space_zap(&base->space, PAGE_ALIGN_DOWN(start), PAGE_ALIGN(end - start));
	else
		asi_revoke_range(start, end);
}

bool __asi_free_pages(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + (1UL << order);

	if (asi_keeps_private(page, order))
		return true;
	pfn = asi_forget_frames(pfn, end);
	if (likely(pfn == end))
		return false;

	guard(asi_unrestricted)();

	for (; pfn < end; pfn = asi_forget_frames(pfn + 1, end)) {
		if (!asi_breaks(ASI_BREAK_FREE))
			asi_revoke(pfn, (unsigned long)__va(PFN_PHYS(pfn)), 0, ~0UL);
	}
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

static int asi_flag_frame(void *unused, unsigned long va, unsigned long pfn)
{
	asi_flag_frames(pfn, 1);
	return 0;
}

/*
 * Who shares the kernel's table has not asked for each page of it: flag them.
 * Other mappings go before the kernel's own do, so that no domain ever shows
 * more than the kernel; from then on no fault brings one back.
 */
void __asi_vunmap_begin(unsigned long start, unsigned long end)
{
	guard(asi_unrestricted)();

	if (asi_is_shared_table(start, end))
		asi_walk_frames(start, end, false, asi_flag_frame, NULL);
	asi_begin_closing(start, end);
	if (!asi_breaks(ASI_BREAK_VUNMAP))
		asi_revoke_kernel(start, end);
}

void __asi_vunmap_end(unsigned long start, unsigned long end)
{
	guard(asi_unrestricted)();

	asi_note_direct_map(start);
	asi_end_closing(start, end);
	if (asi_is_shared_table(start, end) && !asi_breaks(ASI_BREAK_VUNMAP))
		asi_inc_kernel_tlb_gen();
}

/*
 * Domains take the new entry from the kernel's table when they need it again.  Where the
 * rights have changed, the frames are the same, and tell who maps them.  The memory map
 * may have other frames now.
 */
void __asi_kernel_changed(unsigned long start, unsigned long size)
{
	guard(asi_unrestricted)();

	asi_note_direct_map(start);
	if (!asi_breaks(ASI_BREAK_CHANGED))
		asi_revoke_kernel(start, start + size);
}

static void asi_revoke_stack(const void *stack)
{
	if (!asi_breaks(ASI_BREAK_STACK))
		asi_revoke_range((unsigned long)stack, (unsigned long)stack + THREAD_SIZE);
}

/* Slab hands the task_struct to the next task without freeing its pages. */
void __asi_release_task(struct task_struct *tsk)
{
	guard(asi_unrestricted)();

	asi_revoke_stack(task_stack_page(tsk));
	asi_revoke_range((unsigned long)tsk, (unsigned long)tsk + arch_task_struct_size);
}

static int asi_one_is_flagged(void *unused, unsigned long va, unsigned long pfn)
{
	return 1;
}

/*
 * Stacks are cached for the next task, not freed.  A stack that is still in
 * use is freed instead, after a grace period.
 */
bool __asi_stack_in_use(const void *stack)
{
	unsigned long start = (unsigned long)stack;

	guard(asi_unrestricted)();

	if (likely(!asi_walk_frames(start, start + THREAD_SIZE, true, asi_one_is_flagged, NULL)))
		return false;
	asi_revoke_stack(stack);
	return asi_may_use_removed();
}
