// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel objects that every domain maps and that are nobody's secret: the
 * kernel's book-keeping that interrupts and memory checks consult all the time.
 *
 * They are part of the base map.  What is registered after the first domain was
 * made is added when the next one is, and left for until then; objects that go
 * away are taken out everywhere.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/mm.h>
#include <linux/mmzone.h>
#include "internal.h"

#define ASI_MAX_SHARED	256

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

void asi_unshare(const void *addr)
{
	size_t size = 0;
	unsigned long flags;
	unsigned int i;

	if (!asi_boot_enabled || !addr)
		return;
	raw_spin_lock_irqsave(&asi_shared_lock, flags);
	for (i = 0; i < asi_shared_count; i++) {
		if (asi_shared[i].addr != addr)
			continue;
		size = asi_shared[i].size;
		asi_shared[i] = asi_shared[--asi_shared_count];
		break;
	}
	/* Under the lock, so that nobody maps it afterwards. */
	if (size)
		asi_zap_everywhere((unsigned long)addr, size);
	raw_spin_unlock_irqrestore(&asi_shared_lock, flags);
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
