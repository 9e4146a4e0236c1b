// SPDX-License-Identifier: GPL-2.0-only
/* Memory whose entries the kernel changes by itself, mapped in a domain before it does. */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <asm/apicdef.h>
#include <asm/pgtable.h>
#include <asi/asi.h>
#include <asi/engine.h>
#include "asi_test.h"

/* No test machine has memory beyond. */
#define ASI_MEMORY_END	PHYS_PFN(8ULL * SZ_1G)
/* Times to ask for an object, each of them a sample of KFENCE's long. */
#define ASI_SAMPLES	200

/* As any work inside would, so that it is mapped where growth puts it. */
static int asi_touch_inside(struct asi *domain, const struct page *page)
{
	struct asi_leaf leaf;
	unsigned long flags, cr3;

	local_irq_save(flags);
	cr3 = asi_enter(domain);
	asi_relax();
	(void)READ_ONCE(page->flags);
	asi_exit();
	local_irq_restore(flags);
	return asi_table_lookup(__va(cr3 & CR3_ADDR_MASK), pgtable_l5_enabled() ? 5 : 4,
				(unsigned long)page, &leaf) ? 0 : -EAGAIN;
}

int asi_map_memory_map(struct asi *domain)
{
	unsigned long pfn;
	int err = 0;

	for (pfn = 0; !err && pfn < ASI_MEMORY_END; pfn += PAGES_PER_SECTION) {
		if (pfn_valid(pfn))
			err = asi_touch_inside(domain, pfn_to_page(pfn));
	}
	return err;
}

int asi_map_registers(struct asi *domain)
{
	void __iomem *registers = ioremap(APIC_DEFAULT_PHYS_BASE, PAGE_SIZE);
	int err;

	if (!registers)
		return -ENOMEM;
	err = asi_map(domain, (__force void *)registers, PAGE_SIZE, ASI_KIND_OBJECT);
	iounmap(registers);
	return err;
}

int asi_map_fenced(struct asi *domain)
{
	void *object;
	int i, err;

	for (i = 0; i < ASI_SAMPLES; i++) {
		object = kmalloc(64, GFP_KERNEL);
		if (!object)
			return -ENOMEM;
		if (is_kfence_address(object)) {
			err = asi_map(domain, object, 1, ASI_KIND_OBJECT);
			kfree(object);
			return err;
		}
		kfree(object);
		msleep(20);
	}
	return -ENOENT;
}
