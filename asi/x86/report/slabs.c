// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi/slabs: what lies on the slab pages that a domain maps, and whose it is.
 *
 * A domain maps whole pages, so an object's neighbours are reachable with it, and so is
 * what takes its place once it is freed.  Each object on a mapped page is one of three:
 * the domain's own; the kernel's book-keeping, which is nobody's secret (global); or
 * anything else (foreign).  A place without an object counts as one: what is left in it
 * can be read, and what comes next, too.
 *
 * As the rest of the oracle this walks the raw tables and looks at struct page; policy,
 * classifier and reverse map take no part.  What the consumer calls its own it is asked.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <asi/gate.h>
#include "fault/fault.h"
#include "report/verify.h"
#include "slab.h"

/* Pages shown of one domain.  All are counted. */
#define ASI_SLAB_PAGES	8192

/* A page as it was under the domain's lock: its slab and cache may be gone since. */
struct asi_slab_page {
	u64 va;
	u64 slab;		/* where its first object begins */
	u32 stride;		/* from one object to the next */
	u16 places;		/* for objects, of the slab; */
	u16 in_use;		/* of these in use, or kept at hand by some CPU */
	bool merged;		/* the cache is several, of one size */
	char cache[ASI_CACHE_NAME_LEN];
};

struct asi_slabs {
	unsigned int count;
	unsigned int left_out;
	struct asi_slab_page page[ASI_SLAB_PAGES];
};

enum asi_whose {
	ASI_OF_DOMAIN,
	ASI_OF_ALL,
	ASI_OF_OTHERS,
	ASI_NR_WHOSE
};

struct asi_slab_sum {
	unsigned int objects;
	unsigned int of[ASI_NR_WHOSE];
};

/* ---- The pages: under the locks of the space and its lender ----------------- */

/*
 * The slab stays: its pages are flagged, so whoever frees them waits for the lock of the
 * space that maps them.  And so does its cache.
 */
static void asi_slab_look(struct asi_slabs *slabs, u64 va, u64 pfn)
{
	const struct kmem_cache *cache;
	struct asi_slab_page *page;
	struct folio *folio;
	struct slab now;

	if (!pfn_valid(pfn))
		return;
	folio = page_folio(pfn_to_page(pfn));
	if (!folio_test_slab(folio))
		return;
	cache = READ_ONCE(folio_slab(folio)->slab_cache);
	if (!cache)
		return;
	if (slabs->count == ASI_SLAB_PAGES) {
		slabs->left_out++;
		return;
	}
	page = &slabs->page[slabs->count++];
	now.counters = READ_ONCE(folio_slab(folio)->counters);
	page->va = va;
	page->slab = (u64)folio_address(folio);
	page->stride = cache->size;
	page->places = now.objects;
	page->in_use = now.inuse;
	page->merged = cache->refcount > 1;
	strscpy(page->cache, cache->name, sizeof(page->cache));
	/* One object, anywhere in the page. */
	if (is_kfence_address((void *)va)) {
		page->slab = va;
		page->stride = PAGE_SIZE;
		page->places = 1;
	}
}

/* Objects are used at their addresses in the direct map. */
static void asi_slab_walk(struct asi_slabs *slabs, const u64 *table, unsigned int level,
			  u64 start)
{
	const u64 end = PAGE_OFFSET + PFN_PHYS(max_pfn);
	const unsigned int shift = PAGE_SHIFT + (level - 1) * 9;
	unsigned int i;
	u64 at;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		u64 entry = READ_ONCE(table[i]);
		u64 va = start + ((u64)i << shift);

		if (level == asi_levels())
			va |= ~0ULL << (shift + 8);
		if (!(entry & _PAGE_PRESENT) || va >= end || va + (1ULL << shift) <= PAGE_OFFSET ||
		    (level == asi_levels() && i < PTRS_PER_PGD / 2))
			continue;
		if (level > PG_LEVEL_4K && !(entry & _PAGE_PSE)) {
			asi_slab_walk(slabs, __va(asi_entry_pfn(entry) << PAGE_SHIFT), level - 1,
				      va);
			continue;
		}
		for (at = 0; at < 1ULL << shift; at += PAGE_SIZE)
			asi_slab_look(slabs, va + at, asi_leaf_pfn(entry, level) + PHYS_PFN(at));
	}
}

static void asi_slab_collect(struct asi_slabs *slabs, struct asi *asi)
{
	struct asi_space *lender = &asi->lender->space;
	struct asi_space *space = &asi->space;
	unsigned long flags;

	slabs->count = 0;
	slabs->left_out = 0;
	raw_spin_lock_irqsave(&space->lock, flags);
	raw_spin_lock_nested(&lender->lock, SINGLE_DEPTH_NESTING);
	asi_slab_walk(slabs, __va(space->root), asi_levels(), 0);
	raw_spin_unlock(&lender->lock);
	raw_spin_unlock_irqrestore(&space->lock, flags);
}

/* ---- Whose they are: nothing is held ---------------------------------------- */

/*
 * Caches of the kernel's book-keeping: queues of work, groups of tasks, timers, memory
 * cgroups, interrupt routes, masks of processors; the allocator's own descriptors; what a
 * process's time is charged to.
 */
static const char * const asi_global_caches[] = {
	"asi_shared-64", "asi_shared-256", "asi_shared-1k", "asi_shared-4k",
	"asi_sleeper", "asi_poller", "pool_workqueue", "task_group", "kmem_cache",
	"signal_cache",
};

static bool asi_is_cache(const struct asi_slab_page *page, const char *name)
{
	return !page->merged && !strcmp(page->cache, name);
}

static bool asi_is_global_cache(const struct asi_slab_page *page)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(asi_global_caches); i++) {
		if (asi_is_cache(page, asi_global_caches[i]))
			return true;
	}
	return false;
}

/* It may be gone by now; then this is garbage, which is compared with only. */
static __no_sanitize_address bool asi_is_task_of(const struct asi_space *space, u64 object)
{
	return READ_ONCE(((const struct task_struct *)object)->tgid) == space->pid;
}

static enum asi_whose asi_whose(const struct asi *asi, const struct asi_slab_page *page,
				u64 object)
{
	bool task = asi_is_cache(page, "task_struct");

	if ((task && asi_is_task_of(&asi->space, object)) ||
	    (asi_is_cache(page, "mm_struct") && object == (u64)asi->mm) ||
	    (asi->ops->owns_object &&
	     asi->ops->owns_object(asi->owner, object, page->stride)))
		return ASI_OF_DOMAIN;
	/* What the scheduler keeps of any task is for all to see. */
	if ((task && page->va < object + ASI_TASK_OPEN) || asi_is_global_cache(page) ||
	    asi_is_shared(object, object + page->stride))
		return ASI_OF_ALL;
	return ASI_OF_OTHERS;
}

static struct asi_slab_sum asi_slab_sum(const struct asi *asi, const struct asi_slab_page *page)
{
	u64 i = (page->va - page->slab) / page->stride;
	struct asi_slab_sum sum = {};
	u64 object;

	for (; i < page->places; i++) {
		object = page->slab + i * page->stride;
		if (object >= page->va + PAGE_SIZE)
			break;
		sum.objects++;
		sum.of[asi_whose(asi, page, object)]++;
	}
	return sum;
}

/* ---- The file ------------------------------------------------------------- */

static void asi_slabs_print(struct seq_file *m, const struct asi *asi,
			    const struct asi_slabs *slabs)
{
	struct asi_slab_sum all = {};
	unsigned int i, whose;

	seq_printf(m, "domain %u class %s pid %d comm %s\n", asi->space.id,
		   asi_class_name(asi->space.cls), asi->space.pid, asi->space.comm);
	for (i = 0; i < slabs->count; i++) {
		const struct asi_slab_page *page = &slabs->page[i];
		struct asi_slab_sum sum = asi_slab_sum(asi, page);

		seq_printf(m, "page 0x%llx cache %s%s objects %u own %u global %u foreign %u slab_in_use %u slab_objects %u\n",
			   page->va, page->cache, page->merged ? "+" : "", sum.objects,
			   sum.of[ASI_OF_DOMAIN], sum.of[ASI_OF_ALL], sum.of[ASI_OF_OTHERS],
			   page->in_use, page->places);
		all.objects += sum.objects;
		for (whose = 0; whose < ASI_NR_WHOSE; whose++)
			all.of[whose] += sum.of[whose];
	}
	seq_printf(m, "pages %u objects %u own %u global %u foreign %u left_out %u\n\n",
		   slabs->count, all.objects, all.of[ASI_OF_DOMAIN], all.of[ASI_OF_ALL],
		   all.of[ASI_OF_OTHERS], slabs->left_out);
}

/* Isolated system calls may see all of the kernel's own data. */
static int asi_slabs_show(struct seq_file *m, void *unused)
{
	struct asi_slabs *slabs = kvmalloc(sizeof(*slabs), GFP_KERNEL);
	struct asi_space *space;

	guard(asi_unrestricted)();

	if (!slabs)
		return -ENOMEM;
	mutex_lock(&asi_spaces_mutex);
	list_for_each_entry(space, &asi_spaces, list) {
		struct asi *asi = asi_domain_of(space);

		if (!asi || space->cls == ASI_CLASS_SCI)
			continue;
		asi_slab_collect(slabs, asi);
		asi_slabs_print(m, asi, slabs);
	}
	mutex_unlock(&asi_spaces_mutex);
	kvfree(slabs);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(asi_slabs);

static int __init asi_slabs_init(void)
{
	if (asi_enabled())
		debugfs_create_file("slabs", 0400, asi_debugfs(), NULL, &asi_slabs_fops);
	return 0;
}
late_initcall(asi_slabs_init);
