// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi/xom_verify: does every entry for a frame of text, in any table, have the
 * key, and no entry for another frame?
 *
 * Text is what the kernel's own table lets execute: of the image, and where modules lie.
 * What the code that sets keys knows takes no part.  Tables: the kernel's own, the half of
 * PTI's that all processes share, those of domains, and the firmware's.
 */
#include <linux/debugfs.h>
#include <linux/efi.h>
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pgtable.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>
#include <asm/sections.h>
#include <asi/gate.h>
#include "../x86/fault/fault.h"
#include "xom.h"

#define XOM_SHOWN	20

struct xom_oracle {
	struct seq_file *m;
	unsigned long *text;	/* a bit for each frame */
	unsigned long frames;
	const char *table;	/* which is being looked at */
	bool has_lower_half;	/* the firmware's mappings, and not user space's */
	bool collect;		/* frames of text; else check */
	u64 text_frames;
	u64 leaves;		/* onto frames of text */
	u64 violations;
};

static void xom_violate(struct xom_oracle *o, u64 va, u64 entry, const char *what)
{
	if (o->violations++ < XOM_SHOWN)
		seq_printf(o->m, "violation table %s address 0x%llx entry 0x%llx what %s\n",
			   o->table, va, entry, what);
}

static bool xom_is_code_address(u64 va)
{
	return (va >= (u64)_text && va < PFN_ALIGN(_etext)) ||
	       (va >= MODULES_VADDR && va < MODULES_END);
}

static void xom_see_page(struct xom_oracle *o, u64 va, u64 pfn, u64 entry, bool exec)
{
	bool keyed = (entry & XOM_KEY_MASK) >> XOM_KEY_SHIFT == XOM_KEY;

	if (pfn >= o->frames)
		return;
	if (o->collect) {
		if (exec && xom_is_code_address(va) && !test_and_set_bit(pfn, o->text))
			o->text_frames++;
		return;
	}
	if (!test_bit(pfn, o->text)) {
		if (keyed)
			xom_violate(o, va, entry, is_free_buddy_page(pfn_to_page(pfn)) ?
				    "a free frame has the key" : "the key, not text");
		return;
	}
	o->leaves++;
	if (!keyed)
		xom_violate(o, va, entry, "text without the key");
}

static void xom_see_leaf(struct xom_oracle *o, u64 va, u64 entry, unsigned int level,
			 bool exec)
{
	u64 pages = 1ULL << ((level - 1) * 9);
	u64 pfn = (entry & PTE_PFN_MASK & ~((pages << PAGE_SHIFT) - 1)) >> PAGE_SHIFT;
	u64 i;

	for (i = 0; i < pages && pfn + i < o->frames; i++)
		xom_see_page(o, va + (i << PAGE_SHIFT), pfn + i, entry, exec);
}

/* Supervisor's entries: user mode's have keys of their own. */
static void xom_see_table(struct xom_oracle *o, const u64 *table, unsigned int level,
			  u64 start, bool exec, bool user)
{
	unsigned int top = pgtable_l5_enabled() ? 5 : 4;
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		u64 entry = READ_ONCE(table[i]);
		u64 va = start + ((u64)i << (PAGE_SHIFT + (level - 1) * 9));

		/* The firmware's mappings are in the half that user space has elsewhere. */
		if (level == top && i >= PTRS_PER_PGD / 2)
			va |= ~0ULL << (PAGE_SHIFT + level * 9);
		else if (level == top && !o->has_lower_half)
			continue;
#ifdef CONFIG_KASAN
		/* Its tables for memory without a shadow are shared: 16 TiB. */
		if (level <= 4 && va >= KASAN_SHADOW_START && va < KASAN_SHADOW_END)
			continue;
#endif
		if (!(entry & _PAGE_PRESENT))
			continue;
		if (level > PG_LEVEL_4K && !(entry & _PAGE_PSE)) {
			xom_see_table(o, __va(entry & PTE_PFN_MASK), level - 1, va,
				      exec && !(entry & _PAGE_NX), user && (entry & _PAGE_USER));
			cond_resched();
		} else if (!(user && (entry & _PAGE_USER))) {
			xom_see_leaf(o, va, entry, level, exec && !(entry & _PAGE_NX));
		}
	}
}

static void xom_see(struct xom_oracle *o, const char *name, const void *root)
{
	o->table = name;
	xom_see_table(o, root, pgtable_l5_enabled() ? 5 : 4, 0, true, true);
}

/* Tables of a domain leave by its lock only: what is gone meanwhile was looked at in vain. */
static void xom_see_domains(struct xom_oracle *o)
{
	struct asi_space *space;

	mutex_lock(&asi_spaces_mutex);
	if (READ_ONCE(asi_base))
		xom_see(o, "base", __va(asi_base->space.root));
	list_for_each_entry(space, &asi_spaces, list)
		xom_see(o, asi_class_name(space->cls), __va(space->root));
	mutex_unlock(&asi_spaces_mutex);
}

static void xom_look(struct xom_oracle *o)
{
	drain_all_pages(NULL);
	vm_unmap_aliases();
	o->collect = true;
	xom_see(o, "kernel", init_mm.pgd);
	o->collect = false;
	xom_see(o, "kernel", init_mm.pgd);
#ifdef CONFIG_MITIGATION_PAGE_TABLE_ISOLATION
	if (boot_cpu_has(X86_FEATURE_PTI))
		xom_see(o, "pti", kernel_to_user_pgdp(init_mm.pgd));
#endif
#ifdef CONFIG_EFI
	if (efi_mm.pgd) {
		o->has_lower_half = true;
		xom_see(o, "efi", efi_mm.pgd);
		o->has_lower_half = false;
	}
#endif
	xom_see_domains(o);
}

static int xom_verify_show(struct seq_file *m, void *unused)
{
	struct xom_oracle o = { .m = m, .frames = max_pfn };

	guard(asi_unrestricted)();

	o.text = vzalloc(BITS_TO_LONGS(o.frames) * sizeof(long));
	if (!o.text)
		return -ENOMEM;
	xom_look(&o);
	seq_printf(m, "text_frames %llu\nleaves %llu\nviolations %llu\n", o.text_frames, o.leaves,
		   o.violations);
	vfree(o.text);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(xom_verify);

static int __init xom_oracle_init(void)
{
	if (xom_on())
		debugfs_create_file("xom_verify", 0400, asi_debugfs(), NULL, &xom_verify_fops);
	return 0;
}
late_initcall_sync(xom_oracle_init);
