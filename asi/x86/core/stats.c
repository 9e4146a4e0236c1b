// SPDX-License-Identifier: GPL-2.0-only
/* Event counters. */
#include <linux/cpumask.h>
#include "core/core.h"

DEFINE_PER_CPU(u64 [ASI_NR_EVENTS], asi_events);

static const char * const asi_event_names[ASI_NR_EVENTS] = {
	[ASI_EV_ENTER]		= "enter",
	[ASI_EV_LEAVE_FAULT]	= "leave_fault",
	[ASI_EV_LEAVE_SCHED]	= "leave_sched",
	[ASI_EV_LEAVE_FLUSH]	= "leave_flush",
	[ASI_EV_LEAVE_ASKED]	= "leave_asked",
	[ASI_EV_FAULT]		= "fault",
	[ASI_EV_GROW]		= "grow",
	[ASI_EV_DENY]		= "deny",
	[ASI_EV_CR3_WRITE]	= "cr3_write",
	[ASI_EV_CR3_FLUSH]	= "cr3_flush",
	[ASI_EV_FLUSH_LATER]	= "flush_later",
	[ASI_EV_NMI_STEP]	= "nmi_step",
	[ASI_EV_GATE]		= "gate",
	[ASI_EV_CRITICAL_LOST]	= "critical_lost",
	[ASI_EV_RESERVE_EMPTY]	= "reserve_empty",
	[ASI_EV_NOT_SHARED]	= "not_shared",
	[ASI_EV_PRUNED]		= "pruned",
	[ASI_EV_FREED_UNMAPPED]	= "freed_unmapped",
	[ASI_EV_REVOKE_FRAMES]	= "revoke_frames",
	[ASI_EV_REVOKE_VISITS]	= "revoke_visits",
	[ASI_EV_EVICT_IPIS]	= "evict_ipis",
	[ASI_EV_EVICT_NEEDLESS]	= "evict_needless",
	[ASI_EV_QUARANTINED]	= "quarantined",
	[ASI_EV_QUARANTINE_DRAIN] = "quarantine_drain",
	[ASI_EV_SMT_OVERLAPS]	= "smt_overlaps",
	[ASI_EV_SMT_STUNS]	= "smt_stuns",
	[ASI_EV_SMT_HELD]	= "smt_held",
	[ASI_EV_SMT_LATE]	= "smt_late",
};

const char *asi_event_name(enum asi_event ev)
{
	return asi_event_names[ev];
}

u64 asi_event_sum(enum asi_event ev)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(asi_events[ev], cpu);
	return sum;
}
