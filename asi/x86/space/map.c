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
	BUILD_BUG_ON(offsetof(struct asi, space.tlb));
	if (!space)
		return NULL;
	raw_spin_lock_init(&space->lock);
	space->type = type;
	/* Consumers keep 0 for "nothing is mapped yet". */
	space->lost = 1;
	asi_tlb_new_domain(&asi_tlb, &space->tlb, NULL);
	if (asi_pt_init(&space->pt, asi_levels())) {
		free_page((unsigned long)space);
		return NULL;
	}
	asi_tables_begin(space, reserve);
	space->root = asi_pt_root(&space->pt);
	return space;
}

static void asi_space_free_rcu(struct rcu_head *rcu)
{
	free_page((unsigned long)container_of(rcu, struct asi_space, rcu));
}

void asi_space_free(struct asi_space *space)
{
	asi_rmap_end(space);
	asi_tables_end(space);
	asi_rmap_free(space);
	asi_pt_destroy(&space->pt);
	/* Somebody may have found it in a CPU's record: R7 of asi/tlb.h. */
	call_rcu(&space->rcu, asi_space_free_rcu);
}

bool asi_space_zap_locked(struct asi_space *space, unsigned long start, unsigned long size)
{
	u32 leaves;

	lockdep_assert_held(&space->lock);
	leaves = asi_pt_zap(&space->pt, start, size);
	if (!leaves)
		return false;
	asi_space_lost(space, start);
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

struct asi_space *asi_lender_to_lock(struct asi_space *space)
{
	return space->type == ASI_SPACE_TASK ? &asi_domain_of(space)->lender->space : NULL;
}

static int asi_adopt_leaf(void *ctx, const struct asi_leaf *leaf)
{
	struct asi_space *space = ctx;
	struct asi_leaf base;

	if (leaf->size != PAGE_SIZE || asi_pt_lookup(&asi_base->space.pt, leaf->va, &base))
		return 0;
	/* What cannot be noted comes back by a fault. */
	if (asi_rmap_add(space, PHYS_PFN(leaf->pa), leaf->va, true))
		asi_pt_zap(&space->pt, leaf->va, PAGE_SIZE);
	return 0;
}

void asi_space_adopt(struct asi_space *space, unsigned long start, unsigned long end)
{
	lockdep_assert_held(&space->lock);
	start = ALIGN_DOWN(start, PMD_SIZE);
	end = ALIGN(end, PMD_SIZE);
	asi_pt_walk(&space->pt, start, end - start, asi_adopt_leaf, space);
}

struct asi_note {
	struct asi_space *space;
	u32 missing;		/* nodes */
};

/* Before it is mapped: a free looks at the flag first, and then who is noted. */
static int asi_note_frame(void *ctx, unsigned long va, unsigned long pfn)
{
	struct asi_note *note = ctx;
	int err = asi_rmap_add(note->space, pfn, va, true);

	if (err == -ENOMEM) {
		note->missing++;
		return 0;
	}
	return err ?: asi_flag_frames(pfn, 1) ? 0 : -ENXIO;
}

/* Under the lock, and its lender's if asi_lender_to_lock() says one. */
static int asi_space_clone(struct asi_space *space, unsigned long start, unsigned long end,
			   enum asi_kind kind, u32 *needed)
{
	u32 replaced = asi_pt_replaced(&space->pt);
	u64 copied = 0;
	int err;

	err = asi_pt_clone(&space->pt, asi_kernel_root(), start, end - start, kind, &copied,
			   needed);
	if (asi_lender_to_lock(space) && asi_pt_replaced(&space->pt) != replaced)
		asi_space_adopt(space, start, end);
	asi_inc_tlb_gen_if_replaced(space, replaced);
	return err ?: copied == end - start ? 0 : -EFAULT;
}

/*
 * Return: the number of table pages that are missing, or as asi_map().  @nodes: how many
 * nodes are; if any, nothing is mapped.
 */
static int asi_space_try_map(struct asi_space *space, unsigned long start,
			     unsigned long end, enum asi_kind kind, u32 *nodes)
{
	struct asi_space *lender = asi_lender_to_lock(space);
	struct asi_note note;
	unsigned long flags;
	u32 needed = 0;
	int err;

	if (end <= start)
		return -EINVAL;
	for (;;) {
		note = (struct asi_note){ .space = space };
		raw_spin_lock_irqsave(&space->lock, flags);
		err = asi_walk_frames(start, end, false, asi_note_frame, &note);
		if (err != -EAGAIN)
			break;
		raw_spin_unlock_irqrestore(&space->lock, flags);
		cpu_relax();
	}
	*nodes = note.missing;
	if (err || note.missing) {
		/* Nothing is mapped. */
	} else if (!lender) {
		err = asi_space_clone(space, start, end, kind, &needed);
	} else {
		raw_spin_lock_nested(&lender->lock, SINGLE_DEPTH_NESTING);
		err = asi_space_clone(space, start, end, kind, &needed);
		raw_spin_unlock(&lender->lock);
	}
	raw_spin_unlock_irqrestore(&space->lock, flags);
	return err == -ENOMEM ? needed : err;
}

int asi_space_map_reserved(struct asi_space *space, unsigned long start,
			   unsigned long end, enum asi_kind kind)
{
	u32 nodes = 0;
	int err = asi_space_try_map(space, start, end, kind, &nodes);

	return err ?: nodes;
}

int asi_space_map(struct asi_space *space, const void *addr, size_t size,
		  enum asi_kind kind)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)addr);
	unsigned long end = PAGE_ALIGN((unsigned long)addr + size);
	u32 nodes = 0;
	int err;

	might_sleep();
	for (;;) {
		err = asi_space_try_map(space, start, end, kind, &nodes);
		if (err < 0 || (!err && !nodes))
			break;
		/* Another CPU may use up what this one brings: keep a margin. */
		err = nodes ? asi_rmap_refill(space, nodes + ASI_RMAP_RESERVE, GFP_KERNEL_ACCOUNT) :
			      asi_space_refill(space, err + space->reserve / 2);
		if (err)
			break;
	}
	if (asi_pt_reserve(&space->pt) < space->reserve / 2 && !err && !asi_space_is_full(space))
		err = asi_space_refill(space, space->reserve);
	if (err == -EFAULT)
		pr_warn_ratelimited("domain %u: %#lx-%#lx (%s) is not all mapped\n",
				    space->id, start, end, asi_kind_name(kind));
	trace_asi_map(space->id, start, end - start, kind, err);
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

static int asi_unnote_frame(void *ctx, unsigned long va, unsigned long pfn)
{
	asi_rmap_remove(ctx, pfn, va);
	return 0;
}

/*
 * It was taken out of @space, but for what a fault has brought back; the kernel still
 * maps the same there.
 */
static void asi_forget_range(struct asi_space *space, unsigned long start, unsigned long end)
{
	unsigned long flags;

	if (start < TASK_SIZE_MAX)
		return;
	raw_spin_lock_irqsave(&space->lock, flags);
	asi_walk_frames(start, end, true, asi_unnote_frame, space);
	raw_spin_unlock_irqrestore(&space->lock, flags);
}

void asi_unmap(struct asi *asi, const void *addr, size_t size)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)addr);
	unsigned long end = PAGE_ALIGN((unsigned long)addr + size);
	const unsigned long first = start;
	struct asi_space *space = &asi->space;
	struct asi_gather *gather;
	unsigned long flags;
	long long done;

	guard(asi_unrestricted)();

	might_sleep();
	trace_asi_unmap(space->id, start, end - start);
	gather = kzalloc(sizeof(*gather), GFP_KERNEL | __GFP_NOFAIL);
	while (start < end) {
		raw_spin_lock_irqsave(&space->lock, flags);
		done = asi_pt_unmap(&space->pt, start, end - start, gather);
		asi_space_lost(space, start);
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
	asi_forget_range(space, first, end);
}
EXPORT_SYMBOL_GPL(asi_unmap);

void asi_zap_tables(struct asi_tables *tables, unsigned long start, unsigned long size)
{
	guard(asi_unrestricted)();

	asi_space_zap(&tables->space, start, size);
	asi_forget_range(&tables->space, PAGE_ALIGN_DOWN(start), PAGE_ALIGN(start + size));
	asi_evict_everywhere();
}

bool asi_is_mapped(const struct asi_tables *tables, unsigned long address)
{
	struct asi_leaf leaf;

	return asi_pt_lookup(&tables->space.pt, address, &leaf);
}
