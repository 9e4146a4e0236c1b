// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel objects that live as long as the system and that every domain maps: the
 * kernel's book-keeping that interrupts and memory checks consult all the time, and
 * that is nobody's secret.  They are part of the base map.  One that is registered
 * after the first domain was made is added when the next one is; until then touching
 * it leaves the domain: slow but correct.
 */
#include <linux/idr.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "page/page.h"

/* The first has room for all objects of a small machine; CPUs bring most of them. */
#define ASI_SHARED_CHUNK	255

struct asi_shared_chunk {
	struct asi_shared_chunk *next;
	unsigned int count;
	struct {
		const void *addr;
		size_t size;
	} object[ASI_SHARED_CHUNK];
};

static struct asi_shared_chunk asi_shared;
static struct asi_shared_chunk *asi_shared_last = &asi_shared;
static bool asi_shared_changed = true;
static DEFINE_RAW_SPINLOCK(asi_shared_lock);

/* False: there was no room.  @more was used up if it is NULL afterwards. */
static bool asi_add_shared(const void *addr, size_t size, struct asi_shared_chunk **more)
{
	struct asi_shared_chunk *last;
	unsigned long flags;
	bool room;

	raw_spin_lock_irqsave(&asi_shared_lock, flags);
	if (asi_shared_last->count == ASI_SHARED_CHUNK && *more) {
		asi_shared_last->next = *more;
		asi_shared_last = *more;
		*more = NULL;
	}
	last = asi_shared_last;
	room = last->count < ASI_SHARED_CHUNK;
	if (room) {
		last->object[last->count].addr = addr;
		last->object[last->count].size = size;
		last->count++;
		asi_shared_changed = true;
	}
	raw_spin_unlock_irqrestore(&asi_shared_lock, flags);
	return room;
}

void asi_share(const void *addr, size_t size)
{
	struct asi_shared_chunk *more = NULL;
	bool shared;

	if (!asi_boot_enabled || !addr)
		return;
	shared = asi_add_shared(addr, size, &more);
	if (!shared) {
		more = kzalloc(sizeof(*more), GFP_ATOMIC | __GFP_NOWARN);
		shared = asi_add_shared(addr, size, &more);
		kfree(more);
	}
	/* It stays unmapped: touching it leaves, which is slow but correct. */
	if (!shared)
		asi_count(ASI_EV_NOT_SHARED);
}

/*
 * The node is of a slab cache with everybody's.  Its copy on a page of its own is never
 * freed, as it is never empty; the node itself stays, unused, for who reads it just now.
 */
void asi_share_idr(struct idr *idr)
{
	void *head = rcu_access_pointer(idr->idr_rt.xa_head);
	struct radix_tree_node *node, *moved;

	if (!asi_boot_enabled || !radix_tree_is_internal_node(head))
		return;
	node = (void *)((unsigned long)head & ~RADIX_TREE_ENTRY_MASK);
	/* A tree of several levels stays unmapped: touching it leaves. */
	if (node->shift)
		return;
	moved = (void *)get_zeroed_page(GFP_KERNEL);
	if (!moved)
		return;
	*moved = *node;
	INIT_LIST_HEAD(&moved->private_list);
	kmemleak_ignore(node);
	rcu_assign_pointer(idr->idr_rt.xa_head,
			   (void *)((unsigned long)moved | RADIX_TREE_INTERNAL_NODE));
	asi_share(moved, sizeof(*moved));
}

int asi_shared_walk(int (*fn)(void *ctx, unsigned long start, unsigned long end), void *ctx)
{
	const struct asi_shared_chunk *chunk;
	unsigned long start, end, flags;
	unsigned int i;
	int ret = 0;

	raw_spin_lock_irqsave(&asi_shared_lock, flags);
	for (chunk = &asi_shared; chunk; chunk = chunk->next) {
		for (i = 0; ret <= 0 && i < chunk->count; i++) {
			start = (unsigned long)chunk->object[i].addr;
			end = PAGE_ALIGN(start + chunk->object[i].size);
			ret = fn(ctx, PAGE_ALIGN_DOWN(start), end);
		}
	}
	asi_shared_changed = ret > 0;
	raw_spin_unlock_irqrestore(&asi_shared_lock, flags);
	return max(ret, 0);
}

bool asi_is_shared(unsigned long start, unsigned long end)
{
	const struct asi_shared_chunk *chunk;
	unsigned long at, flags;
	bool found = false;
	unsigned int i;

	raw_spin_lock_irqsave(&asi_shared_lock, flags);
	for (chunk = &asi_shared; chunk && !found; chunk = chunk->next) {
		for (i = 0; !found && i < chunk->count; i++) {
			at = (unsigned long)chunk->object[i].addr;
			found = at < end && at + chunk->object[i].size > start;
		}
	}
	raw_spin_unlock_irqrestore(&asi_shared_lock, flags);
	return found;
}

bool asi_shared_has_news(void)
{
	return READ_ONCE(asi_shared_changed);
}
