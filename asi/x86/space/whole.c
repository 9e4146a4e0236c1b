// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains that show all of the kernel: every top-level entry of its own table is
 * borrowed, but for one, which is the consumer's and leads to memory that the kernel does
 * not map.  Nothing is mapped in them page by page, so they have no part in the reverse
 * map and are on a list of their own.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <asi/gate.h>
#include <asi/private.h>
#include "space/space.h"

LIST_HEAD(asi_wholes);

static int asi_borrow_kernel(struct asi_space *space, const u64 *part, unsigned long address)
{
	const u64 *kernel = asi_kernel_root();
	int i, err;

	for (i = PTRS_PER_PGD / 2; i < PTRS_PER_PGD; i++) {
		const u64 *from = i == pgd_index(address) ? part : kernel;
		unsigned long va = ((unsigned long)i << PGDIR_SHIFT) |
				   (~0UL << (PGDIR_SHIFT + 8));

		if (!(from[i] & _PAGE_PRESENT))
			continue;
		err = asi_space_borrow(space, from, va, asi_levels());
		if (err)
			return err;
	}
	return 0;
}

struct asi_tables *asi_create_whole_tables(enum asi_class cls, const char *name,
					   const void *part, unsigned long address)
{
	struct asi_tables *tables;
	int err;

	guard(asi_unrestricted)();

	tables = asi_new(ASI_SPACE_TABLES, cls, 0);
	if (IS_ERR(tables))
		return tables;
	tables->space.pid = 0;
	strscpy(tables->space.comm, name, sizeof(tables->space.comm));
	err = asi_borrow_kernel(&tables->space, part, address);
	if (err) {
		asi_delete(&tables->space);
		return ERR_PTR(err);
	}
	asi_activate();
	return tables;
}

void asi_destroy_whole_tables(struct asi_tables *tables)
{
	guard(asi_unrestricted)();

	if (!IS_ERR_OR_NULL(tables))
		asi_delete(&tables->space);
}

static enum asi_space_type asi_whole_type(enum asi_whole how)
{
	switch (how) {
	case ASI_WHOLE_TASK:
		return ASI_SPACE_TASK;
	case ASI_WHOLE_VISIT:
		return ASI_SPACE_STRICT;
	default:
		return ASI_SPACE_REFUGE;
	}
}

struct asi *asi_create_whole(struct asi_tables *tables, enum asi_whole how,
			     const struct asi_ops *ops, void *owner)
{
	struct asi_task_domain *domain;
	struct asi *asi;
	int err;

	guard(asi_unrestricted)();

	asi = asi_new_domain(asi_whole_type(how), tables->space.cls, ops, owner);
	if (IS_ERR(asi))
		return asi;
	asi->lender = tables;
	asi->space.tlb.lender = &tables->space.tlb;
	domain = asi_task_domain(asi);
	if (domain) {
		domain->task = current;
		domain->root = asi_pt_root_table(&asi->space.pt);
	}
	err = asi_borrow_root(&asi->space, &tables->space);
	if (err) {
		asi_delete_domain(asi);
		return ERR_PTR(err);
	}
	mutex_lock(&asi_spaces_mutex);
	list_add_tail(&asi->space.list, &asi_wholes);
	mutex_unlock(&asi_spaces_mutex);
	if (!static_key_enabled(&asi_gate_key))
		static_branch_enable(&asi_gate_key);
	return asi;
}

void asi_destroy_whole(struct asi *asi)
{
	guard(asi_unrestricted)();

	if (IS_ERR_OR_NULL(asi))
		return;
	asi_forget(asi);
	mutex_lock(&asi_spaces_mutex);
	list_del(&asi->space.list);
	mutex_unlock(&asi_spaces_mutex);
	asi_delete_domain(asi);
}

void asi_changed_whole(struct asi_tables *tables)
{
	asi_inc_tlb_gen(&tables->space);
}

void asi_evict_all(void)
{
	asi_evict_everywhere();
}

/* Where CR3 points to is what the CPU used until now, whoever's process that is. */
void asi_take_user_half(struct asi *asi)
{
	const u64 *from = __va(__native_read_cr3() & CR3_ADDR_MASK);
	u64 *root = asi_pt_root_table(&asi->space.pt);
	int i;

	for (i = 0; i < PTRS_PER_PGD / 2; i++)
		WRITE_ONCE(root[i], READ_ONCE(from[i]));
	asi_inc_tlb_gen(&asi->space);
}
