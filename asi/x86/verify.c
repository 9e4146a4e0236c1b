// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi/verify: does every entry of every domain agree with what the
 * kernel says of that memory now?
 *
 * Shares nothing with what it checks: it walks the raw tables that CR3 points
 * to, asks the kernel's own page table through lookup_address_in_pgd_attr()
 * and looks at struct page.  The engine and the classifier take no part.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <asm/pgtable.h>
#include "internal.h"

/* Printed for one domain; all are counted. */
#define ASI_VERIFY_SHOWN	32

struct asi_violation {
	u64 address;
	u64 entry;
	const char *what;
};

struct asi_verify {
	const struct asi *asi;
	u64 leaves;
	u64 violations;
	struct asi_violation shown[ASI_VERIFY_SHOWN];
};

/* What the tables above an entry take away from its rights. */
struct asi_rights {
	bool write;
	bool exec;
};

static void asi_violate(struct asi_verify *v, u64 address, u64 entry,
			const char *what)
{
	struct asi_violation *one;

	if (v->violations++ >= ASI_VERIFY_SHOWN)
		return;
	one = &v->shown[v->violations - 1];
	one->address = address;
	one->entry = entry;
	one->what = what;
}

static struct asi_rights asi_rights_below(struct asi_rights above, u64 entry)
{
	return (struct asi_rights){
		.write = above.write && (entry & _PAGE_RW),
		.exec = above.exec && !(entry & _PAGE_NX),
	};
}

static u64 asi_entry_pfn(u64 entry)
{
	return (entry & __PHYSICAL_MASK & PAGE_MASK) >> PAGE_SHIFT;
}

/* A large leaf has its PAT bit where a small one's frame number begins. */
static u64 asi_leaf_pfn(u64 entry, unsigned int level)
{
	return asi_entry_pfn(level > PG_LEVEL_4K ? entry & ~_PAGE_PAT_LARGE : entry);
}

/* Pages on per-CPU lists were put back into the free areas before. */
static const char *asi_bad_page(u64 pfn, bool user_half)
{
	struct page *page;
	struct folio *folio;
	bool user;

	if (!pfn_valid(pfn))
		return NULL;
	page = pfn_to_page(pfn);
	if (is_free_buddy_page(page))
		return "free page";
	if (PageTable(page))
		return "page table";
	if (PageReserved(page))
		return NULL;
	folio = page_folio(page);
	user = !folio_test_slab(folio) &&
	       (folio_test_anon(folio) || folio_test_lru(folio) || READ_ONCE(folio->mapping));
	if (user_half)
		return user ? NULL : "not user memory";
	return user ? "user memory" : NULL;
}

/* Under RCU. */
static bool asi_is_foreign_stack(const struct asi *asi, u64 va)
{
	struct task_struct *p, *t;
	void *stack;

	for_each_process_thread(p, t) {
		stack = READ_ONCE(t->stack);
		if (!stack || va < (u64)stack || va >= (u64)stack + THREAD_SIZE)
			continue;
		return t->tgid != asi->pid;
	}
	return false;
}

static void asi_verify_kernel_page(struct asi_verify *v, u64 va, u64 pfn,
				   u64 entry, struct asi_rights rights)
{
	unsigned int level;
	bool nx = false, rw = true;
	pte_t *kernel = lookup_address_in_pgd_attr(pgd_offset_k(va), va, &level,
						   &nx, &rw);
	u64 kernel_pfn, span;
	const char *bad;

	if (!kernel || !(pte_val(*kernel) & _PAGE_PRESENT)) {
		asi_violate(v, va, entry, "not mapped by the kernel");
		return;
	}
	span = page_level_size(level);
	kernel_pfn = asi_leaf_pfn(pte_val(*kernel), level) +
		     ((va & (span - 1)) >> PAGE_SHIFT);
	if (kernel_pfn != pfn)
		asi_violate(v, va, entry, "another frame");
	if (rights.write && !(rw && (pte_val(*kernel) & _PAGE_RW)))
		asi_violate(v, va, entry, "writable");
	if (rights.exec && (nx || (pte_val(*kernel) & _PAGE_NX)))
		asi_violate(v, va, entry, "executable");
	bad = asi_bad_page(pfn, false);
	if (bad)
		asi_violate(v, va, entry, bad);
	else if (is_vmalloc_addr((void *)va) && asi_is_foreign_stack(v->asi, va))
		asi_violate(v, va, entry, "stack of another process");
}

static void asi_verify_leaf(struct asi_verify *v, u64 va, u64 entry,
			    unsigned int level, struct asi_rights rights)
{
	u64 pfn = asi_leaf_pfn(entry, level);
	u64 pages = 1ULL << ((level - 1) * 9);
	const char *bad;
	u64 i;

	v->leaves++;
	if (entry & _PAGE_GLOBAL)
		asi_violate(v, va, entry, "Global");
	for (i = 0; i < pages; i++, va += PAGE_SIZE, pfn++) {
		if ((s64)va < 0) {
			asi_verify_kernel_page(v, va, pfn, entry, rights);
			continue;
		}
		if (rights.exec)
			asi_violate(v, va, entry, "executable");
		bad = asi_bad_page(pfn, true);
		if (bad)
			asi_violate(v, va, entry, bad);
	}
}

/*
 * @kernel is the kernel's own table at this place, or NULL.  A table that both
 * have is the kernel's: what it maps is right by definition.
 */
static void asi_verify_table(struct asi_verify *v, const u64 *table,
			     const u64 *kernel, unsigned int level, u64 base,
			     struct asi_rights above)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		u64 entry = READ_ONCE(table[i]);
		u64 theirs = kernel ? READ_ONCE(kernel[i]) : 0;
		u64 va = base + ((u64)i << (PAGE_SHIFT + (level - 1) * 9));
		struct asi_rights rights = asi_rights_below(above, entry);
		const u64 *below = NULL;
		struct page *page;

		/* Sign extension from the top level down. */
		if (level == pgtable_l5_enabled() + 4 && i >= PTRS_PER_PGD / 2)
			va |= ~0ULL << (PAGE_SHIFT + level * 9);
		if (!(entry & _PAGE_PRESENT)) {
			if (entry)
				asi_violate(v, va, entry, "not present, not empty");
			continue;
		}
		if (level == 1 || (entry & _PAGE_PSE)) {
			asi_verify_leaf(v, va, entry, level, rights);
			continue;
		}
		if ((theirs & _PAGE_PRESENT) && !(theirs & _PAGE_PSE)) {
			if (asi_entry_pfn(theirs) == asi_entry_pfn(entry))
				continue;
			below = __va(asi_entry_pfn(theirs) << PAGE_SHIFT);
		}
		page = pfn_to_page(asi_entry_pfn(entry));
		if (!pfn_valid(asi_entry_pfn(entry)) || PageBuddy(page) || !page_count(page)) {
			asi_violate(v, va, entry, "table page is free");
			continue;
		}
		asi_verify_table(v, __va(asi_entry_pfn(entry) << PAGE_SHIFT), below,
				 level - 1, va, rights);
	}
}

static void asi_verify_domain(struct asi_verify *v, struct asi *asi)
{
	const struct asi_rights all = { .write = true, .exec = true };
	unsigned long flags;

	memset(v, 0, sizeof(*v));
	v->asi = asi;
	rcu_read_lock();
	/* Frees take pages out under this lock, so that none is half-way here. */
	raw_spin_lock_irqsave(&asi->lock, flags);
	asi_verify_table(v, __va(asi->root), (u64 *)init_mm.pgd,
			 pgtable_l5_enabled() + 4, 0, all);
	raw_spin_unlock_irqrestore(&asi->lock, flags);
	rcu_read_unlock();
}

static int asi_verify_show(struct seq_file *m, void *unused)
{
	struct asi_verify *v = kzalloc(sizeof(*v), GFP_KERNEL);
	u64 domains = 0, leaves = 0, violations = 0;
	unsigned int i;
	struct asi *asi;

	if (!v)
		return -ENOMEM;
	drain_all_pages(NULL);
	mutex_lock(&asi_domains_mutex);
	list_for_each_entry(asi, &asi_domains, list) {
		asi_verify_domain(v, asi);
		for (i = 0; i < min_t(u64, v->violations, ASI_VERIFY_SHOWN); i++)
			seq_printf(m, "violation domain %u address 0x%llx entry 0x%llx what %s\n",
				   asi->id, v->shown[i].address, v->shown[i].entry,
				   v->shown[i].what);
		domains++;
		leaves += v->leaves;
		violations += v->violations;
	}
	mutex_unlock(&asi_domains_mutex);
	seq_printf(m, "domains %llu leaves %llu violations %llu\n", domains, leaves,
		   violations);
	kfree(v);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(asi_verify);

static int __init asi_verify_init(void)
{
	if (asi_enabled())
		debugfs_create_file("verify", 0400, asi_debugfs(), NULL, &asi_verify_fops);
	return 0;
}
late_initcall(asi_verify_init);
