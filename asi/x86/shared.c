// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel objects that every domain maps and that are nobody's secret: the
 * kernel's book-keeping that interrupts and memory checks consult all the time.
 *
 * What lives as long as the system is part of the base map; registered after the
 * first domain was made it is added when the next one is, and left for until
 * then.  Objects that come and go are allocated from caches of their own, which
 * the built-in policy lets domains grow by.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "internal.h"

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
	/* Without room the object is left for: slower, not wrong. */
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

/*
 * The memory model's section table: virt_addr_valid() and pfn_valid() read it
 * on every hardened copy to or from user space.
 */
static int asi_share_sections(struct asi *base)
{
	unsigned long nr;
	int err;

	err = asi_map(base, mem_section, NR_SECTION_ROOTS * sizeof(*mem_section),
		      ASI_KIND_VMEMMAP);
	for (nr = 0; !err && nr <= __highest_present_section_nr; nr++) {
		struct mem_section *section = __nr_to_section(nr);

		if (!section || !present_section(section))
			continue;
		err = asi_map(base, section, sizeof(*section), ASI_KIND_VMEMMAP);
		if (!err && section->usage)
			err = asi_map(base, section->usage,
				      mem_section_usage_size(), ASI_KIND_VMEMMAP);
	}
	return err;
}

/*
 * Returns the table pages that were missing, or 0; an object that cannot be
 * mapped is left for.
 */
static int asi_map_registered(struct asi *base)
{
	unsigned long start, end, flags;
	unsigned int i;
	int err = 0;

	raw_spin_lock_irqsave(&asi_shared_lock, flags);
	for (i = 0; err <= 0 && i < asi_shared_count; i++) {
		start = PAGE_ALIGN_DOWN((unsigned long)asi_shared[i].addr);
		end = PAGE_ALIGN((unsigned long)asi_shared[i].addr + asi_shared[i].size);
		asi_flag_range(start, end);
		err = asi_map_range(base, start, end, ASI_KIND_DATA);
	}
	asi_shared_changed = err > 0;
	raw_spin_unlock_irqrestore(&asi_shared_lock, flags);
	return max(err, 0);
}

int asi_map_shared(struct asi *base)
{
	int err;

	if (!READ_ONCE(asi_shared_changed))
		return 0;
	err = asi_share_sections(base);
	while (!err) {
		err = asi_map_registered(base);
		if (err <= 0)
			break;
		err = asi_refill(base, err + ASI_RESERVE_LOW);
	}
	return err;
}

/* Caches of one sort; an object comes from the smallest it fits in. */
struct asi_cache {
	const char *name;
	unsigned int size;
	struct kmem_cache *cache;
};

/* Their names stand in the built-in policy. */
static struct asi_cache asi_shared_caches[] = {
	{ "asi_shared-64", 64 },
	{ "asi_shared-256", 256 },
	{ "asi_shared-1k", 1024 },
	{ "asi_shared-4k", 4096 },
};

/* Larger ones are pages of the page allocator. */
static struct asi_cache asi_alone_caches[] = {
	{ "asi_alone-4k", PAGE_SIZE },
	{ "asi_alone-8k", 2 * PAGE_SIZE },
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

static struct kmem_cache *asi_cache_for(struct asi_cache *caches, unsigned int count,
					size_t size)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (size <= caches[i].size)
			return asi_cache_get(&caches[i]);
	}
	return NULL;
}

void *__asi_zalloc_global_nonsensitive(size_t size, gfp_t gfp, int node)
{
	struct kmem_cache *cache;

	might_alloc(gfp);
	cache = asi_cache_for(asi_shared_caches, ARRAY_SIZE(asi_shared_caches), size);
	if (cache)
		return kmem_cache_alloc_node(cache, gfp | __GFP_ZERO, node);
	/* Left for: slower, not wrong. */
	return kzalloc_node(size, gfp, node);
}
EXPORT_SYMBOL_GPL(__asi_zalloc_global_nonsensitive);

void *__asi_zalloc_local_nonsensitive(size_t size, gfp_t gfp)
{
	struct kmem_cache *cache;

	might_alloc(gfp);
	cache = asi_cache_for(asi_alone_caches, ARRAY_SIZE(asi_alone_caches), size);
	if (cache)
		return kmem_cache_alloc(cache, gfp | __GFP_ZERO);
	return kzalloc(asi_own_pages(size), gfp);
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
