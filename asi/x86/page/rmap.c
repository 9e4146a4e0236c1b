// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reverse map: which spaces map a page frame, and where.
 *
 * A hash table over frames.  Its nodes belong to the spaces: each space brings pages
 * full of them, takes one for every page that it maps, and has it back when the page
 * is taken out.  So whoever frees memory visits those who map it and nobody else, and
 * pays for each once.  The base map, which is everybody's, has no nodes: it is one, and
 * asked for every flagged frame.
 *
 * Order of locks: a bucket's, then a space's.  Who holds a space's lock and wants a
 * node in the table has one try at the bucket's.
 */
#include <linux/hash.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "page/page.h"

/* One page of one space. */
struct asi_rmap {
	struct hlist_node node;		/* of a bucket, or of the space's free ones */
	unsigned long pfn;		/* ASI_RMAP_FREE: not in the table */
	unsigned long va;
};

#define ASI_RMAP_FREE		(~0UL)
#define ASI_RMAP_PER_PAGE	((PAGE_SIZE - 2 * sizeof(void *)) / sizeof(struct asi_rmap))

/* A page of nodes. */
struct asi_rmap_page {
	struct asi_space *space;
	struct asi_rmap_page *next;
	struct asi_rmap slot[ASI_RMAP_PER_PAGE];
};

/* Frames for which there is one bucket: few of a machine's frames are mapped. */
#define ASI_RMAP_FRAMES		16
#define ASI_RMAP_LOCKS		1024

static struct hlist_head *asi_rmap_table __ro_after_init;
static unsigned int asi_rmap_bits __ro_after_init;
static raw_spinlock_t asi_rmap_locks[ASI_RMAP_LOCKS];

int asi_rmap_init(void)
{
	unsigned long buckets = roundup_pow_of_two(max(totalram_pages() / ASI_RMAP_FRAMES,
						       (unsigned long)ASI_RMAP_LOCKS));
	unsigned int i;

	BUILD_BUG_ON(sizeof(struct asi_rmap_page) > PAGE_SIZE);
	for (i = 0; i < ASI_RMAP_LOCKS; i++)
		raw_spin_lock_init(&asi_rmap_locks[i]);
	asi_rmap_bits = ilog2(buckets);
	asi_rmap_table = vzalloc(buckets * sizeof(*asi_rmap_table));
	return asi_rmap_table ? 0 : -ENOMEM;
}

static struct hlist_head *asi_rmap_bucket(unsigned long pfn, raw_spinlock_t **lock)
{
	unsigned long i = hash_long(pfn, asi_rmap_bits);

	*lock = &asi_rmap_locks[i % ASI_RMAP_LOCKS];
	return &asi_rmap_table[i];
}

static struct asi_space *asi_rmap_space(const struct asi_rmap *r)
{
	return ((struct asi_rmap_page *)((unsigned long)r & PAGE_MASK))->space;
}

static void asi_rmap_put(struct asi_space *space, struct asi_rmap *r)
{
	lockdep_assert_held(&space->lock);
	/* @va is written with the frame. */
	WRITE_ONCE(r->pfn, ASI_RMAP_FREE);
	hlist_add_head(&r->node, &space->rmap_free);
	space->rmap_spare++;
}

int asi_rmap_refill(struct asi_space *space, u32 want, gfp_t gfp)
{
	struct asi_rmap_page *page;
	unsigned long flags;
	unsigned int i;

	if (space->type == ASI_SPACE_BASE)
		return 0;
	while (READ_ONCE(space->rmap_spare) < want) {
		page = (struct asi_rmap_page *)__get_free_page(gfp);
		if (!page)
			return -ENOMEM;
		page->space = space;
		raw_spin_lock_irqsave(&space->lock, flags);
		for (i = 0; i < ASI_RMAP_PER_PAGE; i++)
			asi_rmap_put(space, &page->slot[i]);
		page->next = space->rmap_pages;
		/* Filled before asi_rmap_end(), which takes no lock, finds it. */
		smp_store_release(&space->rmap_pages, page);
		raw_spin_unlock_irqrestore(&space->lock, flags);
	}
	return 0;
}

/* Under the bucket's lock. */
static struct asi_rmap *asi_rmap_find(const struct hlist_head *bucket,
				      const struct asi_space *space, unsigned long pfn,
				      unsigned long va)
{
	struct asi_rmap *r;

	hlist_for_each_entry(r, bucket, node) {
		if (r->pfn == pfn && r->va == va && asi_rmap_space(r) == space)
			return r;
	}
	return NULL;
}

int asi_rmap_add(struct asi_space *space, unsigned long pfn, unsigned long va,
		 bool may_have)
{
	struct hlist_head *bucket;
	struct asi_rmap *r;
	raw_spinlock_t *lock;

	lockdep_assert_held(&space->lock);
	if (space->type == ASI_SPACE_BASE || asi_breaks(ASI_BREAK_RMAP))
		return 0;
	if (hlist_empty(&space->rmap_free))
		return -ENOMEM;
	bucket = asi_rmap_bucket(pfn, &lock);
	if (!raw_spin_trylock(lock))
		return -EAGAIN;
	if (!may_have || !asi_rmap_find(bucket, space, pfn, va)) {
		r = hlist_entry(space->rmap_free.first, struct asi_rmap, node);
		hlist_del(&r->node);
		space->rmap_spare--;
		r->va = va;
		WRITE_ONCE(r->pfn, pfn);
		hlist_add_head(&r->node, bucket);
	}
	raw_spin_unlock(lock);
	return 0;
}

void asi_rmap_remove(struct asi_space *space, unsigned long pfn, unsigned long va)
{
	struct hlist_head *bucket;
	struct asi_leaf leaf;
	struct asi_rmap *r;
	raw_spinlock_t *lock;

	lockdep_assert_held(&space->lock);
	if (space->type == ASI_SPACE_BASE || asi_pt_lookup(&space->pt, va, &leaf))
		return;
	bucket = asi_rmap_bucket(pfn, &lock);
	/* One that stays costs the next free of the frame a look. */
	if (!raw_spin_trylock(lock))
		return;
	r = asi_rmap_find(bucket, space, pfn, va);
	if (r) {
		hlist_del(&r->node);
		asi_rmap_put(space, r);
	}
	raw_spin_unlock(lock);
}

void asi_rmap_sweep(struct asi_space *space)
{
	struct asi_rmap_page *page;
	unsigned long flags;
	struct asi_rmap *r;
	unsigned int i;

	for (page = READ_ONCE(space->rmap_pages); page; page = page->next) {
		raw_spin_lock_irqsave(&space->lock, flags);
		for (i = 0; i < ASI_RMAP_PER_PAGE; i++) {
			r = &page->slot[i];
			if (r->pfn != ASI_RMAP_FREE)
				asi_rmap_remove(space, r->pfn, r->va);
		}
		raw_spin_unlock_irqrestore(&space->lock, flags);
		cond_resched();
	}
}

bool asi_rmap_has(const struct asi_space *space, unsigned long pfn, unsigned long va)
{
	struct hlist_head *bucket;
	raw_spinlock_t *lock;
	bool has;

	lockdep_assert_held(&space->lock);
	bucket = asi_rmap_bucket(pfn, &lock);
	/* Whoever has it may be waiting for this space, to take the page out. */
	if (!raw_spin_trylock(lock))
		return true;
	has = asi_rmap_find(bucket, space, pfn, va);
	raw_spin_unlock(lock);
	return has;
}

unsigned int asi_rmap_visit(unsigned long pfn, unsigned long start, unsigned long end,
			    asi_rmap_fn fn)
{
	struct hlist_head *bucket;
	struct hlist_node *next;
	unsigned int visits = 0;
	unsigned long flags;
	struct asi_rmap *r;
	raw_spinlock_t *lock;

	bucket = asi_rmap_bucket(pfn, &lock);
	raw_spin_lock_irqsave(lock, flags);
	hlist_for_each_entry_safe(r, next, bucket, node) {
		struct asi_space *space = asi_rmap_space(r);

		if (r->pfn != pfn || r->va < start || r->va >= end)
			continue;
		raw_spin_lock(&space->lock);
		hlist_del(&r->node);
		fn(space, r->va);
		asi_rmap_put(space, r);
		raw_spin_unlock(&space->lock);
		visits++;
	}
	raw_spin_unlock_irqrestore(lock, flags);
	return visits;
}

/* Whoever has the bucket's lock may be about to visit @r's space: not any more then. */
static void asi_rmap_unhash(struct asi_rmap *r)
{
	unsigned long pfn, flags;
	raw_spinlock_t *lock;

	while ((pfn = READ_ONCE(r->pfn)) != ASI_RMAP_FREE) {
		asi_rmap_bucket(pfn, &lock);
		raw_spin_lock_irqsave(lock, flags);
		if (r->pfn == pfn) {
			hlist_del(&r->node);
			WRITE_ONCE(r->pfn, ASI_RMAP_FREE);
		}
		raw_spin_unlock_irqrestore(lock, flags);
	}
}

void asi_rmap_end(struct asi_space *space)
{
	struct asi_rmap_page *page;
	unsigned int i;

	/* What is added meanwhile has no node in use. */
	for (page = READ_ONCE(space->rmap_pages); page; page = page->next) {
		for (i = 0; i < ASI_RMAP_PER_PAGE; i++)
			asi_rmap_unhash(&page->slot[i]);
	}
	/* Whoever gave the last one back has let go of the space. */
	raw_spin_lock_irq(&space->lock);
	raw_spin_unlock_irq(&space->lock);
}

void asi_rmap_free(struct asi_space *space)
{
	struct asi_rmap_page *page, *next;

	for (page = space->rmap_pages; page; page = next) {
		next = page->next;
		free_page((unsigned long)page);
	}
}
