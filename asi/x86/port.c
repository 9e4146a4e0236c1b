// SPDX-License-Identifier: GPL-2.0-only
/* The port: what the C++ engine asks of the kernel. */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <asi/engine.h>
#include <asi/pages.h>

/* For the self tests, which check tables independently of the records. */
EXPORT_SYMBOL_GPL(asi_table_lookup);

/*
 * Two pages, the lower one used: PTI finds its user root by setting bit 12,
 * so that bit must be clear here.
 */
void *asi_port_alloc_root(void)
{
	return asi_mark_table((void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, 1), 1);
}

void asi_port_free_root(void *root)
{
	free_pages((unsigned long)root, 1);
}

void asi_port_free_table(void *table)
{
	free_page((unsigned long)table);
}

asi_u64 asi_port_phys(const void *table)
{
	return __pa(table);
}

void *asi_port_virt(asi_u64 phys)
{
	return __va(phys);
}

void asi_port_bug(const char *what, asi_u64 value)
{
	WARN_ONCE(1, "%s (%#llx)\n", what, value);
}
