// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel objects that live as long as the system and that every domain maps: the
 * kernel's book-keeping that interrupts and memory checks consult all the time, and
 * that is nobody's secret.  They are part of the base map.  One that is registered
 * after the first domain was made is added when the next one is; until then touching
 * it leaves the domain: slow but correct.
 */
#include <linux/idr.h>
#include <linux/mm.h>
#include "page/page.h"

#define ASI_MAX_SHARED	512

static struct {
	const void *addr;
	size_t size;
} asi_shared[ASI_MAX_SHARED];
static unsigned int asi_shared_count;
static bool asi_shared_changed = true;
static DEFINE_RAW_SPINLOCK(asi_shared_lock);

void asi_share(const void *addr, size_t size)
{
	unsigned long flags;

	if (!asi_boot_enabled || !addr)
		return;
	raw_spin_lock_irqsave(&asi_shared_lock, flags);
	/* Without room it stays unmapped: touching it leaves, which is slow but correct. */
	if (asi_shared_count < ASI_MAX_SHARED) {
		asi_shared[asi_shared_count].addr = addr;
		asi_shared[asi_shared_count].size = size;
		asi_shared_count++;
		asi_shared_changed = true;
	}
	raw_spin_unlock_irqrestore(&asi_shared_lock, flags);
}

void asi_share_idr(const struct idr *idr)
{
	void *head = rcu_access_pointer(idr->idr_rt.xa_head);

	if (radix_tree_is_internal_node(head))
		asi_share((void *)((unsigned long)head & ~RADIX_TREE_ENTRY_MASK),
			  sizeof(struct radix_tree_node));
}

int asi_shared_walk(int (*fn)(void *ctx, unsigned long start, unsigned long end), void *ctx)
{
	unsigned long start, end, flags;
	unsigned int i;
	int ret = 0;

	raw_spin_lock_irqsave(&asi_shared_lock, flags);
	for (i = 0; ret <= 0 && i < asi_shared_count; i++) {
		start = PAGE_ALIGN_DOWN((unsigned long)asi_shared[i].addr);
		end = PAGE_ALIGN((unsigned long)asi_shared[i].addr + asi_shared[i].size);
		ret = fn(ctx, start, end);
	}
	asi_shared_changed = ret > 0;
	raw_spin_unlock_irqrestore(&asi_shared_lock, flags);
	return max(ret, 0);
}

bool asi_shared_has_news(void)
{
	return READ_ONCE(asi_shared_changed);
}
