// SPDX-License-Identifier: GPL-2.0-only
/*
 * An idle CPU that holds a translation: a thread sleeps inside a transparent domain,
 * which its CPU stays in, after it has read a page of the process's.  The process
 * unmaps that page, somebody else is given it, and an interrupt on the idle CPU reads
 * the address once more.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmu_context.h>
#include <linux/mmu_notifier.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <asm/pgtable.h>
#include <asi/asi.h>
#include <asi/engine.h>
#include "asi_test.h"

#define ASI_OLD		0x01d01d01d01d01d0UL
#define ASI_NEW		0x5ec4e75ec4e75ec4UL
/* How often to try to find the CPU idle and inside, to be given the page. */
#define ASI_ROUNDS	50
#define ASI_TRIES	64
/* The page has a neighbour on each side, so that its table stays. */
#define ASI_LAZY_SIZE	(3 * PAGE_SIZE)

struct asi_lazy {
	struct asi *domain;
	struct mm_struct *mm;
	struct mmu_notifier notifier;
	atomic_t changing;
	unsigned long va;
	unsigned int cpu;
	struct task_struct *thread;
	int err;
};

/* Not on the stack: the thread and interrupts inside touch it. */
static struct asi_lazy asi_lazy;

/* What an interrupt found on the idle CPU. */
static struct {
	bool done;
	bool inside;	/* before and after the read, which did not fault */
	unsigned long word;
} asi_lazy_look;

static bool asi_lazy_owns(void *owner, unsigned long start, unsigned long size)
{
	return current->mm == asi_lazy.mm && !atomic_read(&asi_lazy.changing) &&
	       start >= asi_lazy.va && start + size <= asi_lazy.va + PAGE_SIZE;
}

static const struct asi_ops asi_lazy_ops = { .owns_user = asi_lazy_owns };

static int asi_lazy_invalidate(struct mmu_notifier *notifier,
			       const struct mmu_notifier_range *range)
{
	atomic_inc(&asi_lazy.changing);
	/* A fault either sees that, or its page is taken out here. */
	smp_mb__after_atomic();
	asi_zap_user(asi_lazy.domain, range->start, range->end);
	return 0;
}

static void asi_lazy_invalidated(struct mmu_notifier *notifier,
				 const struct mmu_notifier_range *range)
{
	atomic_dec(&asi_lazy.changing);
}

static const struct mmu_notifier_ops asi_lazy_notifier = {
	.invalidate_range_start = asi_lazy_invalidate,
	.invalidate_range_end = asi_lazy_invalidated,
};

/* Goes in, reads, and sleeps there until it is woken, again and again. */
static int asi_lazy_thread(void *data)
{
	struct asi_lazy *lazy = data;
	unsigned long word;

	kthread_use_mm(lazy->mm);
	lazy->err = asi_map_current(lazy->domain) ?:
		    asi_map(lazy->domain, lazy->mm, sizeof(*lazy->mm), ASI_KIND_OWN_TASK);
	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (!lazy->err) {
			local_irq_disable();
			asi_enter(lazy->domain);
			asi_relax();
			(void)__get_user(word, (unsigned long __user *)lazy->va);
			local_irq_enable();
		}
		schedule();
		asi_work_done(lazy->domain);
		asi_exit();
	}
	__set_current_state(TASK_RUNNING);
	kthread_unuse_mm(lazy->mm);
	return 0;
}

/* Outside the address means nothing: the idle task has no process. */
static void asi_lazy_interrupt(void *unused)
{
	unsigned long word;

	asi_lazy_look.inside = asi_current() == asi_lazy.domain &&
			       !__get_user(word, (unsigned long __user *)asi_lazy.va) &&
			       asi_current() == asi_lazy.domain;
	if (asi_lazy_look.inside)
		asi_lazy_look.word = word;
	/* Pairs with asi_lazy_read(). */
	smp_store_release(&asi_lazy_look.done, true);
}

static call_single_data_t asi_lazy_csd = CSD_INIT(asi_lazy_interrupt, NULL);

/* True: the CPU is inside, and @word is what the address gives there. */
static bool asi_lazy_read(unsigned long *word)
{
	asi_lazy_look.done = false;
	if (smp_call_function_single_async(asi_lazy.cpu, &asi_lazy_csd))
		return false;
	/* What was found comes before that. */
	while (!smp_load_acquire(&asi_lazy_look.done))
		usleep_range(100, 200);
	*word = asi_lazy_look.word;
	return asi_lazy_look.inside;
}

/* Until the CPU idles inside and has read the page.  Other tasks and faults take it out. */
static bool asi_lazy_settle(void)
{
	unsigned long word;
	unsigned int i;

	for (i = 0; i < ASI_ROUNDS && !asi_lazy.err; i++) {
		wake_up_process(asi_lazy.thread);
		msleep(20);
		if (asi_lazy_read(&word) && word == ASI_OLD && asi_lazy_read(&word))
			return true;
	}
	return false;
}

/* Take pages of the same sort until the one at @pfn comes back, then write to it. */
static bool asi_lazy_reuse(unsigned long pfn)
{
	struct page *taken[ASI_TRIES];
	bool reused = false;
	int i, n;

	for (n = 0; n < ASI_TRIES && !reused; n++) {
		taken[n] = alloc_page(GFP_HIGHUSER_MOVABLE);
		if (!taken[n])
			break;
		reused = page_to_pfn(taken[n]) == pfn;
	}
	if (reused)
		WRITE_ONCE(*(unsigned long *)page_address(taken[n - 1]), ASI_NEW);
	for (i = 0; i < n - reused; i++)
		__free_page(taken[i]);
	if (reused) {
		unsigned long word;

		/* Whoever reads it now reads the new owner's. */
		asi_lazy_look.inside = false;
		asi_lazy_look.inside = asi_lazy_read(&word) && word == ASI_NEW;
		__free_page(taken[n - 1]);
	}
	return reused;
}

static void asi_lazy_try(struct asi_stale *result)
{
	unsigned int levels = pgtable_l5_enabled() ? 5 : 4;
	struct asi_leaf leaf;

	result->stayed = asi_lazy_settle();
	if (!result->stayed ||
	    !asi_table_lookup(current->mm->pgd, levels, asi_lazy.va, &leaf))
		return;
	/* Freed pages go to this CPU's own list, and come from there. */
	vm_munmap(asi_lazy.va, PAGE_SIZE);
	result->reused = asi_lazy_reuse(PHYS_PFN(leaf.pa + (asi_lazy.va - leaf.va)));
	result->seen = result->reused && asi_lazy_look.inside;
}

static int asi_lazy_start(void)
{
	asi_lazy.cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	if (asi_lazy.cpu >= nr_cpu_ids)
		return -ENXIO;
	asi_lazy.thread = kthread_create(asi_lazy_thread, &asi_lazy, "asi_lazy");
	if (IS_ERR(asi_lazy.thread))
		return PTR_ERR(asi_lazy.thread);
	kthread_bind(asi_lazy.thread, asi_lazy.cpu);
	wake_up_process(asi_lazy.thread);
	return 0;
}

int asi_lazy_run(struct asi_stale *result)
{
	unsigned long area;
	int err;

	memset(result, 0, sizeof(*result));
	memset(&asi_lazy, 0, sizeof(asi_lazy));
	area = vm_mmap(NULL, 0, ASI_LAZY_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(area))
		return area;
	asi_lazy.va = area + PAGE_SIZE;
	asi_lazy.mm = current->mm;
	asi_lazy.notifier.ops = &asi_lazy_notifier;
	/* So that the page is freed where it was taken. */
	migrate_disable();
	err = put_user(ASI_OLD, (unsigned long __user *)asi_lazy.va) ? -EFAULT : 0;
	if (err)
		goto out_area;
	asi_lazy.domain = asi_create(ASI_CLASS_KVM, &asi_lazy_ops, NULL);
	err = PTR_ERR_OR_ZERO(asi_lazy.domain);
	if (err)
		goto out_area;
	err = mmu_notifier_register(&asi_lazy.notifier, current->mm);
	if (err)
		goto out_domain;
	err = asi_lazy_start();
	if (!err) {
		asi_lazy_try(result);
		kthread_stop(asi_lazy.thread);
		err = asi_lazy.err;
	}
	mmu_notifier_unregister(&asi_lazy.notifier, current->mm);
out_domain:
	asi_destroy(asi_lazy.domain);
out_area:
	migrate_enable();
	vm_munmap(area, ASI_LAZY_SIZE);
	return err;
}
