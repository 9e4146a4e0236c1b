// SPDX-License-Identifier: GPL-2.0-only
/*
 * One bit for each page frame and each thing to know of it: that some domain maps it
 * (the flag), and the marks of asi/pages.h.
 */
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>
#include <asi/gate.h>
#include "page/page.h"

unsigned long *asi_flagged __ro_after_init;
/* Of the same size: see asi/pages.h. */
static unsigned long *asi_marked[ASI_NR_MARKS] __ro_after_init;
unsigned long asi_flagged_pfns __ro_after_init;

/* One bit for each page frame, seen by all domains. */
static unsigned long *asi_frame_bits(void)
{
	size_t size = BITS_TO_LONGS(asi_flagged_pfns) * sizeof(long);
	unsigned long *bits = vzalloc(size);

	asi_share(bits, size);
	return bits;
}

int asi_marks_init(void)
{
	enum asi_mark mark;

	/* Memory that firmware says may be plugged in, too. */
	asi_flagged_pfns = max_t(u64, max_pfn, max_possible_pfn);
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

static void asi_mark_stack(const struct task_struct *task)
{
	const struct vm_struct *area = task_stack_vm_area(task);
	unsigned int i;

	guard(asi_unrestricted)();

	for (i = 0; area && i < area->nr_pages; i++) {
		unsigned long pfn = page_to_pfn(area->pages[i]);

		asi_mark(ASI_MARK_STACK, pfn, pfn + 1);
	}
}

void __asi_dup_task(struct task_struct *task)
{
	task->asi.acting = NULL;
	task->asi.netns = NULL;
	asi_mark_stack(task);
}

void asi_mark_all_stacks(void)
{
	struct task_struct *leader, *task;
	int cpu;

	rcu_read_lock();
	for_each_process_thread(leader, task) {
		/* The stack stays as long as it is held; an exiting task has none. */
		if (try_get_task_stack(task)) {
			asi_mark_stack(task);
			put_task_stack(task);
		}
	}
	rcu_read_unlock();
	for_each_possible_cpu(cpu)
		asi_mark_stack(idle_task(cpu));
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

/* True: was not known. */
static bool asi_note_table(unsigned long pa)
{
	if (asi_is_marked(ASI_MARK_TABLE, PHYS_PFN(pa)))
		return false;
	__asi_mark_table(__va(pa), 0);
	return true;
}

/* KASAN's tables for memory without a shadow are shared, and so seen once. */
static void asi_find_tables(const u64 *table, unsigned int level, unsigned int first)
{
	unsigned int i;
	u64 entry;

	for (i = first; level > PG_LEVEL_4K && i < PTRS_PER_PTE; i++) {
		entry = READ_ONCE(table[i]);
		if ((entry & _PAGE_PRESENT) && !(entry & _PAGE_PSE) &&
		    asi_note_table(entry & PTE_PFN_MASK))
			asi_find_tables(__va(entry & PTE_PFN_MASK), level - 1, 0);
		cond_resched();
	}
}

void asi_mark_kernel_tables(void)
{
	asi_note_table(__pa_symbol(init_top_pgt));
	if (IS_ENABLED(CONFIG_MITIGATION_PAGE_TABLE_ISOLATION))
		asi_note_table(__pa_symbol(init_top_pgt) + PAGE_SIZE);
	asi_find_tables((u64 *)init_mm.pgd, asi_levels(), PTRS_PER_PGD / 2);
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

/* True: was up. */
static bool asi_lower_flag(unsigned long pfn)
{
	if (!asi_is_flagged(pfn))
		return false;
	clear_bit(pfn, asi_flagged);
	return true;
}

/* No memory, but a device's registers: nobody frees them. */
static bool asi_are_registers(unsigned long pfn, unsigned long end)
{
	while (pfn < end && !pfn_valid(pfn))
		pfn++;
	return pfn >= end;
}

bool asi_flag_frames(unsigned long pfn, unsigned long pages)
{
	unsigned long end = pfn + pages;

	if (end > asi_flagged_pfns)
		return asi_are_registers(pfn, end);
	for (; pfn < end; pfn++) {
		if (!test_bit(pfn, asi_flagged))
			set_bit(pfn, asi_flagged);
	}
	return true;
}

unsigned long asi_forget_frames(unsigned long pfn, unsigned long end)
{
	unsigned long known = min(end, asi_flagged_pfns);

	for (; pfn < known; pfn++) {
		asi_unmark(pfn);
		if (asi_lower_flag(pfn))
			return pfn;
	}
	return end;
}
