// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain that is wrong on purpose: it is never entered for longer than it
 * takes to learn its root, and asi/verify must find what is wrong with it.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>
#include <asi/asi.h>
#include <asi/engine.h>
#include <asi/hooks.h>
#include "asi_test.h"

/* More than per-CPU lists keep, so that freed means free. */
#define ASI_WRONG_ORDER	8
/* Not the first of a free block, and far from its start, where it is used again. */
#define ASI_WRONG_INDEX	251

static struct asi *asi_wrong_domain;
static struct page *asi_wrong_pages;
static void *asi_wrong_alias;
/* An entry that has to be right again before the domain is destroyed. */
static u64 *asi_wrong_entry, asi_right_value;
static unsigned long asi_uncached;

void asi_corrupt_end(void)
{
	if (asi_wrong_entry)
		*asi_wrong_entry = asi_right_value;
	asi_wrong_entry = NULL;
	if (asi_uncached)
		set_memory_wb(asi_uncached, 1);
	asi_uncached = 0;
	asi_destroy(asi_wrong_domain);
	asi_wrong_domain = NULL;
	if (asi_wrong_alias)
		vunmap(asi_wrong_alias);
	asi_wrong_alias = NULL;
	if (asi_wrong_pages)
		__free_pages(asi_wrong_pages, ASI_WRONG_ORDER);
	asi_wrong_pages = NULL;
}

static u64 *asi_raw_root(struct asi *asi)
{
	unsigned long flags, cr3;

	local_irq_save(flags);
	cr3 = asi_enter(asi);
	asi_relax();
	asi_exit();
	local_irq_restore(flags);
	return __va(cr3 & CR3_ADDR_MASK);
}

/* The entry for @va on @at_level of the raw tables. */
static u64 *asi_raw_entry(struct asi *asi, unsigned long va, unsigned int at_level)
{
	unsigned int level = pgtable_l5_enabled() ? 5 : 4;
	u64 *table = asi_raw_root(asi);

	for (;; level--) {
		u64 *entry = &table[(va >> (PAGE_SHIFT + (level - 1) * 9)) & (PTRS_PER_PTE - 1)];

		if (level == at_level)
			return entry;
		if (!(*entry & _PAGE_PRESENT) || (*entry & _PAGE_PSE))
			return NULL;
		table = __va(*entry & PTE_PFN_MASK);
	}
}

static void asi_free_wrong_pages(void)
{
	__free_pages(asi_wrong_pages, ASI_WRONG_ORDER);
	asi_wrong_pages = NULL;
}

static void asi_vunmap_wrong_alias(void)
{
	vunmap(asi_wrong_alias);
	asi_wrong_alias = NULL;
}

/* What isolation must not follow is undone behind its back. */
static void asi_put_back(u64 *entry, u64 old)
{
	/* The quarantine, if it came to that, is empty again. */
	msleep(50);
	*entry = old;
}

static int asi_stack_donor(void *unused)
{
	int err = asi_map_current(asi_wrong_domain);

	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return err;
}

/* A thread's stack is mapped, and the thread ends. */
static int asi_dead_stack(void)
{
	struct task_struct *thread = kthread_create(asi_stack_donor, NULL, "asi_donor");

	if (IS_ERR(thread))
		return PTR_ERR(thread);
	kthread_bind(thread, 0);
	wake_up_process(thread);
	msleep(50);
	return kthread_stop(thread);
}

/* A page of its own, mapped rightly at @va of the domain. */
static int asi_corrupt_entry(unsigned long va, const char *what)
{
	u64 *entry, *above, old;
	int err = asi_map(asi_wrong_domain, (void *)va, PAGE_SIZE, ASI_KIND_OBJECT);

	if (err)
		return err;
	entry = asi_raw_entry(asi_wrong_domain, va, 1);
	above = asi_raw_entry(asi_wrong_domain, va, 2);
	if (!entry)
		return -ENOENT;
	old = *entry;
	if (!strcmp(what, "global")) {
		*entry |= _PAGE_GLOBAL;
	} else if (!strcmp(what, "frame")) {
		*entry += PAGE_SIZE;
	} else if (!strcmp(what, "executable")) {
		*entry &= ~_PAGE_NX;
	} else if (!strcmp(what, "writable")) {
		*entry |= _PAGE_RW;
	} else if (!strcmp(what, "user")) {
		*entry |= _PAGE_USER;
	} else if (!strcmp(what, "cache")) {
		*entry |= _PAGE_PCD;
	} else if (!strcmp(what, "free")) {
		asi_free_wrong_pages();
		asi_put_back(entry, old);
	} else if (!strcmp(what, "unmapped")) {
		asi_vunmap_wrong_alias();
		asi_put_back(entry, old);
	} else if (!strcmp(what, "borrowed")) {
		asi_wrong_entry = above;
		asi_right_value = *above;
		*above &= ~_PAGE_SOFTW1;
	} else if (!strcmp(what, "percpu")) {
		asi_unmap(asi_wrong_domain,
			  per_cpu_ptr(&this_cpu_off, cpumask_last(cpu_possible_mask)), 1);
	} else if (!strcmp(what, "quarantine")) {
		asi_free_wrong_pages();
		*entry = old;
	} else if (!strcmp(what, "freed")) {
		asi_free_wrong_pages();
		msleep(50);
	} else if (!strcmp(what, "vunmapped")) {
		asi_vunmap_wrong_alias();
	} else if (!strcmp(what, "uncached")) {
		err = set_memory_uc(va, 1);
		asi_uncached = err ? 0 : va;
	} else if (!strcmp(what, "deadstack")) {
		err = asi_dead_stack();
	} else if (strcmp(what, "nothing")) {
		return -EINVAL;
	}
	return err;
}

/* A table page that a domain may look at, if at all. */
static int asi_map_table(unsigned long va, bool writable)
{
	u64 *entry;
	int err = asi_map(asi_wrong_domain, (void *)va, 1, ASI_KIND_OBJECT);

	if (err || writable)
		return err;
	entry = asi_raw_entry(asi_wrong_domain, va, 1);
	if (!entry)
		return -ENOENT;
	*entry &= ~(_PAGE_RW | _PAGE_DIRTY);
	return 0;
}

/* An object on pages of its own is freed while the domain maps it. */
static int asi_map_freed_object(void)
{
	void *object = __asi_zalloc_local_nonsensitive(64, GFP_KERNEL);
	int err;

	if (!object)
		return -ENOMEM;
	err = asi_map(asi_wrong_domain, object, 64, ASI_KIND_OBJECT);
	kfree(object);
	return err;
}

/* The lowest table for the running process's stack, which stays while it runs. */
static unsigned long asi_own_table(void)
{
	unsigned long va = current->mm->start_stack;
	struct asi_leaf leaf;
	u64 *table = (u64 *)current->mm->pgd;
	unsigned int level;

	if (!asi_table_lookup(table, pgtable_l5_enabled() ? 5 : 4, va, &leaf))
		return 0;
	for (level = pgtable_l5_enabled() ? 5 : 4; level > 1; level--)
		table = __va(table[(va >> (PAGE_SHIFT + (level - 1) * 9)) &
				   (PTRS_PER_PTE - 1)] & PTE_PFN_MASK);
	return (unsigned long)table;
}

int asi_corrupt(const char *what, const struct asi_secret *secret)
{
	bool alias = !strcmp(what, "writable") || !strcmp(what, "unmapped") ||
		     !strcmp(what, "vunmapped");
	struct page *page;
	unsigned long va;
	int err;

	asi_corrupt_end();
	if (!strcmp(what, "end"))
		return 0;
	asi_wrong_domain = asi_create(ASI_CLASS_TEST, NULL, NULL);
	if (IS_ERR(asi_wrong_domain)) {
		err = PTR_ERR(asi_wrong_domain);
		asi_wrong_domain = NULL;
		return err;
	}
	err = asi_map_current(asi_wrong_domain);
	if (err)
		goto out;
	if (!strcmp(what, "secret")) {
		err = asi_map(asi_wrong_domain, (void *)secret->address, 1, ASI_KIND_OBJECT);
		goto out;
	}
	if (!strcmp(what, "secret_readonly")) {
		err = asi_map_table(secret->address, false);
		goto out;
	}
	if (!strcmp(what, "memmap")) {
		err = asi_map_memory_map(asi_wrong_domain);
		goto out;
	}
	if (!strcmp(what, "fenced")) {
		err = asi_map_fenced(asi_wrong_domain);
		goto out;
	}
	if (!strcmp(what, "registers")) {
		err = asi_map_registers(asi_wrong_domain);
		goto out;
	}
	if (!strcmp(what, "freed_object")) {
		err = asi_map_freed_object();
		goto out;
	}
	if (!strncmp(what, "own_table", 9)) {
		va = asi_own_table();
		err = va ? asi_map_table(va, !strcmp(what, "own_table_writable")) : -EFAULT;
		goto out;
	}
	err = -ENOMEM;
	asi_wrong_pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, ASI_WRONG_ORDER);
	if (!asi_wrong_pages)
		goto out;
	page = asi_wrong_pages + ASI_WRONG_INDEX;
	va = (unsigned long)page_address(page);
	if (alias) {
		asi_wrong_alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL_RO);
		if (!asi_wrong_alias)
			goto out;
		va = (unsigned long)asi_wrong_alias;
	}
	err = asi_corrupt_entry(va, what);
out:
	if (err)
		asi_corrupt_end();
	return err;
}
