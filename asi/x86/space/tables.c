// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table pages of a space: the reserve, whom they are charged to, how many there may
 * be, and how those that are not needed any more go back.
 *
 * What a guest touches makes its domain grow, so the pages are its owner's: of the
 * memory cgroup of the process that made the domain, whoever allocates them.  And
 * growth has a limit.  At the limit what came in by a touch goes, with its tables, and
 * comes in again by the next touch; where that does not help the domain leaves instead
 * of growing.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "space/space.h"

/* Growth without any memory of a guest's: 4 MiB of tables, for 2 GiB of addresses. */
#define ASI_TABLES_LIMIT	1024

/* Kinds that nobody but a touch brings in, so that a touch can do so again. */
#define ASI_PRUNED_KINDS	(BIT_ULL(ASI_KIND_GUEST_MEMORY) | BIT_ULL(ASI_KIND_OWN_TABLE))

/* ---- The reserve ------------------------------------------------------ */

static int asi_refill(struct asi_space *space, u32 want, gfp_t gfp)
{
	struct mem_cgroup *old;
	unsigned long flags;
	int err;

	old = set_active_memcg(asi_breaks(ASI_BREAK_CHARGE) ? NULL : space->memcg);
	err = asi_rmap_refill(space, ASI_RMAP_RESERVE, gfp);
	while (!err && asi_pt_reserve(&space->pt) < want) {
		void *page = asi_mark_table((void *)get_zeroed_page(gfp), 0);

		if (!page) {
			err = -ENOMEM;
			break;
		}
		raw_spin_lock_irqsave(&space->lock, flags);
		asi_pt_donate(&space->pt, page);
		raw_spin_unlock_irqrestore(&space->lock, flags);
	}
	set_active_memcg(old);
	return err;
}

int asi_space_refill(struct asi_space *space, u32 want)
{
	return asi_refill(space, want, GFP_KERNEL_ACCOUNT);
}

bool asi_space_is_full(const struct asi_space *space)
{
	u32 limit = READ_ONCE(space->limit);

	return limit && asi_pt_tables(&space->pt) + space->reserve > limit &&
	       !asi_breaks(ASI_BREAK_LIMIT);
}

/* It was taken back a moment ago, or that would not help. */
static bool asi_must_wait(const struct asi_space *space)
{
	return time_before(jiffies, READ_ONCE(space->prune_after));
}

void asi_space_refill_later(struct asi_space *space)
{
	if (asi_pt_reserve(&space->pt) >= space->reserve / 2 &&
	    space->rmap_spare >= ASI_RMAP_RESERVE / 2)
		return;
	if (!asi_space_is_full(space) || !asi_must_wait(space))
		irq_work_queue(&space->refill_irq_work);
}

/* ---- Giving back ------------------------------------------------------ */

/* Others' tables may lead to what is lent. */
static bool asi_can_prune(const struct asi_space *space)
{
	return !asi_is_lent(space) && !asi_breaks(ASI_BREAK_PRUNE);
}

/* Looking at all tables has to be worth it: to each of some come few in vain. */
static bool asi_is_worth_pruning(const struct asi_space *space)
{
	return READ_ONCE(space->emptied) > asi_pt_tables(&space->pt) / 4 + 16;
}

void asi_space_zapped(struct asi_space *space, u32 leaves, unsigned long size)
{
	if (!asi_can_prune(space))
		return;
	WRITE_ONCE(space->emptied, space->emptied + min_t(u64, leaves, (size >> PMD_SHIFT) + 1));
	if (asi_is_worth_pruning(space))
		irq_work_queue(&space->refill_irq_work);
}

/* Leaves of @kinds go, and then every table that is empty. */
static void asi_space_prune(struct asi_space *space, u64 kinds)
{
	struct asi_gather *gather = kzalloc(sizeof(*gather), GFP_KERNEL);
	unsigned long flags;
	u64 from = 0;
	int more;

	if (!gather)
		return;
	WRITE_ONCE(space->emptied, 0);
	do {
		raw_spin_lock_irqsave(&space->lock, flags);
		more = asi_pt_prune(&space->pt, &from, kinds, gather);
		if (asi_gather_pending(gather)) {
			if (kinds)
				asi_space_lost(space, PAGE_OFFSET);
			asi_inc_tlb_gen(space);
		}
		raw_spin_unlock_irqrestore(&space->lock, flags);
		if (asi_gather_pending(gather)) {
			asi_evict(space);
			asi_gather_release(gather);
		}
		cond_resched();
	} while (more);
	asi_gather_finish(gather);
	kfree(gather);
	asi_rmap_sweep(space);
}

/* At the limit.  Where it did not help it is not tried again for a while. */
static void asi_space_shrink(struct asi_space *space)
{
	if (!asi_can_prune(space) || asi_must_wait(space))
		return;
	asi_space_prune(space, ASI_PRUNED_KINDS);
	asi_count(ASI_EV_PRUNED);
	WRITE_ONCE(space->prune_after,
		   jiffies + (asi_space_is_full(space) ? 10 * HZ : HZ / 10));
}

static void asi_tables_work(struct work_struct *work)
{
	struct asi_space *space = container_of(work, struct asi_space, refill_work);

	if (asi_can_prune(space) && asi_is_worth_pruning(space))
		asi_space_prune(space, 0);
	if (asi_space_is_full(space))
		asi_space_shrink(space);
	/* It grows: next time there is more. */
	space->reserve = max_t(u32, space->reserve, ASI_RESERVE);
	/* Short of memory the domain leaves instead of growing; nobody is killed for it. */
	if (!asi_space_is_full(space))
		(void)asi_refill(space, space->reserve, GFP_KERNEL_ACCOUNT | __GFP_NORETRY);
}

static void asi_tables_irq_work(struct irq_work *work)
{
	schedule_work(&container_of(work, struct asi_space, refill_irq_work)->refill_work);
}

/* ---- With the space --------------------------------------------------- */

void asi_tables_begin(struct asi_space *space, u32 reserve)
{
	space->reserve = reserve;
	init_irq_work(&space->refill_irq_work, asi_tables_irq_work);
	INIT_WORK(&space->refill_work, asi_tables_work);
	space->prune_after = jiffies;
	/* What is lent is all domains', and as large as what the kernel has. */
	if (asi_is_lent(space))
		return;
	space->limit = ASI_TABLES_LIMIT;
	space->memcg = get_mem_cgroup_from_mm(current->mm);
}

void asi_tables_end(struct asi_space *space)
{
	irq_work_sync(&space->refill_irq_work);
	cancel_work_sync(&space->refill_work);
	mem_cgroup_put(space->memcg);
}

/* One table for each 2 MiB of the guest's, and that of the process, to translate it. */
void asi_limit(struct asi *asi, u64 bytes)
{
	WRITE_ONCE(asi->space.limit,
		   min_t(u64, ASI_TABLES_LIMIT + 2 * (bytes >> PMD_SHIFT), U32_MAX / 2));
}
EXPORT_SYMBOL_GPL(asi_limit);
