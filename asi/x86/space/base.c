// SPDX-License-Identifier: GPL-2.0-only
/*
 * The base map: everything that interrupt, exception and NMI entry need on
 * every possible CPU.  Built once; domains share it by reference.
 *
 * Two parts.  What the kernel keeps in subtrees of its own (image, modules,
 * fixmap, cpu_entry_area, KASAN shadow) is borrowed from init_mm and follows
 * it.  What lies among secrets (per-CPU areas in the direct map, interrupt
 * stacks in vmalloc space, registered objects) gets tables of our own.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <asm/cpu_entry_area.h>
#include <asm/hw_irq.h>
#include <asm/irq_stack.h>
#include <asm/processor.h>
#include <asm/sections.h>
#include "space/space.h"

/* What one entry of level 4 spans. */
#define ASI_SLOT_SIZE	(1UL << 39)

static DEFINE_MUTEX(asi_base_mutex);
struct asi_tables *asi_base;

/*
 * Entries of the level that spans 512 GiB, whatever the depth.  A hole stays a
 * hole: not every such entry of the KASAN shadow is populated.
 */
static int asi_base_borrow(struct asi_space *base, unsigned long start, unsigned long end)
{
	unsigned long va;
	int err;

	for (va = ALIGN_DOWN(start, ASI_SLOT_SIZE); ; va += ASI_SLOT_SIZE) {
		err = asi_space_borrow(base, asi_kernel_root(), va, 4);
		if (err && err != -ENOENT)
			return err;
		if (va >= ALIGN_DOWN(end - 1, ASI_SLOT_SIZE))
			return 0;
	}
}

static int asi_base_percpu(struct asi_space *base, int cpu)
{
	return asi_space_map(base, (void *)asi_percpu_start(cpu), asi_percpu_size(),
			     ASI_KIND_PERCPU) ?:
	       asi_space_map(base, (void *)asi_irq_stack(cpu), IRQ_STACK_SIZE,
			     ASI_KIND_IRQ_STACK);
}

static int asi_base_fill(struct asi_space *base)
{
	int cpu, err;

	err = asi_cpu_memory_init();
	/* Image, modules and fixmap share the last slot. */
	if (!err)
		err = asi_base_borrow(base, (unsigned long)_text, (unsigned long)_text + 1);
	if (!err)
		err = asi_base_borrow(base, CPU_ENTRY_AREA_BASE,
				      CPU_ENTRY_AREA_BASE + CPU_ENTRY_AREA_MAP_SIZE);
#ifdef CONFIG_KASAN
	if (!err)
		err = asi_base_borrow(base, KASAN_SHADOW_START, KASAN_SHADOW_END);
#endif
	for_each_possible_cpu(cpu) {
		if (!err && !(cpu && asi_breaks(ASI_BREAK_BASE)))
			err = asi_base_percpu(base, cpu);
	}
	/* So that there is a table to grow in, for all domains at once. */
	if (!err)
		err = asi_space_map(base, virt_to_page(base), sizeof(struct page),
				    ASI_KIND_VMEMMAP);
	return err;
}

static int asi_base_build(void)
{
	struct asi_tables *base = asi_space_alloc(ASI_SPACE_BASE, ASI_RESERVE);
	int err;

	if (!base)
		return -ENOMEM;
	err = asi_base_fill(&base->space);
	if (err) {
		pr_err("base map: error %d\n", err);
		asi_space_free(&base->space);
		return err;
	}
	/* The check of each switch reads it, inside. */
	if (IS_ENABLED(CONFIG_ASI_DEBUG))
		asi_share(base, sizeof(*base));
	WRITE_ONCE(asi_base, base);
	return 0;
}

int asi_borrow_root(struct asi_space *space, const struct asi_space *from)
{
	const u64 *root = asi_pt_root_table(&from->pt);
	int i, err;

	for (i = PTRS_PER_PGD / 2; i < PTRS_PER_PGD; i++) {
		unsigned long va = ((unsigned long)i << PGDIR_SHIFT) |
				   (~0UL << (PGDIR_SHIFT + 8));

		if (!(root[i] & _PAGE_PRESENT))
			continue;
		err = asi_space_borrow(space, root, va, asi_levels());
		if (err)
			return err;
	}
	return 0;
}

/* Slots of the base map one by one, but for the one that holds the image. */
static int asi_borrow_slots(struct asi_space *space, const struct asi_space *from)
{
	const u64 *root = asi_pt_root_table(&from->pt);
	unsigned long image = ALIGN_DOWN((unsigned long)_text, ASI_SLOT_SIZE);
	unsigned long va = -(1UL << (asi_levels() == 5 ? 56 : 47));
	int err;

	for (; va; va += ASI_SLOT_SIZE) {
		if (!(root[pgd_index(va)] & _PAGE_PRESENT)) {
			va = ALIGN(va + 1, PGDIR_SIZE) - ASI_SLOT_SIZE;
			continue;
		}
		if (va == image)
			continue;
		err = asi_space_borrow(space, root, va, 4);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

/*
 * The memory model's section table: virt_addr_valid() and pfn_valid() read it
 * on every hardened copy to or from user space.
 */
static int asi_map_sections(struct asi_space *base)
{
	unsigned long nr;
	int err;

	err = asi_space_map(base, mem_section, NR_SECTION_ROOTS * sizeof(*mem_section),
			    ASI_KIND_VMEMMAP);
	for (nr = 0; !err && nr <= __highest_present_section_nr; nr++) {
		struct mem_section *section = __nr_to_section(nr);

		if (!section || !present_section(section))
			continue;
		err = asi_space_map(base, section, sizeof(*section), ASI_KIND_VMEMMAP);
		if (!err && section->usage)
			err = asi_space_map(base, section->usage,
					    mem_section_usage_size(), ASI_KIND_VMEMMAP);
	}
	return err;
}

/* An object that cannot be mapped stays unmapped: touching it leaves. */
static int asi_map_one_shared(void *base, unsigned long start, unsigned long end)
{
	return asi_space_map_reserved(base, start, end, ASI_KIND_DATA);
}

/* Add what is registered and not in it yet. */
static int asi_map_shared(struct asi_space *base)
{
	int err;

	if (!asi_shared_has_news())
		return 0;
	err = asi_map_sections(base);
	while (!err) {
		err = asi_shared_walk(asi_map_one_shared, base);
		if (err <= 0)
			break;
		err = asi_space_refill(base, err + ASI_RESERVE / 2);
	}
	return err;
}

static int asi_base_get_by(struct asi_space *space,
			   int (*borrow)(struct asi_space *, const struct asi_space *))
{
	int err = 0;

	mutex_lock(&asi_base_mutex);
	if (!asi_base)
		err = asi_base_build();
	if (!err)
		err = asi_map_shared(&asi_base->space);
	if (!err)
		err = borrow(space, &asi_base->space);
	mutex_unlock(&asi_base_mutex);
	return err;
}

int asi_base_get(struct asi_space *space)
{
	return asi_base_get_by(space, asi_borrow_root);
}

int asi_base_get_parts(struct asi_space *space)
{
	return asi_base_get_by(space, asi_borrow_slots);
}
