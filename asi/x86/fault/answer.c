// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of isolated tasks that the exception table answers, and that say nothing of
 * an attack: the kernel would fault there outside as well, or reads more than it uses.
 */
#include <linux/extable.h>
#include <asm/extable.h>
#include <asm/trapnr.h>
#include "fault/fault.h"

static int asi_fixup_data(unsigned long ip)
{
	const struct exception_table_entry *e = search_exception_tables(ip);

	return e ? e->data : EX_TYPE_NONE;
}

/* asi_load_freed(); of others that are called so none reads memory. */
static bool asi_is_load_of_freed(int data)
{
	return (data & EX_DATA_TYPE_MASK) == EX_TYPE_IMM_REG && !(data & EX_DATA_IMM_MASK);
}

static bool asi_is_zero_padding(int data)
{
	return (data & EX_DATA_TYPE_MASK) == EX_TYPE_ZEROPAD;
}

/* Would a read there be let in? */
static bool asi_may_read(const struct asi *asi, unsigned long address)
{
	struct asi_place place;
	struct asi_leaf leaf;

	if (asi_pt_lookup(&asi->space.pt, address, &leaf))
		return true;
	asi_classify(asi, address, &place);
	return asi_policy_of(asi->space.cls, &place, ASI_ACCESS_READ).action == ASI_ACTION_GROW;
}

/*
 * Of a word that goes over the end of a page, the part behind it.  What is in front of it
 * is read again outside, so that this has to be let in.
 */
static bool asi_is_zero_padded(const struct asi *asi, const struct asi_fault *fault)
{
	return !(fault->info.address & ~PAGE_MASK) &&
	       asi_may_read(asi, fault->info.address - 1);
}

bool asi_is_fixable(const struct asi_fault *fault)
{
	if (fault->info.access == ASI_ACCESS_EXEC || !search_exception_tables(fault->regs->ip))
		return false;
	/* A live object: who believes the answer corrupts its cache. */
	return fault->info.kind != ASI_KIND_SLAB ||
	       !asi_is_load_of_freed(asi_fixup_data(fault->regs->ip));
}

bool asi_answer(const struct asi *asi, const struct asi_fault *fault,
		const struct asi_place *place)
{
	int data;

	if (asi->space.type != ASI_SPACE_TASK || !fault->fixable ||
	    (fault->error_code & X86_PF_RSVD) || asi_breaks(ASI_BREAK_ANSWER))
		return false;
	data = asi_fixup_data(fault->regs->ip);
	if (asi_is_zero_padding(data) ? !asi_is_zero_padded(asi, fault) :
	    asi_kernel_allows(place, fault->info.access) && !asi_is_load_of_freed(data))
		return false;
	return fixup_exception(fault->regs, X86_TRAP_PF, fault->error_code,
			       fault->info.address);
}
