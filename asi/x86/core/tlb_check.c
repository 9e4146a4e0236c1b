// SPDX-License-Identifier: GPL-2.0-only
/*
 * CONFIG_ASI_DEBUG: a second record of what each PCID's translations may be,
 * kept in another way than asi/tlb.h does, to check its decisions.
 *
 * Every removal draws a number.  A PCID remembers the number up to which its
 * translations are clean; loading its root with NOFLUSH is wrong when the
 * domain, or the kernel's own table, has lost something since.
 *
 * A removal draws its number after the entry was cleared and before it is
 * counted, and publishes it after that.  A load looks at what is published
 * before it decides, and draws the line after: so a flush covers whatever it
 * has seen counted, and "no flush" is only blamed for what was counted.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/atomic.h>
#include <linux/percpu.h>
#include "core/core.h"

struct asi_tlb_check_pcid {
	unsigned long root;
	u64 clean;
};

static DEFINE_PER_CPU(struct asi_tlb_check_pcid [ASI_TLB_SLOTS], asi_tlb_check_pcids);
static atomic64_t asi_tlb_check_last;
static u64 asi_tlb_check_kernel_removed;

noinstr u64 asi_tlb_check_draw(void)
{
	return raw_atomic64_inc_return(&asi_tlb_check_last);
}

/* Numbers of one record may be published out of order: keep the highest. */
noinstr void asi_tlb_check_removed(struct asi_space *space, u64 drawn)
{
	u64 *record = space ? &space->checked_removed : &asi_tlb_check_kernel_removed;
	u64 old = READ_ONCE(*record);

	while (old < drawn && !raw_try_cmpxchg64(record, &old, drawn))
		;
}

noinstr void asi_tlb_check_begin(struct asi_tlb_check *check, const struct asi_space *space)
{
	const struct asi_tables *lender = container_of(space, struct asi, space)->lender;
	u64 lent = __atomic_load_n(&lender->space.checked_removed, __ATOMIC_SEQ_CST);

	check->removed = max(__atomic_load_n(&space->checked_removed, __ATOMIC_SEQ_CST), lent);
	check->kernel_removed = __atomic_load_n(&asi_tlb_check_kernel_removed,
						__ATOMIC_SEQ_CST);
}

/* Between the decision and the load. */
noinstr void asi_tlb_check_load(struct asi_tlb_check *check, const struct asi_space *space,
				u64 slot, bool flush)
{
	struct asi_tlb_check_pcid *pcid = raw_cpu_ptr(&asi_tlb_check_pcids[slot]);

	if (flush) {
		pcid->clean = raw_atomic64_read(&asi_tlb_check_last);
		pcid->root = space->root;
		return;
	}
	if (likely(pcid->root == space->root && check->removed <= pcid->clean &&
		   check->kernel_removed <= pcid->clean))
		return;
	instrumentation_begin();
	WARN_ONCE(1, "domain %u: PCID slot %llu loaded without a flush: root %#lx/%#lx, clean up to %llu, removed %llu, by the kernel %llu\n",
		  space->id, slot, pcid->root, space->root, pcid->clean, check->removed,
		  check->kernel_removed);
	instrumentation_end();
}
