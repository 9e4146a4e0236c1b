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

void *asi_port_alloc_root(void)
{
	struct page *pages = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, 1);

	if (!pages)
		return NULL;
	split_page(pages, 1);
	return asi_mark_table(page_address(pages), 1);
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
EXPORT_SYMBOL_GPL(asi_port_bug);
