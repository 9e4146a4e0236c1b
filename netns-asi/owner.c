// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace's record, its granules and its end.
 *
 * Payload may outlive its namespace, in queues and pipes.  So a granule holds its owner,
 * whose tables show it until all of its pieces are back and it is zeroed: the last
 * granule ends the owner.
 */
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asi/gate.h>
#include "netns.h"

/* Free pieces that a living namespace keeps, so that granules do not come and go. */
#define NETNS_SLACK	(NETNS_FLOOR * NETNS_PIECES)

LIST_HEAD(netns_owners);
DEFINE_MUTEX(netns_owners_mutex);
DEFINE_RAW_SPINLOCK(netns_owners_lock);

struct netns_owner *netns_owner_at(unsigned long address)
{
	return READ_ONCE(netns_granule_at(address)->owner);
}

/* ---- Growing -------------------------------------------------------------- */

static void netns_add_pieces(struct netns_owner *owner, struct netns_granule *granule)
{
	unsigned long address = netns_granule_address(granule), flags;
	unsigned int i;

	raw_spin_lock_irqsave(&owner->lock, flags);
	WRITE_ONCE(granule->owner, owner);
	granule->used = 0;
	for (i = 0; i < NETNS_PIECES; i++)
		list_add(netns_piece_list(address + i * NETNS_PIECE), &owner->free);
	owner->free_pieces += NETNS_PIECES;
	raw_spin_unlock_irqrestore(&owner->lock, flags);
}

static bool netns_grow(struct netns_owner *owner)
{
	struct netns_granule *granule;

	/* Page tables are written. */
	guard(asi_unrestricted)();

	mutex_lock(&owner->mutex);
	granule = owner->free_pieces ? NULL : netns_take_granule(owner);
	if (granule && netns_tables_map(owner, netns_granule_address(granule))) {
		netns_give_granule(granule, owner);
		granule = NULL;
	}
	if (granule) {
		netns_owner_get(owner);
		netns_add_pieces(owner, granule);
	}
	mutex_unlock(&owner->mutex);
	return READ_ONCE(owner->free_pieces);
}

static unsigned long netns_take_piece(struct netns_owner *owner)
{
	unsigned long address = 0, flags;
	struct list_head *piece;

	raw_spin_lock_irqsave(&owner->lock, flags);
	if (!list_empty(&owner->free)) {
		piece = owner->free.next;
		list_del(piece);
		owner->free_pieces--;
		address = netns_piece_address(piece);
		netns_granule_at(address)->used++;
	}
	raw_spin_unlock_irqrestore(&owner->lock, flags);
	return address;
}

struct page *netns_alloc_piece(struct netns_owner *owner)
{
	unsigned long address;

	might_sleep();
	do {
		address = netns_take_piece(owner);
		if (address)
			return netns_open_piece(address);
	} while (netns_grow(owner));
	netns_add(owner, NETNS_COUNT_EXHAUSTED, 1);
	WRITE_ONCE(owner->wanted, true);
	smp_mb();	/* pairs with netns_free_piece(): what it frees now it tells */
	address = netns_take_piece(owner);
	if (!address)
		return NULL;
	/* Freed before: whoever has gone to sleep since then is woken instead. */
	irq_work_queue(&owner->wake);
	return netns_open_piece(address);
}

/* ---- Giving back ----------------------------------------------------------- */

/* Under the owner's lock: does it have more than it needs? */
static bool netns_has_too_much(const struct netns_owner *owner)
{
	return owner->dying ? owner->free_pieces : owner->free_pieces > 2 * NETNS_SLACK;
}

void netns_free_piece(struct page *page)
{
	unsigned long address = (unsigned long)page_address(page), flags;
	struct netns_granule *granule = netns_granule_at(address);
	struct netns_owner *owner = granule->owner;
	bool shrink;

	netns_close_piece(page);
	raw_spin_lock_irqsave(&owner->lock, flags);
	granule->used--;
	list_add(netns_piece_list(address), &owner->free);
	owner->free_pieces++;
	shrink = !granule->used && netns_has_too_much(owner);
	/* Under the lock: a granule that is not used any more may go, and its owner with it. */
	if (shrink)
		queue_work(system_unbound_wq, &owner->shrink);
	smp_mb();	/* pairs with netns_alloc_piece() */
	if (READ_ONCE(owner->wanted))
		irq_work_queue(&owner->wake);
	raw_spin_unlock_irqrestore(&owner->lock, flags);
}

void netns_freed(struct page *page, unsigned int order)
{
	/* Pieces are compound pages for good: nobody frees a part of one. */
	if (!WARN_ON_ONCE(order != NETNS_PIECE_ORDER))
		netns_free_piece(page);
}

/* A granule all of whose pieces are free, taken off the list; NULL: none, or enough given. */
static struct netns_granule *netns_take_idle(struct netns_owner *owner)
{
	struct netns_granule *granule = NULL;
	struct list_head *piece;
	unsigned long address, flags;
	unsigned int i;

	raw_spin_lock_irqsave(&owner->lock, flags);
	if (!owner->dying && owner->free_pieces <= NETNS_SLACK)
		goto out;
	list_for_each(piece, &owner->free) {
		granule = netns_granule_at(netns_piece_address(piece));
		if (!granule->used)
			break;
		granule = NULL;
	}
	if (!granule)
		goto out;
	address = netns_granule_address(granule);
	for (i = 0; i < NETNS_PIECES; i++)
		list_del(netns_piece_list(address + i * NETNS_PIECE));
	owner->free_pieces -= NETNS_PIECES;
out:
	raw_spin_unlock_irqrestore(&owner->lock, flags);
	return granule;
}

/* Where it can be reached for the last time. */
static void netns_zero(struct netns_owner *owner, unsigned long address)
{
	struct asi_nest nest;

	netns_tables_follow(owner);
	preempt_disable();
	asi_visit(&nest, owner->visit);
	memset((void *)address, 0, NETNS_GRANULE);
	asi_leave_visit(&nest);
	preempt_enable();
}

static void netns_give_back(struct netns_owner *owner, struct netns_granule *granule)
{
	unsigned long address = netns_granule_address(granule);

	netns_zero(owner, address);
	netns_tables_unmap(owner, address);
	WRITE_ONCE(granule->owner, NULL);
	netns_give_granule(granule, owner);
}

static void netns_shrink_work(struct work_struct *work)
{
	struct netns_owner *owner = container_of(work, struct netns_owner, shrink);
	struct netns_granule *granule;
	unsigned int given = 0;

	mutex_lock(&owner->mutex);
	while ((granule = netns_take_idle(owner))) {
		netns_give_back(owner, granule);
		given++;
	}
	mutex_unlock(&owner->mutex);
	if (given)
		netns_wake_all();
	while (given--)
		netns_owner_put(owner);
}

/* ---- Its life --------------------------------------------------------------- */

static void netns_end_work(struct work_struct *work)
{
	struct netns_owner *owner = container_of(work, struct netns_owner, end);
	unsigned long flags;

	mutex_lock(&netns_owners_mutex);
	raw_spin_lock_irqsave(&netns_owners_lock, flags);
	list_del(&owner->list);
	raw_spin_unlock_irqrestore(&netns_owners_lock, flags);
	mutex_unlock(&netns_owners_mutex);
	cancel_work_sync(&owner->shrink);
	irq_work_sync(&owner->wake);
	netns_tables_destroy(owner);
	netns_release_floor(owner);
	/* netns_owner_at() in the fault path. */
	kfree_rcu(owner, rcu);
}

void netns_owner_put(struct netns_owner *owner)
{
	if (refcount_dec_and_test(&owner->refs))
		queue_work(system_unbound_wq, &owner->end);
}

struct netns_owner *netns_owner_create(unsigned int inum)
{
	struct netns_owner *owner;
	unsigned long flags;
	int err = netns_reserve_floor();

	if (err)
		return ERR_PTR(err);
	owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);
	if (!owner) {
		err = -ENOMEM;
		goto release;
	}
	refcount_set(&owner->refs, 1);
	owner->inum = inum;
	raw_spin_lock_init(&owner->lock);
	INIT_LIST_HEAD(&owner->free);
	mutex_init(&owner->mutex);
	INIT_WORK(&owner->shrink, netns_shrink_work);
	INIT_WORK(&owner->end, netns_end_work);
	init_irq_work(&owner->wake, netns_wake_work);
	init_waitqueue_head(&owner->wait);
	err = netns_tables_create(owner);
	if (err)
		goto free;
	mutex_lock(&netns_owners_mutex);
	raw_spin_lock_irqsave(&netns_owners_lock, flags);
	list_add_tail(&owner->list, &netns_owners);
	raw_spin_unlock_irqrestore(&netns_owners_lock, flags);
	mutex_unlock(&netns_owners_mutex);
	return owner;
free:
	kfree(owner);
release:
	netns_release_floor(NULL);
	return ERR_PTR(err);
}

void netns_owner_end(struct netns_owner *owner)
{
	unsigned long flags;

	WRITE_ONCE(owner->isolated, false);
	raw_spin_lock_irqsave(&owner->lock, flags);
	owner->dying = true;
	raw_spin_unlock_irqrestore(&owner->lock, flags);
	/* What is free by now nobody gives back any more. */
	queue_work(system_unbound_wq, &owner->shrink);
	flush_work(&owner->shrink);
	netns_owner_put(owner);
}
