// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generations: what was taken out of tables is counted, so that every CPU learns
 * what its TLB may still hold.  The logic is in asi/tlb.h.
 */
#include <linux/export.h>
#include <linux/lockdep.h>
#include "core/core.h"

struct asi_tlb asi_tlb;
EXPORT_SYMBOL_GPL(asi_tlb);

noinstr void asi_inc_tlb_gen(struct asi_space *space)
{
	u64 drawn;

	/* Every domain shows it. */
	if (space->type == ASI_SPACE_BASE) {
		asi_inc_kernel_tlb_gen();
		return;
	}
	drawn = asi_tlb_check_draw();
	if (!asi_breaks(ASI_BREAK_GENERATION))
		asi_tlb_removed(&space->tlb);
	asi_tlb_check_removed(space, drawn);
}

noinstr void asi_inc_kernel_tlb_gen(void)
{
	u64 drawn = asi_tlb_check_draw();

	if (!asi_breaks(ASI_BREAK_GENERATION))
		asi_tlb_kernel_removed(&asi_tlb);
	asi_tlb_check_removed(NULL, drawn);
}

/*
 * What was mapped in a copy only would not be found through the table whose place it
 * took: a fault, and where there is no surviving one, as for a stack, the end.
 */
void asi_inc_tlb_gen_if_replaced(struct asi_space *space, u32 before)
{
	lockdep_assert_held(&space->lock);
	if (asi_pt_replaced(&space->pt) != before)
		asi_inc_tlb_gen(space);
}
