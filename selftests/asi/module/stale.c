// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU that holds a translation: a thread stays inside a domain with
 * interrupts off, where nobody can make it leave, and reads one page over and
 * over while that page is freed and given to somebody else.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asi/asi.h>
#include "asi_test.h"

#define ASI_OLD		0x01d01d01d01d01d0UL
#define ASI_NEW		0x5ec4e75ec4e75ec4UL
/* How often to try to be given the same page again. */
#define ASI_TRIES	64

struct asi_holder {
	struct asi *domain;
	const unsigned long *word;
	bool enters;		/* asks to be inside again before each read */
	u64 until;
	struct completion mapped, done;
	/* Polled: waking a task touches its stack. */
	bool inside;
	bool stop;
	bool seen;		/* the new owner's content was read */
	bool stayed;		/* inside from the first to the last read */
	int err;
};

static int asi_holder_thread(void *data)
{
	struct asi_holder *h = data;
	unsigned long flags, word;

	h->err = asi_map_current(h->domain);
	complete(&h->mapped);
	if (h->err)
		goto out;
	local_irq_save(flags);
	asi_enter(h->domain);
	asi_relax();
	(void)READ_ONCE(*h->word);
	WRITE_ONCE(h->inside, true);
	while (!READ_ONCE(h->stop) && ktime_get_mono_fast_ns() < h->until) {
		if (h->enters) {
			asi_enter(h->domain);
			asi_relax();
		}
		/* Denied once it is unmapped. */
		if (get_kernel_nofault(word, h->word))
			break;
		h->seen = word == ASI_NEW && asi_current() == h->domain;
		if (h->seen || asi_current() != h->domain)
			break;
		cpu_relax();
	}
	h->stayed = asi_current() == h->domain;
	asi_exit();
	local_irq_restore(flags);
out:
	complete(&h->done);
	return 0;
}

static struct task_struct *asi_holder_start(struct asi_holder *h, unsigned int ms)
{
	struct task_struct *thread;
	unsigned int cpu;

	init_completion(&h->mapped);
	init_completion(&h->done);
	h->until = ktime_get_mono_fast_ns() + ms * NSEC_PER_MSEC;
	thread = kthread_create(asi_holder_thread, h, "asi_holder");
	if (IS_ERR(thread))
		return thread;
	cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	if (cpu >= nr_cpu_ids) {
		kthread_stop(thread);
		return ERR_PTR(-ENXIO);
	}
	kthread_bind(thread, cpu);
	wake_up_process(thread);
	wait_for_completion(&h->mapped);
	while (!h->err && !READ_ONCE(h->inside))
		usleep_range(1000, 2000);
	return thread;
}

/* Free @page and take pages until it comes back, then write to it. */
static bool asi_reuse(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	struct page *taken[ASI_TRIES];
	bool reused = false;
	int i, n;

	__free_page(page);
	for (n = 0; n < ASI_TRIES && !reused; n++) {
		taken[n] = alloc_page(GFP_KERNEL);
		if (!taken[n])
			break;
		reused = page_to_pfn(taken[n]) == pfn;
	}
	if (reused) {
		/* The holder has gone round once more by then. */
		msleep(20);
		WRITE_ONCE(*(unsigned long *)page_address(taken[n - 1]), ASI_NEW);
		msleep(20);
	}
	for (i = 0; i < n; i++)
		__free_page(taken[i]);
	return reused;
}

int asi_stale_run(bool enters, struct asi_stale *result)
{
	/* Not on the stack: the holder must not touch that. */
	static struct asi_holder h;
	struct task_struct *thread;
	struct page *page;
	int err;

	memset(result, 0, sizeof(*result));
	h = (struct asi_holder){ .enters = enters };
	h.domain = asi_create(ASI_CLASS_TEST, NULL, NULL);
	if (IS_ERR(h.domain))
		return PTR_ERR(h.domain);
	page = alloc_page(GFP_KERNEL);
	err = page ? asi_map(h.domain, page_address(page), PAGE_SIZE, ASI_KIND_OBJECT) : -ENOMEM;
	if (err)
		goto out;
	h.word = page_address(page);
	*(unsigned long *)page_address(page) = ASI_OLD;
	thread = asi_holder_start(&h, 1000);
	err = PTR_ERR_OR_ZERO(thread);
	if (err)
		goto out;
	result->reused = asi_reuse(page);
	page = NULL;
	WRITE_ONCE(h.stop, true);
	wait_for_completion(&h.done);
	err = h.err;
	result->seen = h.seen;
	result->stayed = h.stayed;
out:
	if (page)
		__free_page(page);
	asi_destroy(h.domain);
	return err;
}
