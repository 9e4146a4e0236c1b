// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects that come and go and that domains may map: the kernel's book-keeping that is
 * nobody's secret (global), from slab caches which hold nothing else and which the built-in
 * policy names; and what belongs to one domain (local), on pages of its own.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "page/page.h"

/* An object comes from the smallest it fits in. */
struct asi_cache {
	const char *name;
	unsigned int size;
	struct kmem_cache *cache;
};

/* Their names stand in the built-in policy. */
static struct asi_cache asi_global_caches[] = {
	{ "asi_shared-64", 64 },
	{ "asi_shared-256", 256 },
	{ "asi_shared-1k", 1024 },
	{ "asi_shared-4k", 4096 },
};

static DEFINE_MUTEX(asi_caches_mutex);

/* The first users come before any initcall. */
static struct kmem_cache *asi_cache_get(struct asi_cache *which)
{
	struct kmem_cache *cache = READ_ONCE(which->cache);

	if (cache)
		return cache;
	mutex_lock(&asi_caches_mutex);
	cache = which->cache;
	if (!cache) {
		/* Some are tables that user mode reads and writes, as with kmalloc(). */
		cache = kmem_cache_create_usercopy(which->name, which->size,
						   min_t(size_t, which->size, PAGE_SIZE),
						   SLAB_NO_MERGE, 0, which->size, NULL);
		WRITE_ONCE(which->cache, cache);
	}
	mutex_unlock(&asi_caches_mutex);
	return cache;
}

static struct kmem_cache *asi_cache_for(size_t size)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(asi_global_caches); i++) {
		if (size <= asi_global_caches[i].size)
			return asi_cache_get(&asi_global_caches[i]);
	}
	return NULL;
}

void *__asi_zalloc_global_nonsensitive(size_t size, gfp_t gfp, int node)
{
	struct kmem_cache *cache;

	might_alloc(gfp);
	cache = asi_cache_for(size);
	if (cache)
		return kmem_cache_alloc_node(cache, gfp | __GFP_ZERO, node);
	/* Touching it leaves the domain: slow but correct. */
	return kzalloc_node(size, gfp, node);
}
EXPORT_SYMBOL_GPL(__asi_zalloc_global_nonsensitive);

void *__asi_zalloc_local_nonsensitive(size_t size, gfp_t gfp)
{
	void *object;

	might_alloc(gfp);
	if (asi_breaks(ASI_BREAK_PAGES))
		return kzalloc(size, gfp);
	/* Two pages at least: kfree() takes a single one for a mistake. */
	object = __kmalloc_large_noprof(max(PAGE_ALIGN(size), 2 * PAGE_SIZE),
					gfp & ~__GFP_ZERO);
	/* The pages that are mapped, whole: what was there before is somebody's. */
	if (object)
		memset(object, 0, PAGE_ALIGN(size));
	return object;
}
EXPORT_SYMBOL_GPL(__asi_zalloc_local_nonsensitive);

void *__asi_memdup_user_local_nonsensitive(const void __user *from, size_t size)
{
	void *copy = __asi_zalloc_local_nonsensitive(size, GFP_KERNEL_ACCOUNT);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, from, size)) {
		kfree(copy);
		return ERR_PTR(-EFAULT);
	}
	return copy;
}
EXPORT_SYMBOL_GPL(__asi_memdup_user_local_nonsensitive);
