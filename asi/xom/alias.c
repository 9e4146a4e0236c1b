// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text gets no second address.  The direct map's entry of a frame has the key while the
 * frame holds text: whoever wants to map frames elsewhere is refused those.
 */
#define pr_fmt(fmt) "xom: " fmt

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <asi/break.h>
#include "xom.h"

bool __xom_is_text(const void *address)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)address, &level);

	return entry && (pte_val(*entry) & XOM_KEY_MASK) == XOM_KEY << XOM_KEY_SHIFT;
}

static bool xom_refuses(const struct page *page)
{
	if (asi_breaks(ASI_BREAK_ALIAS) || !__xom_is_text(page_address(page)))
		return false;
	xom_count(XOM_COUNT_ALIASES);
	pr_warn_ratelimited("a second mapping of text is refused: frame %#lx\n",
			    page_to_pfn(page));
	return true;
}

bool __xom_refuses_pages(struct page *const *pages, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		if (xom_refuses(pages[i]))
			return true;
	}
	return false;
}

bool __xom_refuses_frames(unsigned long pfn, unsigned long n)
{
	unsigned long end = pfn + n;

	for (; pfn < end; pfn++) {
		if (pfn_valid(pfn) && xom_refuses(pfn_to_page(pfn)))
			return true;
	}
	return false;
}
