// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freed pages that a CPU inside a domain may still reach through its TLB.
 *
 * They are unmapped everywhere already.  What is missing is a flush on those
 * CPUs, and freeing may happen where nobody can wait for one.  So the pages are
 * kept, as they came, and soon afterwards a worker makes the CPUs leave and
 * frees them again.  Memory pressure does the same at once.
 *
 * The number of pages is bounded wherever the freeing context can wait; one
 * that cannot adds to the batch, which the worker takes away within a jiffy.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "revoke/revoke.h"

/* 2 MiB: what a VM's end frees at once, about. */
#define ASI_QUARANTINE_MAX	512UL

static DEFINE_RAW_SPINLOCK(asi_quarantine_lock);
static LIST_HEAD(asi_quarantine_list);
/* The batch that asi_quarantine_drain() waits for. */
static LIST_HEAD(asi_quarantine_batch);
static DEFINE_MUTEX(asi_quarantine_mutex);
static unsigned long asi_quarantine_count;
static struct workqueue_struct *asi_quarantine_wq __ro_after_init;

static void asi_quarantine_work(struct work_struct *work)
{
	asi_quarantine_drain();
}

static DECLARE_DELAYED_WORK(asi_quarantine_dwork, asi_quarantine_work);

/* Pages may be freed under the locks that queueing work takes. */
static void asi_quarantine_irq_work(struct irq_work *work)
{
	queue_delayed_work(asi_quarantine_wq, &asi_quarantine_dwork, 1);
}

static DEFINE_IRQ_WORK(asi_quarantine_kick, asi_quarantine_irq_work);

unsigned long asi_quarantine_pages(void)
{
	return READ_ONCE(asi_quarantine_count);
}

/* The allocator looks at neither lru nor private of a page that is freed. */
void asi_quarantine(struct page *page, unsigned int order)
{
	unsigned long flags, count;

	raw_spin_lock_irqsave(&asi_quarantine_lock, flags);
	set_page_private(page, order);
	list_add_tail(&page->lru, &asi_quarantine_list);
	count = asi_quarantine_count + (1UL << order);
	WRITE_ONCE(asi_quarantine_count, count);
	raw_spin_unlock_irqrestore(&asi_quarantine_lock, flags);

	asi_count(ASI_EV_QUARANTINED);
	if (count > ASI_QUARANTINE_MAX && preemptible())
		asi_quarantine_drain();
	else
		irq_work_queue(&asi_quarantine_kick);
}

static void asi_quarantine_release(void)
{
	struct page *page;
	unsigned int order;

	for (;;) {
		raw_spin_lock_irq(&asi_quarantine_lock);
		page = list_first_entry_or_null(&asi_quarantine_batch, struct page, lru);
		if (page) {
			order = page_private(page);
			list_del(&page->lru);
			WRITE_ONCE(asi_quarantine_count,
				   asi_quarantine_count - (1UL << order));
		}
		raw_spin_unlock_irq(&asi_quarantine_lock);
		if (!page)
			return;
		set_page_private(page, 0);
		/* The flags are down: this time they are freed. */
		init_page_count(page);
		__free_pages(page, order);
	}
}

/*
 * Every page was unmapped before it was put on the list, so one round of
 * leaving covers the whole batch.
 */
unsigned long asi_quarantine_drain(void)
{
	unsigned long freed;

	if (asi_breaks(ASI_BREAK_DRAIN))
		return 0;
	if (!asi_quarantine_pages() || !mutex_trylock(&asi_quarantine_mutex))
		return 0;
	raw_spin_lock_irq(&asi_quarantine_lock);
	list_splice_tail_init(&asi_quarantine_list, &asi_quarantine_batch);
	freed = asi_quarantine_count;
	raw_spin_unlock_irq(&asi_quarantine_lock);

	asi_count(ASI_EV_QUARANTINE_DRAIN);
	asi_evict_everywhere();
	asi_quarantine_release();
	mutex_unlock(&asi_quarantine_mutex);
	/* Whoever came meanwhile found this one busy. */
	if (asi_quarantine_pages())
		irq_work_queue(&asi_quarantine_kick);
	return freed;
}

void asi_quarantine_walk(void (*fn)(void *ctx, unsigned long pfn, unsigned long pages),
			 void *ctx)
{
	struct page *page;
	unsigned long flags;

	raw_spin_lock_irqsave(&asi_quarantine_lock, flags);
	list_for_each_entry(page, &asi_quarantine_batch, lru)
		fn(ctx, page_to_pfn(page), 1UL << page_private(page));
	list_for_each_entry(page, &asi_quarantine_list, lru)
		fn(ctx, page_to_pfn(page), 1UL << page_private(page));
	raw_spin_unlock_irqrestore(&asi_quarantine_lock, flags);
}

/* ---- Memory pressure -------------------------------------------------- */

static unsigned long asi_quarantine_shrink_count(struct shrinker *shrinker,
						 struct shrink_control *sc)
{
	return asi_quarantine_pages() ?: SHRINK_EMPTY;
}

static unsigned long asi_quarantine_shrink_scan(struct shrinker *shrinker,
						struct shrink_control *sc)
{
	return asi_quarantine_drain() ?: SHRINK_STOP;
}

int asi_quarantine_init(void)
{
	struct shrinker *shrinker;

	/* Freeing pages must not wait for memory. */
	asi_quarantine_wq = alloc_workqueue("asi_quarantine", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!asi_quarantine_wq)
		return -ENOMEM;
	shrinker = shrinker_alloc(0, "asi-quarantine");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = asi_quarantine_shrink_count;
	shrinker->scan_objects = asi_quarantine_shrink_scan;
	shrinker->seeks = 0;
	shrinker_register(shrinker);
	return 0;
}
