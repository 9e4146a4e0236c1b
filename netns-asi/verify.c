// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle, debugfs asi/netns/verify.  It walks raw tables, and takes nothing from the
 * engine: no private frame in the kernel's own table, at any address; in a namespace's
 * only its own granules'; and in a CPU's refuge none but the page of zeroes, unless what
 * is touched is admitted.
 *
 * One line for each flaw, and at the end how much was looked at.
 */
#include <linux/debugfs.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <asi/gate.h>
#include "netns.h"

/* More say no more than that something is broken. */
#define NETNS_FLAWS_MAX	100

struct netns_walk {
	struct seq_file *m;
	const char *what;		/* which table */
	const struct netns_owner *owner;	/* whose frames may be there; NULL: nobody's */
	u64 leaves, flaws;
};

static void netns_flaw(struct netns_walk *walk, u64 va, u64 pa, const char *what)
{
	const struct netns_owner *owner;

	guard(rcu)();

	owner = netns_owner_at((unsigned long)__va(pa));
	if (walk->flaws++ < NETNS_FLAWS_MAX)
		seq_printf(walk->m, "flaw table %s namespace %u address 0x%llx frame 0x%llx owner %u what %s\n",
			   walk->what, walk->owner ? walk->owner->inum : 0, va, pa,
			   owner ? owner->inum : 0, what);
}

/* Frames of a leaf, in steps of what has one owner. */
static void netns_check_leaf(struct netns_walk *walk, u64 va, u64 pa, u64 size, u64 entry)
{
	u64 step = min_t(u64, size, NETNS_GRANULE), at;

	walk->leaves++;
	for (at = 0; at < size; at += step) {
		unsigned long direct = (unsigned long)__va(pa + at);

		if (!asi_is_private(direct))
			continue;
		if (!walk->owner || netns_owner_at(direct) != walk->owner)
			netns_flaw(walk, va + at, pa + at, "foreign_frame");
		else if (va + at != direct)
			netns_flaw(walk, va + at, pa + at, "other_address");
		else if (!(entry & _PAGE_NX) || (entry & (_PAGE_USER | _PAGE_GLOBAL)))
			netns_flaw(walk, va + at, pa + at, "rights");
	}
}

/* KASAN's early shadow is few tables, shared so often that a walk would not end. */
static bool netns_is_shadow(u64 va)
{
#ifdef CONFIG_KASAN
	return va >= KASAN_SHADOW_START && va < KASAN_SHADOW_END;
#else
	return false;
#endif
}

/* Levels from 1 for tables of single pages. */
static void netns_walk_table(struct netns_walk *walk, const u64 *table, unsigned int level,
			     u64 va, unsigned int first)
{
	unsigned int shift = PAGE_SHIFT + 9 * (level - 1), i;
	u64 entry, at;

	for (i = first; i < PTRS_PER_PTE; i++) {
		entry = READ_ONCE(table[i]);
		at = va + ((u64)i << shift);
		if (!(entry & _PAGE_PRESENT) || netns_is_shadow(at))
			continue;
		if (level == 1 || (entry & _PAGE_PSE))
			netns_check_leaf(walk, at, entry & PTE_PFN_MASK & ~((1ULL << shift) - 1),
					 1ULL << shift, entry);
		else
			netns_walk_table(walk, __va(entry & PTE_PFN_MASK), level - 1, at, 0);
	}
	cond_resched();
}

/* Half the top level is the kernel's; its addresses have all higher bits set. */
static void netns_walk_root(struct netns_walk *walk, const void *root)
{
	unsigned int levels = pgtable_l5_enabled() ? 5 : 4;
	u64 high = ~0ULL << (PAGE_SHIFT + 9 * levels);

	netns_walk_table(walk, root, levels, high, PTRS_PER_PGD / 2);
}

/* A process's table has the same tables below its top level. */
static void netns_check_kernel(struct netns_walk *walk)
{
	walk->what = "kernel";
	walk->owner = NULL;
	netns_walk_root(walk, init_mm.pgd);
}

/* All that is not the kernel's own is in the mirror. */
static void netns_check_owner(struct netns_walk *walk, const struct netns_owner *owner)
{
	walk->what = "namespace";
	walk->owner = owner;
	netns_walk_root(walk, asi_mirror_root(&owner->mirror));
}

static int netns_verify_show(struct seq_file *m, void *unused)
{
	struct netns_walk walk = { .m = m };
	struct netns_owner *owner;
	unsigned int owners = 0;

	/* Whoever reads may be isolated. */
	guard(asi_unrestricted)();

	netns_check_kernel(&walk);
	mutex_lock(&netns_owners_mutex);
	list_for_each_entry(owner, &netns_owners, list) {
		/* No granule comes or goes meanwhile. */
		mutex_lock(&owner->mutex);
		netns_tables_follow(owner);
		netns_check_owner(&walk, owner);
		mutex_unlock(&owner->mutex);
		owners++;
	}
	mutex_unlock(&netns_owners_mutex);
	seq_printf(m, "checked namespaces %u leaves %llu flaws %llu\n", owners, walk.leaves,
		   walk.flaws);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(netns_verify);

void __init netns_verify_init(struct dentry *dir)
{
	debugfs_create_file("verify", 0400, dir, NULL, &netns_verify_fops);
}
