// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an address is.  Runs in the fault path: no locks, no allocation, and
 * every pointer it follows is either permanent or checked against the
 * kernel's page table first.
 */
#include <linux/fs.h>
#include <linux/kasan.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <asm/cpu_entry_area.h>
#include <asm/fixmap.h>
#include <asm/pgtable.h>
#include <asm/processor.h>
#include <asm/sections.h>
#include "fault/fault.h"
#include "page/private.h"
#include "slab.h"

static bool asi_within(unsigned long address, const void *start, const void *end)
{
	return address >= (unsigned long)start && address < (unsigned long)end;
}

static enum asi_kind asi_classify_image(unsigned long address)
{
	if (asi_within(address, __entry_text_start, __entry_text_end) ||
	    asi_within(address, __noinstr_text_start, __noinstr_text_end))
		return ASI_KIND_ENTRY_TEXT;
	if (asi_within(address, _stext, _etext))
		return ASI_KIND_KERNEL_TEXT;
	if (asi_within(address, __start_rodata, __end_rodata))
		return ASI_KIND_RODATA;
	return asi_is_marked(ASI_MARK_TABLE, PHYS_PFN(__pa_symbol(address))) ?
		       ASI_KIND_PAGE_TABLE : ASI_KIND_DATA;
}

/*
 * Is this a task's stack?  VMAP stacks are aligned to their size and carry a
 * magic word at the lowest address; looking for it needs no list and no lock.
 */
static bool asi_is_task_stack(unsigned long address)
{
	unsigned long base = ALIGN_DOWN(address, THREAD_SIZE);
	struct asi_leaf leaf;
	unsigned long word;

	/* Never read a device register by accident. */
	if (!asi_table_lookup(asi_kernel_root(), asi_levels(), base, &leaf) ||
	    !pfn_valid(PHYS_PFN(leaf.pa)))
		return false;
	return !get_kernel_nofault(word, (unsigned long *)base) &&
	       word == STACK_END_MAGIC;
}

static enum asi_kind asi_classify_vmalloc(unsigned long address)
{
	enum asi_kind kind;

	if (asi_within(address, task_stack_page(current),
		       task_stack_page(current) + THREAD_SIZE))
		return ASI_KIND_OWN_STACK;
	kind = asi_cpu_memory_kind(address);
	if (kind != ASI_KIND_UNKNOWN)
		return kind;
	if (asi_is_task_stack(address))
		return ASI_KIND_OTHER_STACK;
	return ASI_KIND_VMALLOC;
}

/* Its caches have no other objects, and objects begin on pages of their own. */
static bool asi_is_scheduler_part(struct kmem_cache *s, const char *name,
				  struct folio *folio, unsigned long address)
{
	void *task;

	if (!s || strcmp(name, "task_struct"))
		return false;
	task = nearest_obj(s, folio_slab(folio), (void *)address);
	return asi_within(address, task, task + ASI_TASK_OPEN);
}

/*
 * The text of a symbolic link, which the kernel follows where it lies.  Who frees an inode
 * waits for those that have interrupts off.
 */
static bool asi_is_link(const struct folio *folio)
{
	const struct address_space *mapping = READ_ONCE(folio->mapping);
	struct inode *host;
	umode_t mode;

	if (!mapping || ((unsigned long)mapping & PAGE_MAPPING_FLAGS))
		return false;
	return !get_kernel_nofault(host, &mapping->host) && host &&
	       !get_kernel_nofault(mode, &host->i_mode) && S_ISLNK(mode);
}

static enum asi_kind asi_classify_direct(unsigned long address,
					 struct asi_place *place)
{
	unsigned long pa = __pa(address);
	struct folio *folio;
	enum asi_kind kind;
	struct page *page;

	if (asi_within(address, current, (void *)current + arch_task_struct_size))
		return ASI_KIND_OWN_TASK;
	kind = asi_cpu_memory_kind(address);
	if (kind != ASI_KIND_UNKNOWN)
		return kind;
	if (!pfn_valid(PHYS_PFN(pa)))
		return ASI_KIND_DEVICE;

	if (asi_is_marked(ASI_MARK_TABLE, PHYS_PFN(pa)))
		return ASI_KIND_PAGE_TABLE;
	/* The running task's too: nobody has business with a stack here. */
	if (asi_is_marked(ASI_MARK_STACK, PHYS_PFN(pa)))
		return ASI_KIND_OTHER_STACK;
	page = pfn_to_page(PHYS_PFN(pa));
	/* What only booting needed of the image is ordinary memory by now. */
	if (PageReserved(page))
		return pa >= __pa_symbol(_text) && pa < __pa_symbol(_end) ?
		       ASI_KIND_TEXT_ALIAS : ASI_KIND_RESERVED;
	folio = page_folio(page);
	if (folio_test_slab(folio)) {
		struct kmem_cache *s = asi_slab_name(folio, place->cache_name);

		place->cache = s ? place->cache_name : NULL;
		return asi_is_scheduler_part(s, place->cache, folio, address) ?
		       ASI_KIND_OTHER_TASK : ASI_KIND_SLAB;
	}
	if (PageBuddy(page) ||
	    (!folio_ref_count(folio) && !asi_is_marked(ASI_MARK_TAIL, PHYS_PFN(pa))))
		return ASI_KIND_FREE_PAGE;
	if (PageTable(page))
		return ASI_KIND_PAGE_TABLE;
	if (folio_test_anon(folio) || folio_test_swapbacked(folio))
		return asi_is_link(folio) ? ASI_KIND_PAGE_CACHE : ASI_KIND_USER_PAGE;
	if (folio_test_lru(folio) || READ_ONCE(folio->mapping))
		return ASI_KIND_PAGE_CACHE;
	return ASI_KIND_KERNEL_PAGE;
}

/* Kinds that follow from the address alone. */
static enum asi_kind asi_classify_static(unsigned long address)
{
	if (asi_within(address, _text, _end))
		return asi_classify_image(address);
	if (address >= MODULES_VADDR && address < MODULES_END)
		return ASI_KIND_MODULE;
	if (address >= FIXADDR_START)
		return ASI_KIND_FIXMAP;
	if (address >= CPU_ENTRY_AREA_BASE &&
	    address < CPU_ENTRY_AREA_BASE + CPU_ENTRY_AREA_MAP_SIZE)
		return ASI_KIND_CPU_ENTRY;
#ifdef CONFIG_KASAN
	if (address >= KASAN_SHADOW_START && address < KASAN_SHADOW_END)
		return ASI_KIND_SHADOW;
#endif
	return ASI_KIND_UNKNOWN;
}

/* Interrupts are off, which keeps the process's page tables from being freed. */
static void asi_classify_user(const struct asi *asi, unsigned long address,
			      struct asi_place *place)
{
	place->kind = ASI_KIND_USER_ADDRESS;
	if (!asi || !asi->ops->owns_user || !current->mm ||
	    !asi->ops->owns_user(asi->owner, address, 1))
		return;
	place->kind = ASI_KIND_GUEST_MEMORY;
	place->mapped = asi_table_lookup(current->mm->pgd, asi_levels(), address,
					 &place->leaf) &&
			(place->leaf.entry & _PAGE_USER) &&
			pfn_valid(PHYS_PFN(place->leaf.pa));
}

/* Do the raw tables at @root translate @va by way of the table at @page? */
static bool asi_translated_by(const u64 *root, unsigned long va, unsigned long page)
{
	unsigned int level = asi_levels();
	const u64 *table = root;
	u64 entry;

	for (;; level--) {
		if ((unsigned long)table == page)
			return true;
		entry = READ_ONCE(table[(va >> (PAGE_SHIFT + (level - 1) * 9)) &
					(PTRS_PER_PTE - 1)]);
		if (level == PG_LEVEL_4K || !(entry & _PAGE_PRESENT) || (entry & _PAGE_PSE))
			return false;
		table = __va(entry & PTE_PFN_MASK);
	}
}

unsigned long asi_lowest_table(unsigned long va)
{
	const u64 *table = (u64 *)current->mm->pgd;
	unsigned int level;
	u64 entry;

	for (level = asi_levels(); level > PG_LEVEL_4K; level--) {
		entry = READ_ONCE(table[(va >> (PAGE_SHIFT + (level - 1) * 9)) &
					(PTRS_PER_PTE - 1)]);
		if (!(entry & _PAGE_PRESENT) || (entry & _PAGE_PSE))
			return 0;
		table = __va(entry & PTE_PFN_MASK);
	}
	return (unsigned long)table;
}

/*
 * The upper levels are pages that nothing marks as tables.  Interrupts are off,
 * as above.
 */
static bool asi_is_own_table(const struct asi *asi, unsigned long address)
{
	unsigned long user;

	return asi && asi->ops->translates && current->mm &&
	       asi->ops->translates(asi->owner, &user) && user < TASK_SIZE_MAX &&
	       asi_translated_by((u64 *)current->mm->pgd, user, address & PAGE_MASK);
}

void asi_classify(const struct asi *asi, unsigned long address,
		  struct asi_place *place)
{
	place->cache = NULL;
	place->mapped = false;
	if (address < TASK_SIZE_MAX) {
		asi_classify_user(asi, address, place);
		return;
	}
	place->mapped = asi_table_lookup(asi_kernel_root(), asi_levels(), address,
					 &place->leaf);
	place->kind = !place->mapped && asi_is_private(address) ? ASI_KIND_PRIVATE :
								  ASI_KIND_UNKNOWN;
	if (!place->mapped)
		return;

	place->kind = asi_classify_static(address);
	if (place->kind != ASI_KIND_UNKNOWN)
		return;
	if (is_vmalloc_addr((void *)address))
		place->kind = asi_classify_vmalloc(address);
	else if (asi_is_memory_map(address))
		place->kind = ASI_KIND_VMEMMAP;
	else if (virt_addr_valid((void *)address) ||
		 (address >= PAGE_OFFSET && address < (unsigned long)high_memory))
		place->kind = asi_classify_direct(address, place);
	if ((place->kind == ASI_KIND_PAGE_TABLE || place->kind == ASI_KIND_KERNEL_PAGE) &&
	    asi_is_own_table(asi, address))
		place->kind = ASI_KIND_OWN_TABLE;
}
