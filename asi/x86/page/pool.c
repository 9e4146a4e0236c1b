// SPDX-License-Identifier: GPL-2.0-only
/* Pools of small objects, see asi/pool.h: each page says which of its places are taken. */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <asi/gate.h>
#include <asi/pool.h>

struct asi_pool {
	spinlock_t lock;
	struct list_head open;		/* pages with a free place; under @lock */
	size_t size;			/* of an object */
	unsigned int places;		/* on a page */
	refcount_t users;		/* its pages, and whoever takes objects */
};

#define ASI_POOL_PLACES		64

/* At the beginning of each page. */
struct asi_pool_page {
	struct asi_pool *pool;
	struct list_head open;		/* in the pool's list; under its lock, as what follows */
	DECLARE_BITMAP(taken, ASI_POOL_PLACES);
};

#define ASI_POOL_FIRST		ALIGN(sizeof(struct asi_pool_page), sizeof(u64))

struct asi_pool *asi_pool_create(size_t size)
{
	struct asi_pool *pool;

	size = ALIGN(size, sizeof(u64));
	if (WARN_ON_ONCE(!size || size > PAGE_SIZE - ASI_POOL_FIRST))
		return NULL;
	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return NULL;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->open);
	pool->size = size;
	pool->places = min(ASI_POOL_PLACES, (PAGE_SIZE - ASI_POOL_FIRST) / size);
	refcount_set(&pool->users, 1);
	return pool;
}
EXPORT_SYMBOL_GPL(asi_pool_create);

void asi_pool_end(struct asi_pool *pool)
{
	if (pool && refcount_dec_and_test(&pool->users))
		kfree(pool);
}
EXPORT_SYMBOL_GPL(asi_pool_end);

/* A place of the first page that has one, or NULL. */
static void *asi_pool_take(struct asi_pool *pool)
{
	struct asi_pool_page *page;
	unsigned int place;

	lockdep_assert_held(&pool->lock);
	page = list_first_entry_or_null(&pool->open, struct asi_pool_page, open);
	if (!page)
		return NULL;
	place = find_first_zero_bit(page->taken, pool->places);
	__set_bit(place, page->taken);
	if (bitmap_full(page->taken, pool->places))
		list_del_init(&page->open);
	return (void *)page + ASI_POOL_FIRST + place * pool->size;
}

/* @fresh: a page that the pool has not, or NULL. */
static void *asi_pool_take_with(struct asi_pool *pool, struct asi_pool_page *fresh)
{
	unsigned long flags;
	void *object;

	spin_lock_irqsave(&pool->lock, flags);
	if (fresh) {
		fresh->pool = pool;
		list_add(&fresh->open, &pool->open);
		refcount_inc(&pool->users);
	}
	object = asi_pool_take(pool);
	spin_unlock_irqrestore(&pool->lock, flags);
	return object;
}

void *asi_pool_alloc(struct asi_pool *pool, gfp_t gfp)
{
	struct asi_pool_page *fresh;
	void *object;

	guard(asi_unrestricted)();

	object = asi_pool_take_with(pool, NULL);
	if (object)
		return object;
	fresh = (struct asi_pool_page *)__get_free_page(gfp | __GFP_ZERO);
	return fresh ? asi_pool_take_with(pool, fresh) : NULL;
}
EXPORT_SYMBOL_GPL(asi_pool_alloc);

/* Out of @page; true: it was the last one there, and the page is the pool's no more. */
static bool asi_pool_put(struct asi_pool *pool, struct asi_pool_page *page, void *object)
{
	unsigned int place = (object - (void *)page - ASI_POOL_FIRST) / pool->size;
	unsigned long flags;
	bool empty;

	memset(object, 0, pool->size);
	spin_lock_irqsave(&pool->lock, flags);
	WARN_ON_ONCE(!__test_and_clear_bit(place, page->taken));
	empty = bitmap_empty(page->taken, pool->places);
	if (empty)
		list_del_init(&page->open);
	else if (list_empty(&page->open))
		list_add(&page->open, &pool->open);
	spin_unlock_irqrestore(&pool->lock, flags);
	return empty;
}

void asi_pool_free(void *object)
{
	struct asi_pool_page *page = (void *)((unsigned long)object & PAGE_MASK);
	struct asi_pool *pool;

	guard(asi_unrestricted)();

	if (!object || folio_test_slab(virt_to_folio(object))) {
		kfree(object);
		return;
	}
	pool = page->pool;
	if (!asi_pool_put(pool, page, object))
		return;
	free_page((unsigned long)page);
	asi_pool_end(pool);
}
EXPORT_SYMBOL_GPL(asi_pool_free);
