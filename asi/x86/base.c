// SPDX-License-Identifier: GPL-2.0-only
/*
 * The base map: everything that interrupt, exception and NMI entry need on
 * every possible CPU.  Built once; domains share it by reference.
 *
 * Two parts.  What the kernel keeps in subtrees of its own (image, modules,
 * fixmap, cpu_entry_area, KASAN shadow) is borrowed from init_mm and follows
 * it.  What lies among secrets (per-CPU areas in the direct map, interrupt
 * stacks in vmalloc space) gets tables of our own.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/gfp.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <asm/cpu_entry_area.h>
#include <asm/hw_irq.h>
#include <asm/irq_stack.h>
#include <asm/processor.h>
#include <asm/sections.h>
#include "break.h"
#include "internal.h"

/* What one entry of level 4 spans. */
#define ASI_SLOT_SIZE	(1UL << 39)

static DEFINE_MUTEX(asi_base_mutex);
static struct asi_pt asi_base;
static bool asi_base_ready;

static int asi_donate(struct asi_pt *pt, u32 pages)
{
	while (pages--) {
		void *page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

		if (!page)
			return -ENOMEM;
		asi_pt_donate(pt, page);
	}
	return 0;
}

static int asi_base_clone(unsigned long start, unsigned long end,
			  enum asi_kind kind)
{
	u64 copied = 0;
	u32 needed;
	int err;

	start = PAGE_ALIGN_DOWN(start);
	end = PAGE_ALIGN(end);
	err = asi_pt_clone(&asi_base, asi_kernel_root(), start, end - start, kind,
			   &copied, &needed);
	if (err == -ENOMEM) {
		err = asi_donate(&asi_base, needed);
		if (!err)
			err = asi_pt_clone(&asi_base, asi_kernel_root(), start,
					   end - start, kind, &copied, &needed);
	}
	if (!err && copied != end - start)
		err = -EFAULT;
	if (err)
		pr_err("base map: %s at %#lx-%#lx: error %d, %llu bytes mapped\n",
		       asi_kind_name(kind), start, end, err, copied);
	return err;
}

/*
 * One entry of the level that spans 512 GiB, whatever the depth.  A hole
 * stays a hole: not every such entry of the KASAN shadow is populated.
 */
static int asi_borrow_slot(struct asi_pt *pt, const void *from, unsigned long va)
{
	u32 needed;
	int err = asi_pt_borrow(pt, from, va, 4, &needed);

	if (err == -ENOMEM) {
		err = asi_donate(pt, needed);
		if (!err)
			err = asi_pt_borrow(pt, from, va, 4, &needed);
	}
	return err == -ENOENT ? 0 : err;
}

static int asi_base_borrow(unsigned long start, unsigned long end)
{
	unsigned long va;
	int err;

	for (va = ALIGN_DOWN(start, ASI_SLOT_SIZE); ; va += ASI_SLOT_SIZE) {
		err = asi_borrow_slot(&asi_base, asi_kernel_root(), va);
		if (err)
			return err;
		if (va >= ALIGN_DOWN(end - 1, ASI_SLOT_SIZE))
			return 0;
	}
}

static int asi_base_percpu(int cpu)
{
	unsigned long start = (unsigned long)__per_cpu_start + per_cpu_offset(cpu);
	unsigned long top;
	int err;

	err = asi_base_clone(start, start + asi_percpu_size(), ASI_KIND_PERCPU);
	if (err)
		return err;

	/* CPUs that never came up have no interrupt stack yet. */
	err = irq_init_percpu_irqstack(cpu);
	if (err)
		return err;
	top = (unsigned long)per_cpu(pcpu_hot.hardirq_stack_ptr, cpu) + 8;
	return asi_base_clone(top - IRQ_STACK_SIZE, top, ASI_KIND_IRQ_STACK);
}

static int asi_base_build(void)
{
	int cpu, err;

	err = asi_pt_init(&asi_base, asi_levels());
	if (err)
		return err;
	/* Image, modules and fixmap share the last slot. */
	err = asi_base_borrow((unsigned long)_text, (unsigned long)_text + 1);
	if (!err)
		err = asi_base_borrow(CPU_ENTRY_AREA_BASE,
				      CPU_ENTRY_AREA_BASE + CPU_ENTRY_AREA_MAP_SIZE);
#ifdef CONFIG_KASAN
	if (!err)
		err = asi_base_borrow(KASAN_SHADOW_START, KASAN_SHADOW_END);
#endif
	for_each_possible_cpu(cpu) {
		if (!err && !(cpu && asi_breaks(ASI_BREAK_BASE)))
			err = asi_base_percpu(cpu);
	}
	if (err)
		asi_pt_destroy(&asi_base);
	return err;
}

/* Every root entry of the kernel half that the base map has. */
static int asi_base_share(struct asi_pt *pt)
{
	const u64 *root = asi_pt_root_table(&asi_base);
	int i, err;

	for (i = PTRS_PER_PGD / 2; i < PTRS_PER_PGD; i++) {
		unsigned long va = ((unsigned long)i << PGDIR_SHIFT) |
				   (~0UL << (PGDIR_SHIFT + 8));
		u32 needed;

		if (!(root[i] & _PAGE_PRESENT))
			continue;
		err = asi_pt_borrow(pt, root, va, asi_levels(), &needed);
		if (err)
			return err;
	}
	return 0;
}

/* Give a fresh table the base map.  Process context. */
int asi_base_get(struct asi_pt *pt)
{
	int err = 0;

	mutex_lock(&asi_base_mutex);
	if (!asi_base_ready) {
		err = asi_base_build();
		asi_base_ready = !err;
	}
	if (!err)
		err = asi_base_share(pt);
	mutex_unlock(&asi_base_mutex);
	return err;
}

const u64 *asi_base_root(void)
{
	return asi_pt_root_table(&asi_base);
}
