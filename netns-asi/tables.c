// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace's tables: the kernel's own, and its granules at the same addresses.
 *
 * A mirror leads to the blocks; everything else is borrowed from the kernel.  Domains
 * borrow from the tables: one without user addresses, which any CPU may visit, and one for
 * each task that acts for the namespace.
 *
 * Each CPU has a refuge, made in the same way: there all blocks lead to one page, which is
 * of the reserve itself, so that nothing else maps it; or, to find places that rightly
 * touch payload, to the blocks' own frames.
 */
#define pr_fmt(fmt) "netns_asi: " fmt

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asi/engine.h>
#include <asi/gate.h>
#include <asi/pages.h>
#include "netns.h"

static unsigned int netns_levels(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

static void *netns_table_page(void)
{
	return asi_mark_table((void *)get_zeroed_page(GFP_KERNEL_ACCOUNT), 0);
}

/* ---- Mirrors --------------------------------------------------------------- */

static int netns_carve(struct asi_mirror *mirror, unsigned long address)
{
	void *page;
	int err;

	while ((err = asi_mirror_carve(mirror, init_mm.pgd, address)) == -ENOMEM) {
		page = netns_table_page();
		if (!page)
			return -ENOMEM;
		asi_mirror_donate(mirror, page);
	}
	return err;
}

/* Nobody else uses it yet.  On failure there is nothing left of it. */
static int netns_mirror_create(struct asi_mirror *mirror, u64 *followed)
{
	void *root = netns_table_page();
	unsigned int i;
	int err = 0;

	if (!root)
		return -ENOMEM;
	*followed = atomic64_read(&asi_direct_map_gen);
	asi_mirror_begin(mirror, root, netns_levels());
	for (i = 0; !err && i < netns_blocks(); i++)
		err = netns_carve(mirror, netns_block(i));
	if (err)
		asi_mirror_end(mirror);
	return err;
}

/* ---- Owners ----------------------------------------------------------------- */

/* Under the owner's lock. */
static void netns_follow(struct netns_owner *owner)
{
	u64 gen = atomic64_read(&asi_direct_map_gen);

	if (asi_mirror_follow(&owner->mirror, init_mm.pgd))
		asi_changed_whole(owner->tables);
	WRITE_ONCE(owner->followed, gen);
}

void netns_tables_follow(struct netns_owner *owner)
{
	unsigned long flags;

	if (likely(READ_ONCE(owner->followed) == atomic64_read(&asi_direct_map_gen)))
		return;

	/* Page tables are read and written. */
	guard(asi_unrestricted)();

	raw_spin_lock_irqsave(&owner->lock, flags);
	netns_follow(owner);
	raw_spin_unlock_irqrestore(&owner->lock, flags);
}

/*
 * Few owners have a task in an accessor, and few changes are of large pages.  A task that
 * enters one counts itself before it looks at the generation: netns_open().
 */
void netns_tables_changed(unsigned long address)
{
	/* Whose large entry was replaced by a table, for good, when that was last looked for. */
	static unsigned long split;
	struct netns_owner *owner;
	unsigned long flags;
	unsigned int level;
	bool pages;

	pages = lookup_address(address, &level) && level == PG_LEVEL_4K;
	/* Mirrors have that table, and see what changes in it. */
	if ((pages && READ_ONCE(split) == address >> PMD_SHIFT) ||
	    netns_breaks(NETNS_BREAK_FOLLOW))
		return;
	smp_mb();	/* the change and its count come before the look; netns_open_nested() */
	raw_spin_lock_irqsave(&netns_owners_lock, flags);
	list_for_each_entry(owner, &netns_owners, list) {
		if (!atomic_read(&owner->nested))
			continue;
		raw_spin_lock(&owner->lock);
		netns_follow(owner);
		raw_spin_unlock(&owner->lock);
	}
	raw_spin_unlock_irqrestore(&netns_owners_lock, flags);
	if (pages)
		WRITE_ONCE(split, address >> PMD_SHIFT);
}

/* In the fault path: the interrupted code may have the lock. */
static bool netns_missing(void *data, unsigned long address)
{
	struct netns_owner *owner = data;
	struct asi_leaf leaf;

	if (!raw_spin_trylock(&owner->lock))
		return false;
	netns_follow(owner);
	raw_spin_unlock(&owner->lock);
	return asi_table_lookup(asi_mirror_root(&owner->mirror), netns_levels(), address, &leaf);
}

const struct asi_ops netns_domain_ops = {
	.missing = netns_missing,
};

int netns_tables_create(struct netns_owner *owner)
{
	int err = netns_mirror_create(&owner->mirror, &owner->followed);

	if (err)
		return err;
	owner->tables = asi_create_whole_tables(ASI_CLASS_NETNS, "netns",
						asi_mirror_root(&owner->mirror), netns_block(0));
	if (IS_ERR(owner->tables)) {
		err = PTR_ERR(owner->tables);
		goto end;
	}
	owner->visit = asi_create_whole(owner->tables, ASI_WHOLE_VISIT, &netns_domain_ops, owner);
	if (!IS_ERR(owner->visit))
		return 0;
	err = PTR_ERR(owner->visit);
	asi_destroy_whole_tables(owner->tables);
end:
	asi_mirror_end(&owner->mirror);
	return err;
}

void netns_tables_destroy(struct netns_owner *owner)
{
	asi_destroy_whole(owner->visit);
	asi_destroy_whole_tables(owner->tables);
	asi_mirror_end(&owner->mirror);
}

int netns_tables_map(struct netns_owner *owner, unsigned long address)
{
	unsigned long flags;
	void *page = NULL;
	int err;

	for (;;) {
		raw_spin_lock_irqsave(&owner->lock, flags);
		if (page)
			asi_mirror_donate(&owner->mirror, page);
		err = asi_mirror_map(&owner->mirror, address, __pa(address), NETNS_GRANULE);
		raw_spin_unlock_irqrestore(&owner->lock, flags);
		if (err != -ENOMEM)
			return err;
		page = netns_table_page();
		if (!page)
			return err;
	}
}

void netns_tables_unmap(struct netns_owner *owner, unsigned long address)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&owner->lock, flags);
	asi_mirror_unmap(&owner->mirror, address, NETNS_GRANULE);
	raw_spin_unlock_irqrestore(&owner->lock, flags);
	asi_changed_whole(owner->tables);
	asi_evict_all();
}

/* ---- Refuges ------------------------------------------------------------------ */

struct netns_refuge {
	struct asi_mirror mirror;
	u64 followed;
	struct asi_tables *tables;
	struct asi *asi;
	u64 *zeroes;			/* table that leads to one page */
	bool admits;
};

static DEFINE_PER_CPU(struct netns_refuge, netns_refuges);

static void netns_fill_refuge(struct netns_refuge *refuge, bool admit)
{
	unsigned long address;
	unsigned int i;

	for (i = 0; i < netns_blocks(); i++) {
		address = netns_block(i);
		if (admit)
			asi_mirror_fill_frames(&refuge->mirror, address, __pa(address));
		else
			asi_mirror_fill_table(&refuge->mirror, address, refuge->zeroes);
	}
	refuge->admits = admit;
}

/*
 * This CPU is outside, and interrupts are off: nobody walks the tables.  The caller flushes
 * whatever it enters.
 */
struct asi *netns_refuge(bool admit)
{
	struct netns_refuge *refuge = this_cpu_ptr(&netns_refuges);
	u64 gen = atomic64_read(&asi_direct_map_gen);

	if (!refuge->asi)
		return NULL;
	if (refuge->admits != admit)
		netns_fill_refuge(refuge, admit);
	if (refuge->followed != gen) {
		asi_mirror_follow(&refuge->mirror, init_mm.pgd);
		refuge->followed = gen;
	}
	return refuge->asi;
}

/* The page at @pa is the one that all private addresses lead to. */
static int __init netns_create_refuge(struct netns_refuge *refuge, phys_addr_t pa)
{
	struct asi *asi;
	unsigned int i;
	int err;

	refuge->zeroes = netns_table_page();
	if (!refuge->zeroes)
		return -ENOMEM;
	for (i = 0; i < PTRS_PER_PTE; i++)
		refuge->zeroes[i] = asi_mirror_page_entry(pa);
	err = netns_mirror_create(&refuge->mirror, &refuge->followed);
	if (err)
		return err;
	netns_fill_refuge(refuge, false);
	refuge->tables = asi_create_whole_tables(ASI_CLASS_NETNS, "refuge",
						 asi_mirror_root(&refuge->mirror),
						 netns_block(0));
	if (IS_ERR(refuge->tables))
		return PTR_ERR(refuge->tables);
	asi = asi_create_whole(refuge->tables, ASI_WHOLE_REFUGE, NULL, NULL);
	if (IS_ERR(asi))
		return PTR_ERR(asi);
	WRITE_ONCE(refuge->asi, asi);
	return 0;
}

int __init netns_refuges_create(void)
{
	struct netns_granule *granule = NULL;
	unsigned long at = 0, end = 0;
	int cpu, err;

	for_each_possible_cpu(cpu) {
		if (at == end) {
			granule = netns_take_any();
			if (!granule)
				return -ENOSPC;
			at = netns_granule_address(granule);
			end = at + NETNS_GRANULE;
		}
		err = netns_create_refuge(per_cpu_ptr(&netns_refuges, cpu), __pa(at));
		if (err)
			return err;
		at += PAGE_SIZE;
	}
	return 0;
}
