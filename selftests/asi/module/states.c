// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stay in a strict domain while interrupts and NMIs arrive.  After each of
 * them the CPU must be back inside, with CR3 and the record agreeing.
 */
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <asm/special_insns.h>
#include <asi/asi.h>
#include "asi_test.h"

/* One stretch with interrupts on; short, so that the CPU stays usable. */
static void asi_states_stretch(struct asi *asi, u64 until, u64 *rounds, u64 *wrong)
{
	unsigned long restricted;

	local_irq_disable();
	restricted = asi_enter(asi);
	asi_relax();
	local_irq_enable();
	while (ktime_get_mono_fast_ns() < until) {
		(*rounds)++;
		if (asi_current() != asi || __native_read_cr3() != restricted)
			(*wrong)++;
		cpu_relax();
	}
	asi_exit();
	if (asi_current() || __native_read_cr3() == restricted)
		(*wrong)++;
}

int asi_states_run(unsigned int ms, u64 *rounds, u64 *wrong)
{
	struct asi *asi = asi_create(ASI_CLASS_TEST, NULL, NULL);
	u64 end = ktime_get_mono_fast_ns() + ms * NSEC_PER_MSEC;
	int err;

	if (IS_ERR(asi))
		return PTR_ERR(asi);
	err = asi_map_current(asi);
	while (!err && ktime_get_mono_fast_ns() < end) {
		preempt_disable();
		asi_states_stretch(asi, ktime_get_mono_fast_ns() + 2 * NSEC_PER_MSEC,
				   rounds, wrong);
		preempt_enable();
		cond_resched();
	}
	asi_destroy(asi);
	return err;
}
