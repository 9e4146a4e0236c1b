// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page table with its lock, its generation and its reserve: what is mapped in it,
 * and taken out again.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/gfp.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asi/gate.h>
#include "core/trace.h"
#include "space/space.h"

void *asi_space_alloc(enum asi_space_type type, u32 reserve)
{
	struct asi_space *space = (struct asi_space *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	BUILD_BUG_ON(sizeof(struct asi_vm_domain) > PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct asi_task_domain) > PAGE_SIZE);
	if (!space)
		return NULL;
	raw_spin_lock_init(&space->lock);
	space->type = type;
	asi_tlb_new_domain(&asi_tlb, &space->tlb);
	if (asi_pt_init(&space->pt, asi_levels())) {
		free_page((unsigned long)space);
		return NULL;
	}
	asi_tables_begin(space, reserve);
	space->root = asi_pt_root(&space->pt);
	return space;
}

void asi_space_free(struct asi_space *space)
{
	asi_tables_end(space);
	asi_pt_destroy(&space->pt);
	free_page((unsigned long)space);
}

bool asi_space_zap_locked(struct asi_space *space, unsigned long start, unsigned long size)
{
	u32 leaves;

	lockdep_assert_held(&space->lock);
	leaves = asi_pt_zap(&space->pt, start, size);
	if (!leaves)
		return false;
	asi_inc_tlb_gen(space);
	asi_space_zapped(space, leaves, size);
	return true;
}

bool asi_space_zap(struct asi_space *space, unsigned long start, unsigned long size)
{
	unsigned long flags;
	bool zapped;

	raw_spin_lock_irqsave(&space->lock, flags);
	zapped = asi_space_zap_locked(space, start, size);
	raw_spin_unlock_irqrestore(&space->lock, flags);
	return zapped;
}

int asi_space_borrow(struct asi_space *space, const void *from, unsigned long va,
		     unsigned int level)
{
	unsigned long flags;
	u32 needed = 0;
	int err;

	do {
		raw_spin_lock_irqsave(&space->lock, flags);
		err = asi_pt_borrow(&space->pt, from, va, level, &needed);
		raw_spin_unlock_irqrestore(&space->lock, flags);
	} while (err == -ENOMEM && !asi_space_refill(space, needed));
	return err;
}

int asi_space_map_reserved(struct asi_space *space, unsigned long start,
			   unsigned long end, enum asi_kind kind)
{
	unsigned long flags;
	u32 needed = 0, replaced;
	u64 copied = 0;
	int err;

	if (end <= start)
		return -EINVAL;
	asi_flag_range(start, end);
	raw_spin_lock_irqsave(&space->lock, flags);
	replaced = asi_pt_replaced(&space->pt);
	err = asi_pt_clone(&space->pt, asi_kernel_root(), start, end - start, kind,
			   &copied, &needed);
	asi_inc_tlb_gen_if_replaced(space, replaced);
	raw_spin_unlock_irqrestore(&space->lock, flags);
	if (err == -ENOMEM)
		return needed;
	if (!err && copied != end - start)
		err = -EFAULT;
	return err;
}

int asi_space_map(struct asi_space *space, const void *addr, size_t size,
		  enum asi_kind kind)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)addr);
	unsigned long end = PAGE_ALIGN((unsigned long)addr + size);
	int err;

	might_sleep();
	do {
		err = asi_space_map_reserved(space, start, end, kind);
		if (err <= 0)
			break;
		/* Another CPU may use up what this one brings: keep a margin. */
		err = asi_space_refill(space, err + ASI_RESERVE / 2);
	} while (!err);
	if (asi_pt_reserve(&space->pt) < ASI_RESERVE / 2 && !err && !asi_space_is_full(space))
		err = asi_space_refill(space, ASI_RESERVE);
	if (err == -EFAULT)
		pr_warn_ratelimited("domain %u: %#lx-%#lx (%s) is not all mapped\n",
				    space->id, start, end, asi_kind_name(kind));
	trace_map(space->id, start, end - start, kind, err);
	return err;
}

/* ---- What consumers call ---------------------------------------------- */

int asi_map(struct asi *asi, const void *addr, size_t size, enum asi_kind kind)
{
	guard(asi_unrestricted)();

	return size ? asi_space_map(&asi->space, addr, size, kind) : -EINVAL;
}
EXPORT_SYMBOL_GPL(asi_map);

int asi_map_reserved(struct asi *asi, const void *addr, size_t size,
		     enum asi_kind kind)
{
	int err;

	guard(asi_unrestricted)();

	if (!size)
		return -EINVAL;
	err = asi_space_map_reserved(&asi->space, PAGE_ALIGN_DOWN((unsigned long)addr),
				     PAGE_ALIGN((unsigned long)addr + size), kind);
	asi_space_refill_later(&asi->space);
	return err > 0 ? -ENOMEM : err;
}
EXPORT_SYMBOL_GPL(asi_map_reserved);

void asi_unmap(struct asi *asi, const void *addr, size_t size)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)addr);
	unsigned long end = PAGE_ALIGN((unsigned long)addr + size);
	struct asi_space *space = &asi->space;
	struct asi_gather *gather;
	unsigned long flags;
	long long done;

	guard(asi_unrestricted)();

	might_sleep();
	trace_unmap(space->id, start, end - start);
	gather = kzalloc(sizeof(*gather), GFP_KERNEL | __GFP_NOFAIL);
	while (start < end) {
		raw_spin_lock_irqsave(&space->lock, flags);
		done = asi_pt_unmap(&space->pt, start, end - start, gather);
		asi_inc_tlb_gen(space);
		raw_spin_unlock_irqrestore(&space->lock, flags);
		if (WARN_ON_ONCE(done < 0))
			break;
		asi_evict(space);
		asi_gather_release(gather);
		start += done;
		if (!done && asi_space_refill(space, asi_pt_reserve(&space->pt) + 8)) {
			/* No page to split with: take out more than asked. */
			asi_space_zap(space, start, end - start);
			asi_evict(space);
			break;
		}
	}
	asi_gather_finish(gather);
	kfree(gather);
}
EXPORT_SYMBOL_GPL(asi_unmap);

void asi_zap_tables(struct asi_tables *tables, unsigned long start, unsigned long size)
{
	guard(asi_unrestricted)();

	asi_space_zap(&tables->space, start, size);
	asi_evict_everywhere();
}

bool asi_is_mapped(const struct asi_tables *tables, unsigned long address)
{
	struct asi_leaf leaf;

	return asi_pt_lookup(&tables->space.pt, address, &leaf);
}
