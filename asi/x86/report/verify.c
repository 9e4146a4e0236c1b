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
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <asm/pgtable.h>
#include <asi/gate.h>
#include "fault/fault.h"
#include "report/verify.h"

/* Marks an entry that leads to a table of the domain's own. */
#define ASI_OWNED	_PAGE_SOFTW1

/* What the tables above an entry take away from its rights. */
struct asi_rights {
	bool write;
	bool exec;
};

static struct asi_rights asi_rights_below(struct asi_rights above, u64 entry)
{
	return (struct asi_rights){
		.write = above.write && (entry & _PAGE_RW),
		.exec = above.exec && !(entry & _PAGE_NX),
	};
}

static unsigned int asi_top_level(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

u64 asi_raw_leaf(const u64 *root, u64 va, u64 *pfn, bool *writable)
{
	unsigned int level = asi_top_level();
	const u64 *table = root;
	bool rw = true;

	for (;; level--) {
		unsigned int shift = PAGE_SHIFT + (level - 1) * 9;
		u64 entry = READ_ONCE(table[(va >> shift) & (PTRS_PER_PTE - 1)]);

		if (!(entry & _PAGE_PRESENT))
			return 0;
		rw = rw && (entry & _PAGE_RW);
		if (level == PG_LEVEL_4K || (entry & _PAGE_PSE)) {
			*pfn = asi_leaf_pfn(entry, level) +
			       ((va & ((1ULL << shift) - 1)) >> PAGE_SHIFT);
			*writable = rw;
			return entry;
		}
		table = __va(asi_entry_pfn(entry) << PAGE_SHIFT);
	}
}

/* Of a page, in the places where a small leaf has it. */
static u64 asi_cache_mode(u64 entry, unsigned int level)
{
	u64 mode = entry & (_PAGE_PWT | _PAGE_PCD);
	u64 pat = level > PG_LEVEL_4K ? _PAGE_PAT_LARGE : _PAGE_PAT;

	return mode | (entry & pat ? _PAGE_PAT : 0);
}

/* A page of its own file stays that while interrupts are off. */
static bool asi_holds_link(struct folio *folio)
{
	const struct address_space *mapping;
	unsigned long flags;
	bool is_link;

	local_irq_save(flags);
	mapping = folio_mapping(folio);
	is_link = mapping && mapping->host && S_ISLNK(mapping->host->i_mode);
	local_irq_restore(flags);
	return is_link;
}

/* Pages on per-CPU lists were put back into the free areas before. */
static const char *asi_bad_page(const struct asi_verify *v, u64 pfn, bool user_half)
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
	/* System calls read and write files on disk, and follow links anywhere. */
	if (v->space->cls == ASI_CLASS_SCI && !folio_test_anon(folio) &&
	    (!folio_test_swapbacked(folio) || asi_holds_link(folio)))
		user = false;
	if (user_half)
		return user ? NULL : "not user memory";
	return user ? "user memory" : NULL;
}

/* The table that @theirs leads to, if it leads to one. */
static const u64 *asi_table_below(u64 theirs)
{
	if (!(theirs & _PAGE_PRESENT) || (theirs & _PAGE_PSE))
		return NULL;
	return __va(asi_entry_pfn(theirs) << PAGE_SHIFT);
}

/* Does some entry of the user half lead to the table @pfn? */
static bool asi_leads_to(const u64 *table, unsigned int level, u64 pfn)
{
	unsigned int i, n = level == asi_top_level() ? PTRS_PER_PGD / 2 : PTRS_PER_PTE;
	const u64 *below;

	for (i = 0; i < n; i++) {
		below = asi_table_below(READ_ONCE(table[i]));
		if (!below)
			continue;
		if (PHYS_PFN(__pa(below)) == pfn ||
		    (level > 2 && asi_leads_to(below, level - 1, pfn)))
			return true;
	}
	return false;
}

/*
 * May the domain read this page table?  If it is its process's; or if nothing is
 * in it: a table that is put aside for a large page to be split, or about to be
 * freed.  Interrupts are off, which keeps the process's tables.
 */
static bool asi_may_read_table(const struct asi_verify *v, u64 pfn)
{
	const struct mm_struct *mm = v->owner;

	return (mm && (PHYS_PFN(__pa(mm->pgd)) == pfn ||
		       asi_leads_to((u64 *)mm->pgd, asi_top_level(), pfn))) ||
	       !memchr_inv(__va(PFN_PHYS(pfn)), 0, PAGE_SIZE);
}

static void asi_verify_kernel_page(struct asi_verify *v, u64 va, u64 pfn,
				   u64 entry, unsigned int our_level,
				   struct asi_rights rights)
{
	bool nx = false, rw = true, writable = false;
	unsigned int level;
	u64 raw_pfn;
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
	/* Not by @rw: that of 6.12.107 is false for what may be written. */
	asi_raw_leaf(asi_kernel_root(), va, &raw_pfn, &writable);
	if (rights.write && !writable)
		asi_violate(v, va, entry, "writable");
	if (rights.exec && (nx || (pte_val(*kernel) & _PAGE_NX)))
		asi_violate(v, va, entry, "executable");
	if (asi_cache_mode(entry, our_level) != asi_cache_mode(pte_val(*kernel), level))
		asi_violate(v, va, entry, "another cache mode");
	if (entry & ~pte_val(*kernel) & _PAGE_USER)
		asi_violate(v, va, entry, "user access");
	bad = asi_bad_page(v, pfn, false);
	if (bad && !rights.write && pfn_valid(pfn) && PageTable(pfn_to_page(pfn)) &&
	    asi_may_read_table(v, pfn))
		bad = NULL;
	if (bad)
		asi_violate(v, va, entry, bad);
}

/* A domain sees of its process what the process sees, and may not do more. */
static void asi_verify_user_page(struct asi_verify *v, u64 va, u64 pfn, u64 entry,
				 struct asi_rights rights)
{
	bool writable = false;
	u64 theirs, their_pfn;
	const char *bad;

	if (rights.exec)
		asi_violate(v, va, entry, "executable");
	bad = asi_bad_page(v, pfn, true);
	if (bad)
		asi_violate(v, va, entry, bad);
	if (!v->owner) {
		asi_violate(v, va, entry, "user address without a process");
		return;
	}
	theirs = asi_raw_leaf((u64 *)v->owner->pgd, va, &their_pfn, &writable);
	if (!theirs)
		asi_violate(v, va, entry, "not mapped by the process");
	else if (their_pfn != pfn)
		asi_violate(v, va, entry, "another frame than the process's");
	else if (rights.write && !writable)
		asi_violate(v, va, entry, "writable, not so for the process");
}

/* False says nothing of the later pages of an allocation. */
static bool asi_is_in_use(u64 pfn)
{
	return pfn_valid(pfn) && page_count(pfn_to_page(pfn));
}

/* The base map is asked for every frame. */
static void asi_verify_noted(struct asi_verify *v, u64 va, u64 pfn, u64 entry)
{
	bool writable;
	u64 other;

	if (v->space == &asi_base->space ||
	    asi_raw_leaf(__va(asi_base->space.root), va, &other, &writable))
		return;
	/* One whose flag is down is being freed, and taken out next. */
	if (asi_is_flagged(pfn) ? !asi_rmap_has(v->space, pfn, va) : asi_is_in_use(pfn))
		asi_violate(v, va, entry, "a free would not find it");
}

static void asi_verify_leaf(struct asi_verify *v, u64 va, u64 entry,
			    unsigned int level, struct asi_rights rights)
{
	u64 pfn = asi_leaf_pfn(entry, level);
	u64 pages = 1ULL << ((level - 1) * 9);
	u64 before = v->violations;
	u64 i;

	v->leaves++;
	if (entry & _PAGE_GLOBAL)
		asi_violate(v, va, entry, "Global");
	for (i = 0; i < pages; i++, va += PAGE_SIZE, pfn++) {
		if ((s64)va < 0) {
			asi_verify_kernel_page(v, va, pfn, entry, level, rights);
			/* What is wrong by itself need not be found. */
			if (v->violations == before)
				asi_verify_noted(v, va, pfn, entry);
		} else {
			asi_verify_user_page(v, va, pfn, entry, rights);
		}
	}
}

/* An entry that leads to @table: is the mark that says whose it is true? */
static void asi_verify_owner(struct asi_verify *v, u64 va, u64 entry,
			     const u64 *table, const u64 *kernel, const u64 *base)
{
	bool foreign = table == kernel || table == base;

	if (!(entry & ASI_OWNED)) {
		if (!foreign)
			asi_violate(v, va, entry, "borrowed from nobody");
		return;
	}
	if (foreign)
		asi_violate(v, va, entry, "owns a table of the kernel's");
	else if (v->nr_tables < ASI_VERIFY_TABLES)
		v->tables[v->nr_tables++] = asi_entry_pfn(entry);
}

/*
 * The user half of a task's domain: entries of its process, or of what was its
 * process's when it was inside the last time.
 */
static void asi_verify_user_slot(struct asi_verify *v, unsigned int slot, u64 entry)
{
	const struct asi_task_domain *domain = v->task;
	const struct mm_struct *mm = v->mm;

	if (!entry || !mm || entry == READ_ONCE(mm->pgd[slot].pgd) ||
	    READ_ONCE(domain->ctx_id) != mm->context.ctx_id ||
	    READ_ONCE(domain->tlb_gen) != atomic64_read(&mm->context.tlb_gen))
		return;
	asi_violate(v, (u64)slot << PGDIR_SHIFT, entry, "not its process's table");
}

/*
 * @kernel is the kernel's own table at this place, or NULL; @base that of the
 * base map.  A table that is the kernel's own is right by definition; the base
 * map's tables are looked at once, not for each domain that borrows them.
 */
static void asi_verify_table(struct asi_verify *v, const u64 *table,
			     const u64 *kernel, const u64 *base,
			     unsigned int level, u64 start,
			     struct asi_rights above)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		u64 entry = READ_ONCE(table[i]);
		u64 va = start + ((u64)i << (PAGE_SHIFT + (level - 1) * 9));
		struct asi_rights rights = asi_rights_below(above, entry);
		const u64 *below, *kernel_below, *base_below;

		if (level == asi_top_level() && i < PTRS_PER_PGD / 2 && v->task) {
			asi_verify_user_slot(v, i, entry);
			continue;
		}
		/* Sign extension from the top level down. */
		if (level == asi_top_level() && i >= PTRS_PER_PGD / 2)
			va |= ~0ULL << (PAGE_SHIFT + level * 9);
		if (!(entry & _PAGE_PRESENT)) {
			if (entry)
				asi_violate(v, va, entry, "not present, not empty");
			continue;
		}
		if (level == PG_LEVEL_4K || (entry & _PAGE_PSE)) {
			asi_verify_leaf(v, va, entry, level, rights);
			continue;
		}
		if (!pfn_valid(asi_entry_pfn(entry)) ||
		    PageBuddy(pfn_to_page(asi_entry_pfn(entry))) ||
		    !page_count(pfn_to_page(asi_entry_pfn(entry)))) {
			asi_violate(v, va, entry, "table page is free");
			continue;
		}
		below = asi_table_below(entry);
		kernel_below = kernel ? asi_table_below(READ_ONCE(kernel[i])) : NULL;
		base_below = base ? asi_table_below(READ_ONCE(base[i])) : NULL;
		asi_verify_owner(v, va, entry, below, kernel_below, base_below);
		if (below != kernel_below && below != base_below)
			asi_verify_table(v, below, kernel_below, base_below,
					 level - 1, va, rights);
	}
}

/* No table that some domain shares may have a Global entry: neither may any. */
static void asi_verify_no_global(struct asi_verify *v, const u64 *table,
				 unsigned int level, u64 start)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		u64 entry = READ_ONCE(table[i]);
		u64 va = start + ((u64)i << (PAGE_SHIFT + (level - 1) * 9));

		if (level == asi_top_level()) {
			if (i < PTRS_PER_PGD / 2)
				continue;
			va |= ~0ULL << (PAGE_SHIFT + level * 9);
		}
#ifdef CONFIG_KASAN
		/* Its tables for memory without a shadow are shared: 16 TiB. */
		if (level <= 4 && va >= KASAN_SHADOW_START && va < KASAN_SHADOW_END)
			continue;
#endif
		if (!(entry & _PAGE_PRESENT))
			continue;
		if (level > PG_LEVEL_4K && !(entry & _PAGE_PSE))
			asi_verify_no_global(v, asi_table_below(entry), level - 1, va);
		else if (entry & _PAGE_GLOBAL)
			asi_violate(v, va, entry, "Global");
	}
}

/* Domains share the kernel's mapping of the image: no part of it may be given away. */
static void asi_verify_image(struct asi_verify *v)
{
	u64 va, entry, pfn;
	bool writable;

	for (va = PAGE_ALIGN_DOWN((u64)_text); va < ALIGN((u64)_end, PMD_SIZE); va += PAGE_SIZE) {
		entry = asi_raw_leaf((u64 *)init_mm.pgd, va, &pfn, &writable);
		if (entry && pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn)))
			asi_violate(v, va, entry, "a part of the image that was freed");
	}
}

static const struct asi_rights asi_all_rights = { .write = true, .exec = true };

/* What @space borrows from: the tables of its lender, or the base map. */
static struct asi_space *asi_lender_of(struct asi_space *space)
{
	struct asi *asi = asi_domain_of(space);

	return asi ? &asi->lender->space : &asi_base->space;
}

static void asi_verify_space(struct asi_verify *v, struct asi_space *space)
{
	struct asi_space *lender = asi_lender_of(space);
	struct asi *asi = asi_domain_of(space);
	unsigned long flags;

	v->space = space;
	v->owner = asi ? asi->mm : NULL;
	v->task = asi ? asi_task_domain(asi) : NULL;
	v->mm = v->task ? get_task_mm(v->task->task) : NULL;
	rcu_read_lock();
	/* Frees take pages out under this lock, so that none is half-way here. */
	raw_spin_lock_irqsave(&space->lock, flags);
	raw_spin_lock_nested(&lender->lock, SINGLE_DEPTH_NESTING);
	asi_verify_table(v, __va(space->root), (u64 *)init_mm.pgd, __va(lender->root),
			 asi_top_level(), 0, asi_all_rights);
	asi_verify_tasks(v);
	asi_verify_base(v);
	asi_verify_quarantine(v);
	raw_spin_unlock(&lender->lock);
	raw_spin_unlock_irqrestore(&space->lock, flags);
	rcu_read_unlock();
	if (v->mm)
		mmput_async(v->mm);
}

static void asi_verify_base_map(struct asi_verify *v, struct asi_space *base)
{
	unsigned long flags;

	v->space = base;
	v->owner = NULL;
	v->task = NULL;
	raw_spin_lock_irqsave(&base->lock, flags);
	asi_verify_table(v, __va(base->root), (u64 *)init_mm.pgd, NULL,
			 asi_top_level(), 0, asi_all_rights);
	raw_spin_unlock_irqrestore(&base->lock, flags);
}

static int asi_compare_pfn(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* What belongs to no single domain. */
static void asi_verify_rest(struct asi_verify *v)
{
	unsigned int i;

	v->space = NULL;
	sort(v->tables, v->nr_tables, sizeof(v->tables[0]), asi_compare_pfn, NULL);
	for (i = 1; i < v->nr_tables; i++) {
		if (v->tables[i] == v->tables[i - 1])
			asi_violate(v, (u64)__va(v->tables[i] << PAGE_SHIFT), 0,
				    "table page has two owners");
	}
	asi_verify_no_global(v, (u64 *)init_mm.pgd, asi_top_level(), 0);
	asi_verify_image(v);
	asi_verify_cpus(v);
}

/* Print, and start the next account. */
static u64 asi_verify_print(struct seq_file *m, struct asi_verify *v)
{
	u64 violations = v->violations;
	unsigned int i;

	for (i = 0; i < min_t(u64, violations, ASI_VERIFY_SHOWN); i++)
		seq_printf(m, "violation domain %u address 0x%llx entry 0x%llx what %s\n",
			   v->space ? v->space->id : 0, v->shown[i].address,
			   v->shown[i].entry, v->shown[i].what);
	v->violations = 0;
	return violations;
}

static int asi_verify_all(struct seq_file *m, struct asi_verify *v)
{
	u64 domains = 0, violations = 0;
	struct asi_space *space;

	drain_all_pages(NULL);
	mutex_lock(&asi_spaces_mutex);
	if (READ_ONCE(asi_base)) {
		asi_verify_base_map(v, &asi_base->space);
		violations += asi_verify_print(m, v);
	}
	list_for_each_entry(space, &asi_spaces, list) {
		asi_verify_space(v, space);
		violations += asi_verify_print(m, v);
		domains++;
	}
	asi_verify_rest(v);
	violations += asi_verify_print(m, v);
	mutex_unlock(&asi_spaces_mutex);
	seq_printf(m, "domains %llu leaves %llu violations %llu\n", domains, v->leaves,
		   violations);
	return 0;
}

static int asi_verify_show(struct seq_file *m, void *unused)
{
	struct asi_verify *v = kzalloc(sizeof(*v), GFP_KERNEL);
	int err = -ENOMEM;

	guard(asi_unrestricted)();

	if (!v)
		return -ENOMEM;
	v->tables = kvmalloc_array(ASI_VERIFY_TABLES, sizeof(v->tables[0]), GFP_KERNEL);
	if (v->tables)
		err = asi_verify_all(m, v);
	kvfree(v->tables);
	kfree(v);
	return err;
}
DEFINE_SHOW_ATTRIBUTE(asi_verify);

static int __init asi_verify_init(void)
{
	if (asi_enabled())
		debugfs_create_file("verify", 0400, asi_debugfs(), NULL, &asi_verify_fops);
	return 0;
}
late_initcall(asi_verify_init);
