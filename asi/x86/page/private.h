/* SPDX-License-Identifier: GPL-2.0-only */
/* Private memory, for the core: see asi/private.h. */
#ifndef ASI_X86_PAGE_PRIVATE_H
#define ASI_X86_PAGE_PRIVATE_H

#include <asi/private.h>
#include "page/page.h"

/* Set once, before asi_private_key is switched on. */
extern const struct asi_private_ops *asi_private_ops;

bool __asi_keeps_private(struct page *page, unsigned int order);

/* Pages are freed.  True: they were private, and are their keeper's again.  Not NMI. */
static __always_inline bool asi_keeps_private(struct page *page, unsigned int order)
{
	return static_branch_unlikely(&asi_private_key) && __asi_keeps_private(page, order);
}

/* The kernel's own entries from @start on have changed.  Any context but NMI. */
static __always_inline void asi_note_direct_map(unsigned long start)
{
	if (static_branch_unlikely(&asi_private_key) && start >= PAGE_OFFSET &&
	    start < (unsigned long)high_memory) {
		atomic64_inc(&asi_direct_map_gen);
		asi_private_ops->changed(start);
	}
}

#endif /* ASI_X86_PAGE_PRIVATE_H */
