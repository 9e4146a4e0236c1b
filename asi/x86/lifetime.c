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
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>
#include <asi/gate.h>
#include "break.h"
#include "internal.h"

static unsigned long *asi_flagged __ro_after_init;
/* Of the same size: see asi/pages.h. */
static unsigned long *asi_marked[ASI_NR_MARKS] __ro_after_init;
static unsigned long asi_flagged_pfns __ro_after_init;

/* One bit for each page frame, seen by all domains. */
static unsigned long *asi_frame_bits(void)
{
	size_t size = BITS_TO_LONGS(asi_flagged_pfns) * sizeof(long);
	unsigned long *bits = vzalloc(size);

	asi_share(bits, size);
	return bits;
}

int asi_lifetime_init(void)
{
	enum asi_mark mark;

	asi_flagged_pfns = max_pfn;
	asi_flagged = asi_frame_bits();
	if (!asi_flagged)
		return -ENOMEM;
	for (mark = 0; mark < ASI_NR_MARKS; mark++) {
		asi_marked[mark] = asi_frame_bits();
		if (!asi_marked[mark])
			return -ENOMEM;
	}
	return 0;
}

static void asi_mark(enum asi_mark mark, unsigned long pfn, unsigned long end)
{
	for (; pfn < end && pfn < asi_flagged_pfns; pfn++)
		set_bit(pfn, asi_marked[mark]);
}

void __asi_mark_table(const void *table, unsigned int order)
{
	unsigned long pfn = PHYS_PFN(__pa(table));

	guard(asi_unrestricted)();

	asi_mark(ASI_MARK_TABLE, pfn, pfn + (1UL << order));
}

void __asi_mark_tails(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);

	guard(asi_unrestricted)();

	asi_mark(ASI_MARK_TAIL, pfn + 1, pfn + (1UL << order));
}
EXPORT_SYMBOL_GPL(__asi_mark_tails);

void __asi_mark_stack(const struct task_struct *task)
{
	const struct vm_struct *area = task_stack_vm_area(task);
	unsigned int i;

	guard(asi_unrestricted)();

	for (i = 0; area && i < area->nr_pages; i++) {
		unsigned long pfn = page_to_pfn(area->pages[i]);

		asi_mark(ASI_MARK_STACK, pfn, pfn + 1);
	}
}

void asi_mark_all_stacks(void)
{
	struct task_struct *leader, *task;
	int cpu;

	rcu_read_lock();
	for_each_process_thread(leader, task) {
		/* It keeps its stack as long as it is held; who exits has none. */
		if (try_get_task_stack(task)) {
			__asi_mark_stack(task);
			put_task_stack(task);
		}
	}
	rcu_read_unlock();
	for_each_possible_cpu(cpu)
		__asi_mark_stack(idle_task(cpu));
}

/* Neither in use nor in the free lists: a later page, or a page on its way. */
static void asi_mark_tails_in(struct zone *zone, unsigned long pfn, unsigned long end)
{
	unsigned long flags;
	struct page *page;

	spin_lock_irqsave(&zone->lock, flags);
	while (pfn < end) {
		page = pfn_to_online_page(pfn);
		if (page && PageBuddy(page)) {
			pfn += 1UL << page_private(page);
			continue;
		}
		if (page && !PageReserved(page) && !page_count(page))
			asi_mark(ASI_MARK_TAIL, pfn, pfn + 1);
		pfn++;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
}

void asi_mark_all_tails(void)
{
	struct zone *zone;
	unsigned long pfn;

	/* Pages in the CPUs' own lists would be taken for later pages. */
	drain_all_pages(NULL);
	for_each_populated_zone(zone) {
		for (pfn = ALIGN_DOWN(zone->zone_start_pfn, MAX_ORDER_NR_PAGES);
		     pfn < zone_end_pfn(zone); pfn += MAX_ORDER_NR_PAGES) {
			asi_mark_tails_in(zone, max(pfn, zone->zone_start_pfn),
					  min(pfn + MAX_ORDER_NR_PAGES, zone_end_pfn(zone)));
			cond_resched();
		}
	}
}

bool asi_is_marked(enum asi_mark mark, unsigned long pfn)
{
	return pfn < asi_flagged_pfns && test_bit(pfn, asi_marked[mark]);
}

/* Most pages have no mark: no locked operation for them. */
static void asi_unmark(unsigned long pfn)
{
	enum asi_mark mark;

	for (mark = 0; mark < ASI_NR_MARKS; mark++) {
		if (test_bit(pfn, asi_marked[mark]))
			clear_bit(pfn, asi_marked[mark]);
	}
}

/* Flag the frames under [va, va + size) of a leaf.  Before they are mapped. */
void asi_flag_leaf(const struct asi_leaf *leaf, u64 va, u64 size)
{
	unsigned long pfn = PHYS_PFN(leaf->pa + (va - leaf->va));
	unsigned long end = pfn + (size >> PAGE_SHIFT);

	for (; pfn < end && pfn < asi_flagged_pfns; pfn++) {
		if (!test_bit(pfn, asi_flagged))
			set_bit(pfn, asi_flagged);
	}
}

void asi_flag_range(unsigned long start, unsigned long end)
{
	struct asi_leaf leaf;

	for (; start < end; start += PAGE_SIZE) {
		if (asi_table_lookup(asi_kernel_root(), asi_levels(), start, &leaf))
			asi_flag_leaf(&leaf, start, PAGE_SIZE);
	}
}

/* Of a task's domain all but the stack is in the tables that it shares, as a rule. */
static bool asi_may_map(const struct asi *asi, unsigned long start, unsigned long end)
{
	unsigned long stack;

	if (!asi->user.task || READ_ONCE(asi->user.grew))
		return true;
	stack = (unsigned long)asi->user.stack;
	return start < stack + THREAD_SIZE && end > stack;
}

/* Whole pages, even where only a part of one goes away. */
void asi_zap_everywhere(unsigned long start, unsigned long size)
{
	unsigned long end = PAGE_ALIGN(start + size);
	unsigned long flags;
	struct asi *asi;

	start = PAGE_ALIGN_DOWN(start);
	size = end - start;

	raw_spin_lock_irqsave(&asi_domains_lock, flags);
	asi = READ_ONCE(asi_base);
	if (asi) {
		raw_spin_lock(&asi->lock);
		if (asi_pt_zap(&asi->pt, start, size))
			asi_inc_kernel_tlb_gen();
		raw_spin_unlock(&asi->lock);
	}
	list_for_each_entry(asi, &asi_domains, list) {
		if (!asi_may_map(asi, start, end))
			continue;
		raw_spin_lock(&asi->lock);
		if (asi_pt_zap(&asi->pt, start, size)) {
			asi_inc_tlb_gen_of(asi);
			asi_count(ASI_EV_FREED_UNMAPPED);
		}
		raw_spin_unlock(&asi->lock);
	}
	raw_spin_unlock_irqrestore(&asi_domains_lock, flags);
}

bool __asi_free_pages(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long end = min(pfn + (1UL << order), asi_flagged_pfns);
	bool flagged = false;

	for (; pfn < end; pfn++) {
		asi_unmark(pfn);
		if (test_bit(pfn, asi_flagged)) {
			clear_bit(pfn, asi_flagged);
			flagged = true;
		}
	}
	if (likely(!flagged))
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
