// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain that is wrong on purpose: it is never entered for longer than it
 * takes to learn its root, and asi/verify must find what is wrong with it.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>
#include <asi/asi.h>
#include "asi_test.h"

/* More than per-CPU lists keep, so that freed means free. */
#define ASI_WRONG_ORDER	6
/* One that is not the first of a free block. */
#define ASI_WRONG_INDEX	17

static struct asi *asi_wrong_domain;
static struct page *asi_wrong_pages;
static void *asi_wrong_alias;

void asi_corrupt_end(void)
{
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

/* The last-level entry for @va in the raw tables. */
static u64 *asi_raw_entry(struct asi *asi, unsigned long va)
{
	unsigned int level = pgtable_l5_enabled() ? 5 : 4;
	u64 *table = asi_raw_root(asi);

	for (;; level--) {
		u64 *entry = &table[(va >> (PAGE_SHIFT + (level - 1) * 9)) & (PTRS_PER_PTE - 1)];

		if (level == 1)
			return entry;
		if (!(*entry & _PAGE_PRESENT) || (*entry & _PAGE_PSE))
			return NULL;
		table = __va(*entry & PTE_PFN_MASK);
	}
}

/* A page of its own, mapped rightly at @va of the domain. */
static int asi_corrupt_entry(unsigned long va, const char *what)
{
	u64 *entry;
	int err = asi_map(asi_wrong_domain, (void *)va, PAGE_SIZE, ASI_KIND_OBJECT);

	if (err)
		return err;
	entry = asi_raw_entry(asi_wrong_domain, va);
	if (!entry)
		return -ENOENT;
	if (!strcmp(what, "global")) {
		*entry |= _PAGE_GLOBAL;
	} else if (!strcmp(what, "frame")) {
		*entry += PAGE_SIZE;
	} else if (!strcmp(what, "executable")) {
		*entry &= ~_PAGE_NX;
	} else if (!strcmp(what, "writable")) {
		*entry |= _PAGE_RW;
	} else if (!strcmp(what, "free")) {
		u64 old = *entry;

		__free_pages(asi_wrong_pages, ASI_WRONG_ORDER);
		asi_wrong_pages = NULL;
		*entry = old;
	} else if (!strcmp(what, "unmapped")) {
		vunmap(asi_wrong_alias);
		asi_wrong_alias = NULL;
	} else if (strcmp(what, "nothing")) {
		return -EINVAL;
	}
	return 0;
}

int asi_corrupt(const char *what, const struct asi_secret *secret)
{
	bool alias = !strcmp(what, "writable") || !strcmp(what, "unmapped");
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
