// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make a domain grow by user addresses 2 MiB apart, each of which takes a table; count
 * its tables, and whom they are charged to; take the addresses away and count again.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>
#include <asm/pgtable.h>
#include <asi/asi.h>
#include "asi_test.h"

/* Let the worker that fills the reserve keep up. */
#define ASI_BREATHER	16
/* Milliseconds in which tables that became empty have to go. */
#define ASI_PATIENCE	2000

static struct {
	struct mm_struct *mm;
	unsigned long start, end;
} asi_area;

static bool asi_area_owns(void *owner, unsigned long start, unsigned long size)
{
	return current->mm == asi_area.mm && start >= asi_area.start &&
	       start + size <= asi_area.end;
}

static const struct asi_ops asi_area_ops = { .owns_user = asi_area_owns };

/* Read one address inside.  False: that left. */
static bool asi_touch(struct asi *domain, unsigned long address, u64 **root)
{
	unsigned long cr3;
	bool inside;
	char byte;

	preempt_disable();
	local_irq_disable();
	cr3 = asi_enter(domain);
	asi_relax();
	local_irq_enable();
	inside = !__get_user(byte, (char __user *)address) && asi_current() == domain;
	asi_exit();
	preempt_enable();
	*root = __va(cr3 & CR3_ADDR_MASK);
	return inside;
}

/* Nothing changes them meanwhile. */
static void asi_count_tables(const u64 *table, unsigned int level, struct asi_growth *result,
			     unsigned int *tables)
{
	unsigned int i;

	(*tables)++;
	rcu_read_lock();
	if (page_memcg_check(virt_to_page(table)) == mem_cgroup_from_task(current))
		result->charged++;
	rcu_read_unlock();
	for (i = 0; level > 1 && i < PTRS_PER_PTE; i++) {
		if ((table[i] & _PAGE_PRESENT) && (table[i] & _PAGE_SOFTW1) &&
		    !(table[i] & _PAGE_PSE))
			asi_count_tables(__va(table[i] & PTE_PFN_MASK), level - 1, result, tables);
	}
}

static unsigned int asi_tables_of(const u64 *root, struct asi_growth *result)
{
	unsigned int tables = 0;

	result->charged = 0;
	asi_count_tables(root, pgtable_l5_enabled() ? 5 : 4, result, &tables);
	return tables;
}

static void asi_grow_all(struct asi *domain, unsigned int count, struct asi_growth *result)
{
	unsigned long at = asi_area.start;
	struct asi_growth left = {};
	unsigned int i;
	u64 *root = NULL;

	for (i = 0; i < count; i++, at += PMD_SIZE) {
		bool inside = asi_touch(domain, at, &root);

		result->outside += !inside;
		/* Without a table page it left: the worker is late. */
		if (!inside)
			usleep_range(5000, 10000);
		else if (i % ASI_BREATHER == ASI_BREATHER - 1)
			usleep_range(1000, 2000);
	}
	/* The worker is done by then. */
	msleep(300);
	result->tables = asi_tables_of(root, result);
	/* As from an MMU notifier. */
	asi_zap_user(domain, asi_area.start, asi_area.end);
	for (i = 0; i < ASI_PATIENCE / 100; i++) {
		msleep(100);
		result->left = asi_tables_of(root, &left);
	}
}

int asi_growth_run(unsigned int count, unsigned int mib, struct asi_growth *result)
{
	unsigned long size = count * PMD_SIZE, at;
	struct asi *domain;
	int err = 0;
	char byte;

	memset(result, 0, sizeof(*result));
	asi_area.start = vm_mmap(NULL, 0, size, PROT_READ,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);
	if (IS_ERR_VALUE(asi_area.start))
		return asi_area.start;
	asi_area.end = asi_area.start + size;
	asi_area.mm = current->mm;
	for (at = asi_area.start; !err && at < asi_area.end; at += PMD_SIZE)
		err = get_user(byte, (char __user *)at);
	if (err)
		goto out_area;
	domain = asi_create(ASI_CLASS_KVM, &asi_area_ops, NULL);
	err = PTR_ERR_OR_ZERO(domain);
	if (err)
		goto out_area;
	if (mib)
		asi_limit(domain, (u64)mib << 20);
	err = asi_map_current(domain) ?:
	      asi_map(domain, current->mm, sizeof(*current->mm), ASI_KIND_OWN_TASK);
	if (!err)
		asi_grow_all(domain, count, result);
	asi_work_done(domain);
	asi_destroy(domain);
out_area:
	vm_munmap(asi_area.start, size);
	return err;
}
