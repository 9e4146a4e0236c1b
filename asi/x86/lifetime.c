// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that gets another use leaves every domain.
 *
 * Pages that some domain maps have a bit in a bitmap by page frame.  When such
 * a page is freed it is unmapped in every domain on the spot; the free may
 * come from any context but NMI, so nothing is allocated or released here and
 * nobody is waited for but the short holders of a domain's lock.
 *
 * A CPU inside a domain may keep the dead translation in its TLB until it
 * enters the next time: entering compares the domain's generation.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>
#include "internal.h"

static unsigned long *asi_flagged __ro_after_init;
static unsigned long asi_flagged_pfns __ro_after_init;

int asi_lifetime_init(void)
{
	asi_flagged_pfns = max_pfn;
	asi_flagged = vzalloc(BITS_TO_LONGS(asi_flagged_pfns) * sizeof(long));
	if (!asi_flagged)
		return -ENOMEM;
	asi_share(asi_flagged, BITS_TO_LONGS(asi_flagged_pfns) * sizeof(long));
	return 0;
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

/* Whole pages, even where only a part of one goes away. */
void asi_zap_everywhere(unsigned long start, unsigned long size)
{
	unsigned long end = PAGE_ALIGN(start + size);
	unsigned long flags;
	struct asi *asi;

	start = PAGE_ALIGN_DOWN(start);
	size = end - start;

	raw_spin_lock_irqsave(&asi_domains_lock, flags);
	list_for_each_entry(asi, &asi_domains, list) {
		raw_spin_lock(&asi->lock);
		if (asi_pt_zap(&asi->pt, start, size)) {
			atomic64_inc(&asi->tlb_gen);
			asi_count(ASI_EV_FREED_UNMAPPED);
		}
		raw_spin_unlock(&asi->lock);
	}
	raw_spin_unlock_irqrestore(&asi_domains_lock, flags);
}

void __asi_free_pages(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned long end = pfn + (1UL << order);
	bool flagged = false;

	for (; pfn < end && pfn < asi_flagged_pfns; pfn++) {
		if (test_bit(pfn, asi_flagged)) {
			clear_bit(pfn, asi_flagged);
			flagged = true;
		}
	}
	if (flagged)
		asi_zap_everywhere((unsigned long)page_address(page),
				   PAGE_SIZE << order);
}

/* Stacks are cached for the next task, not freed: take them out here. */
void __asi_release_task(struct task_struct *tsk)
{
	asi_zap_everywhere((unsigned long)task_stack_page(tsk), THREAD_SIZE);
	asi_zap_everywhere((unsigned long)tsk, arch_task_struct_size);
}
