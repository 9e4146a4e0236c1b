/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that gets another use leaves every domain, and every TLB, first. */
#ifndef ASI_X86_REVOKE_REVOKE_H
#define ASI_X86_REVOKE_REVOKE_H

#include "space/space.h"

int asi_quarantine_init(void);
/* Keep pages that leave the allocator's hands no earlier than all TLBs. */
void asi_quarantine(struct page *page, unsigned int order);
/* Free what is kept.  Process context, interrupts on; waits for other CPUs. */
unsigned long asi_quarantine_drain(void);
unsigned long asi_quarantine_pages(void);
/* For the oracle: @fn for every page, under the quarantine's lock. */
void asi_quarantine_walk(void (*fn)(void *ctx, unsigned long pfn, unsigned long pages),
			 void *ctx);

#endif /* ASI_X86_REVOKE_REVOKE_H */
