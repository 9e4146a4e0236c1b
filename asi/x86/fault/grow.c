// SPDX-License-Identifier: GPL-2.0-only
/*
 * Growth: mapping what was touched.  Runs in the fault path, unrestricted and like an
 * NMI handler: it draws on reserves, and waits for no lock that the interrupted code
 * may hold.
 */
#include <linux/lockdep.h>
#include <linux/mm.h>
#include "fault/fault.h"

/* Does an entry allow an access? */
static bool asi_entry_allows(u64 entry, enum asi_access access)
{
	if (access == ASI_ACCESS_WRITE)
		return entry & _PAGE_RW;
	return access != ASI_ACCESS_EXEC || !(entry & _PAGE_NX);
}

bool asi_kernel_allows(const struct asi_place *place, enum asi_access access)
{
	if (!place->mapped)
		return false;
	/* Dirty must be set already: it could not be passed on from here. */
	if (access == ASI_ACCESS_WRITE && place->kind == ASI_KIND_GUEST_MEMORY)
		return (place->leaf.entry & _PAGE_RW) && (place->leaf.entry & _PAGE_DIRTY);
	return asi_entry_allows(place->leaf.entry, access);
}

/*
 * Map guest memory, not executable and no more writable than the process has
 * it by now: one page, or all of a large one if all of it is the guest's.  The
 * lock orders this against asi_zap_user().
 */
static int asi_grow_user(struct asi_space *space, struct asi *asi, u64 page,
			 struct asi_place *place)
{
	u64 entry = _PAGE_PRESENT | _PAGE_USER | _PAGE_NX;
	u64 size = PAGE_SIZE;

	asi_classify(asi, page, place);
	if (place->kind != ASI_KIND_GUEST_MEMORY || !place->mapped)
		return -EAGAIN;
	if (place->leaf.size == PMD_SIZE &&
	    asi->ops->owns_user(asi->owner, place->leaf.va, PMD_SIZE)) {
		page = place->leaf.va;
		size = PMD_SIZE;
	}
	if ((place->leaf.entry & _PAGE_RW) && (place->leaf.entry & _PAGE_DIRTY))
		entry |= _PAGE_RW;
	return asi_pt_map(&space->pt, page, place->leaf.pa + (page - place->leaf.va),
			  size, entry, place->kind, NULL);
}

/* Tables are looked at only. */
static int asi_map_table(struct asi_space *space, unsigned long table)
{
	return asi_pt_map(&space->pt, table, __pa(table), PAGE_SIZE, _PAGE_PRESENT | _PAGE_NX,
			  ASI_KIND_OWN_TABLE, NULL);
}

/* Nothing to be mapped came of it. */
static void asi_unnote(struct asi_space *space, u64 va, unsigned long pfn, u64 size)
{
	u64 end = va + size;

	for (; va < end; va += PAGE_SIZE, pfn++)
		asi_rmap_remove(space, pfn, va);
}

/*
 * Before pages are mapped: who frees them, or changes how the kernel maps them, looks
 * at the flags first, and then who is noted.  What is mapped already is noted.
 */
static bool asi_note(struct asi_space *space, u64 va, unsigned long pfn, u64 size)
{
	struct asi_leaf leaf;
	u64 at;

	/* The base map, which grows by large pages, has no notes. */
	for (at = va; space->type != ASI_SPACE_BASE && at < va + size; at += PAGE_SIZE) {
		if (!asi_pt_lookup(&space->pt, at, &leaf) &&
		    asi_rmap_add(space, pfn + ((at - va) >> PAGE_SHIFT), at, false))
			goto unnote;
	}
	if (asi_flag_frames(pfn, size >> PAGE_SHIFT))
		return true;
unnote:
	asi_unnote(space, va, pfn, size);
	return false;
}

/* Who needs one table for a guest's memory needs the following soon. */
#define ASI_TABLES_AHEAD	7
/* New tables that one fault may take: one of each level below the root. */
#define ASI_TABLES_A_FAULT	4

static void asi_grow_ahead(struct asi_space *space, struct asi *asi, unsigned long table)
{
	unsigned long user;
	unsigned int i;

	if (!asi->ops->owns_user || !asi->ops->translates(asi->owner, &user) ||
	    asi_lowest_table(user) != table)
		return;
	/* What the next fault may take stays at hand. */
	for (i = 0; i < ASI_TABLES_AHEAD && asi_pt_reserve(&space->pt) > ASI_TABLES_A_FAULT; i++) {
		user = ALIGN_DOWN(user, PMD_SIZE) + PMD_SIZE;
		if (!asi->ops->owns_user(asi->owner, user, PAGE_SIZE))
			return;
		table = asi_lowest_table(user);
		if (!table)
			continue;
		if (!asi_note(space, table, PHYS_PFN(__pa(table)), PAGE_SIZE))
			return;
		/* As in asi_grow_kernel(): freed from here on, it is taken out again. */
		smp_mb();
		if (asi_lowest_table(user) != table || asi_map_table(space, table)) {
			asi_unnote(space, table, PHYS_PFN(__pa(table)), PAGE_SIZE);
			return;
		}
	}
}

/*
 * The flag goes up first: a page freed before that is seen here as another kind.
 * Of the memory map comes as much as the kernel has in one entry.
 */
static int asi_grow_kernel(struct asi_space *space, struct asi *asi, u64 address, u64 page,
			   const struct asi_place *place)
{
	struct asi_place again;
	u64 size = PAGE_SIZE;
	unsigned long pfn;
	int err;

	if (place->kind == ASI_KIND_VMEMMAP && place->leaf.size == PMD_SIZE &&
	    space->type == ASI_SPACE_BASE) {
		page = place->leaf.va;
		size = PMD_SIZE;
	} else if (place->kind == ASI_KIND_SLAB && space->type == ASI_SPACE_TABLES) {
		const struct folio *folio = virt_to_folio((void *)address);

		page = (u64)folio_address(folio);
		size = folio_size(folio);
	}
	pfn = PHYS_PFN(place->leaf.pa + (page - place->leaf.va));
	if (!asi_note(space, page, pfn, size))
		return -ENOMEM;
	/* Pairs with the tests of the flags in revoke.c. */
	smp_mb();
	asi_classify(asi, address, &again);
	if (again.kind != place->kind || again.leaf.pa != place->leaf.pa ||
	    asi_is_closing(page)) {
		err = -EAGAIN;
	} else if (place->kind == ASI_KIND_OWN_TABLE) {
		err = asi_map_table(space, page);
		if (!err)
			asi_grow_ahead(space, asi, page);
	} else {
		err = asi_pt_clone(&space->pt, asi_kernel_root(), page, size, place->kind,
				   NULL, NULL);
	}
	if (err)
		asi_unnote(space, page, pfn, size);
	return err;
}

/*
 * Whoever holds a lock may be this CPU, interrupted, so there is one try.  Not in the
 * domain of a task: what holds such a lock runs outside, and on another CPU.
 */
#define ASI_LOCK_TRIES	(1U << 20)

/*
 * Map the page in @space, which may be one that @asi borrows from, and see that @asi
 * shows it.  A leaf of a borrowed table stays as it is: without this look the same
 * access would fault for ever.
 */
static int asi_grow_locked(struct asi_space *space, struct asi *asi, unsigned long address,
			   struct asi_place *place, enum asi_access access)
{
	u32 replaced = asi_pt_replaced(&space->pt);
	u64 page = address & PAGE_MASK;
	struct asi_leaf leaf;
	int err;

	err = address < TASK_SIZE_MAX ? asi_grow_user(space, asi, page, place) :
					asi_grow_kernel(space, asi, address, page, place);
	if (!err && (!asi_pt_lookup(&asi->space.pt, address, &leaf) ||
		     !asi_entry_allows(leaf.entry, access)))
		err = -EACCES;
	if (asi_lender_to_lock(space) && asi_pt_replaced(&space->pt) != replaced)
		asi_space_adopt(space, address, address + 1);
	asi_inc_tlb_gen_if_replaced(space, replaced);
	return err;
}

/* The same beside the lender that asi_lender_to_lock() says. */
static int asi_grow_beside(struct asi_space *lender, struct asi_space *space, struct asi *asi,
			   unsigned long address, struct asi_place *place,
			   enum asi_access access)
{
	int err;

	if (!raw_spin_trylock(&lender->lock))
		return -EAGAIN;
	err = asi_grow_locked(space, asi, address, place, access);
	raw_spin_unlock(&lender->lock);
	return err;
}

static bool asi_grow_in(struct asi_space *space, struct asi *asi, unsigned long address,
			struct asi_place *place, enum asi_access access)
{
	unsigned int tries = asi->space.type == ASI_SPACE_TASK ? ASI_LOCK_TRIES : 1;
	struct asi_space *lender = asi_lender_to_lock(space);
	int err;

	while (!raw_spin_trylock(&space->lock)) {
		if (!--tries)
			return false;
		cpu_relax();
	}
	err = lender ? asi_grow_beside(lender, space, asi, address, place, access) :
		       asi_grow_locked(space, asi, address, place, access);
	raw_spin_unlock(&space->lock);

	if (err == -ENOMEM)
		asi_count(ASI_EV_RESERVE_EMPTY);
	asi_space_refill_later(space);
	return !err;
}

/* The memory map is every domain's, and what a task's domain borrows all such tasks'. */
static bool asi_grow_page(struct asi *asi, unsigned long address, struct asi_place *place,
			  enum asi_access access)
{
	if (place->kind == ASI_KIND_VMEMMAP)
		return asi_grow_in(&asi_base->space, asi, address, place, access);
	if (asi_task_domain(asi) &&
	    asi_grow_in(&asi->lender->space, asi, address, place, access))
		return true;
	return asi_grow_in(&asi->space, asi, address, place, access);
}

bool asi_grow(struct asi *asi, const struct asi_fault *fault, struct asi_place *place)
{
	enum asi_access access = fault->info.access;
	struct asi_place other;
	unsigned long page;

	for (page = fault->start; page < fault->end; page += PAGE_SIZE) {
		if (page == (fault->info.address & PAGE_MASK))
			continue;
		asi_classify(asi, page, &other);
		if (other.kind == place->kind && asi_kernel_allows(&other, access))
			asi_grow_page(asi, page, &other, access);
	}
	return asi_grow_page(asi, fault->info.address, place, access);
}
