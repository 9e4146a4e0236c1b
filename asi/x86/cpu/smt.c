// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sibling threads, asi_smt=: what the kernel executes on one thread of a core while a
 * guest runs on another is counted, or waits until the guest was made to exit.  The logic
 * is in asi/smt.h; here are the kernel's interrupts, its topology and the boot parameter.
 *
 * Costs, while it is on: an exchange for each entry from user mode, end of idleness, exit
 * of a guest and leave, and a look at each sibling's line; two exchanges before a guest.
 * Nothing depends on the number of CPUs or domains.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/init.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <asm/apic.h>
#include "cpu/cpu.h"
#include "cpu/smt.h"

/* Of a core, but this one. */
#define ASI_SMT_SIBLINGS	7

/* How often a guest looks whether it may run before others get the CPU. */
#define ASI_SMT_LOOKS		1000

/* Looks at a sibling after which the interrupt is sent once more. */
#define ASI_SMT_KICK_AGAIN	(1 << 16)

struct asi_smt {
	struct asi_smt_thread thread;
	u64 seen;			/* of the siblings' asi_smt_reached(), at the last gate */
	bool runs;			/* a guest, since the last gate */
	unsigned int siblings;
	int sibling[ASI_SMT_SIBLINGS];
};

static DEFINE_PER_CPU_ALIGNED(struct asi_smt, asi_smt);

DEFINE_STATIC_KEY_FALSE(asi_smt_key);
EXPORT_SYMBOL_GPL(asi_smt_key);

/* smt_thunk.S; exported here, as symbol versions need a type. */
EXPORT_SYMBOL_GPL(asi_smt_reach_thunk);
EXPORT_SYMBOL_GPL(asi_smt_rest_thunk);
EXPORT_SYMBOL_GPL(asi_smt_guest_thunk);

enum asi_smt_mode {
	ASI_SMT_OFF,
	ASI_SMT_COUNT,
	ASI_SMT_STUN,
};

static const char * const asi_smt_modes[] = {
	[ASI_SMT_OFF]	= "off",
	[ASI_SMT_COUNT]	= "count",
	[ASI_SMT_STUN]	= "stun",
};

static enum asi_smt_mode asi_smt_mode __ro_after_init;

static int __init asi_smt_param(char *arg)
{
	int mode = match_string(asi_smt_modes, ARRAY_SIZE(asi_smt_modes), arg ?: "");

	if (mode < 0)
		pr_err("asi_smt=%s: expected \"off\", \"count\" or \"stun\", keeping %s\n",
		       arg ?: "", asi_smt_modes[asi_smt_mode]);
	else
		asi_smt_mode = mode;
	return 0;
}
early_param("asi_smt", asi_smt_param);

const char *asi_smt_mode_name(void)
{
	return asi_smt_modes[asi_smt_mode];
}

static __always_inline bool asi_smt_stuns(void)
{
	return asi_smt_mode == ASI_SMT_STUN && !asi_breaks(ASI_BREAK_STUN);
}

/* ---- This thread ------------------------------------------------------ */

static __always_inline u64 asi_smt_cookie(const struct task_struct *task)
{
#ifdef CONFIG_SCHED_CORE
	return READ_ONCE(task->core_cookie);
#else
	return 0;
#endif
}

static __always_inline u64 asi_smt_id(const struct asi *asi)
{
	return asi ? asi->space.tlb.id : 0;
}

/*
 * KVM and the scheduler use the same interrupt to have a guest exit.  Nothing may be traced
 * here: RCU need not be watching, and on SVM the guest's exit has interrupts held back and
 * on.  One write in x2APIC mode, so that an NMI may do it anywhere.
 */
static __always_inline void asi_smt_kick(int cpu)
{
	unsigned long flags;

	if (x2apic_mode) {
		weak_wrmsr_fence();
		__wrmsr(APIC_BASE_MSR + (APIC_ICR >> 4), RESCHEDULE_VECTOR, cpu_physical_id(cpu));
		return;
	}
	raw_local_irq_save(flags);
	instrumentation_begin();
	arch_smp_send_reschedule(cpu);
	instrumentation_end();
	raw_local_irq_restore(flags);
}

static noinstr void asi_smt_stop(const struct asi_smt *me, int cpu, bool can_kick)
{
	const struct asi_smt_thread *sibling = &per_cpu_ptr(&asi_smt, cpu)->thread;
	unsigned int looks = 0;

	if (likely(!asi_smt_must_wait(&me->thread, sibling)))
		return;
	if (!asi_smt_stuns() || !can_kick) {
		asi_count(ASI_EV_SMT_OVERLAPS);
		return;
	}
	asi_count(ASI_EV_SMT_STUNS);
	do {
		if (!(looks++ % ASI_SMT_KICK_AGAIN))
			asi_smt_kick(cpu);
		cpu_relax();
	} while (asi_smt_must_wait(&me->thread, sibling));
}

/* S1 of asi/smt.h. */
static __always_inline void asi_smt_stop_siblings(const struct asi_smt *me, bool can_kick)
{
	unsigned int i;

	for (i = 0; i < READ_ONCE(me->siblings); i++)
		asi_smt_stop(me, me->sibling[i], can_kick);
}

static __always_inline void asi_smt_now_reaches(struct asi_smt *me, u64 cookie, bool can_kick)
{
	asi_smt_publish_reach(&me->thread, asi_smt_id(raw_cpu_read(asi_cpu.curr)), cookie);
	asi_smt_stop_siblings(me, can_kick);
}

noinstr void __asi_smt_reach(void)
{
	asi_smt_now_reaches(raw_cpu_ptr(&asi_smt), asi_smt_cookie(current), true);
}

noinstr void __asi_smt_rest(void)
{
	asi_smt_recede(&raw_cpu_ptr(&asi_smt)->thread, ASI_SMT_REST);
}

/* It works for nobody in particular. */
noinstr bool __asi_smt_interrupt(void)
{
	struct asi_smt *me = raw_cpu_ptr(&asi_smt);

	if (likely(asi_smt_phase_of(me->thread.state) != ASI_SMT_REST))
		return false;
	asi_smt_now_reaches(me, 0, true);
	return is_idle_task(current);
}

/*
 * It may have come before the wait that belongs to what was published, and, in xAPIC mode,
 * between the two writes of somebody else's interrupt: then guests beside it are counted.
 */
noinstr bool __asi_smt_nmi(void)
{
	struct asi_smt *me = raw_cpu_ptr(&asi_smt);
	bool rested = asi_smt_phase_of(me->thread.state) == ASI_SMT_REST;

	asi_smt_now_reaches(me, rested ? 0 : asi_smt_cookie(current), x2apic_mode);
	return rested;
}

void __asi_smt_sched(const struct task_struct *next)
{
	struct asi_smt *me = raw_cpu_ptr(&asi_smt);
	u64 cookie = asi_smt_cookie(next);

	if (me->thread.cookie == cookie)
		return;
	ASI_SMT_PUBLISH(&me->thread.cookie, cookie);
	asi_smt_stop_siblings(me, true);
}

/* ---- Guests ------------------------------------------------------------ */

/* With a guest of this thread's, in that state. */
static __always_inline bool asi_smt_any_clash(const struct asi_smt *me, u64 state)
{
	unsigned int i;

	for (i = 0; i < READ_ONCE(me->siblings); i++) {
		if (asi_smt_clash(&me->thread, state,
				  &per_cpu_ptr(&asi_smt, me->sibling[i])->thread))
			return true;
	}
	return false;
}

static __always_inline u64 asi_smt_siblings_reached(const struct asi_smt *me)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < READ_ONCE(me->siblings); i++)
		sum += asi_smt_reached(&per_cpu_ptr(&asi_smt, me->sibling[i])->thread);
	return sum;
}

/* The guest exits as soon as it runs. */
static __always_inline void asi_smt_cut_short(void)
{
	asi_count(ASI_EV_SMT_LATE);
	asi_smt_kick(raw_smp_processor_id());
}

/*
 * The end of S2, and S5.  What came after the gate, a fault or an NMI, may have let others
 * go, or the last look was too early.
 */
noinstr void __asi_smt_guest(void)
{
	struct asi_smt *me = raw_cpu_ptr(&asi_smt);
	u64 id = asi_smt_id(raw_cpu_read(asi_cpu.last));
	u64 guest = asi_smt_state(ASI_SMT_GUEST, id);

	if (me->thread.state == guest)
		return;
	me->runs = true;
	asi_smt_publish(&me->thread, guest, asi_smt_cookie(current));
	if (!asi_smt_stuns()) {
		if (asi_smt_any_clash(me, guest))
			asi_count(ASI_EV_SMT_OVERLAPS);
	} else if (unlikely(asi_smt_any_clash(me, guest) ||
			    asi_smt_siblings_reached(me) != me->seen)) {
		asi_smt_recede(&me->thread, asi_smt_state(ASI_SMT_GATE, id));
		asi_smt_cut_short();
	}
}

noinstr void asi_smt_lost(void)
{
	if (asi_smt_on() && asi_smt_stuns())
		asi_smt_cut_short();
}

noinstr void __asi_smt_entered(void)
{
	u64 id = asi_smt_id(raw_cpu_read(asi_cpu.curr));
	struct asi_smt *me = raw_cpu_ptr(&asi_smt);

	/* Back in a critical section whose VM entry comes next. */
	if (raw_cpu_read(asi_cpu.critical) && me->runs)
		__asi_smt_guest();
	else
		asi_smt_recede(&me->thread, asi_smt_state(ASI_SMT_REACH, id));
}

bool __asi_smt_hold(struct asi *asi)
{
	struct asi_smt *me = this_cpu_ptr(&asi_smt);
	u64 gate = asi_smt_state(ASI_SMT_GATE, asi_smt_id(asi));
	unsigned int looks;
	u64 reached;

	lockdep_assert_irqs_disabled();
	me->runs = false;
	if (!asi_smt_stuns())
		return false;
	asi_go_inside(asi);
	for (looks = 0; looks < ASI_SMT_LOOKS; looks++) {
		/* An NMI takes the thread out of the gate, and a fault out of the domain. */
		if (me->thread.state != gate && asi_current() == asi)
			asi_smt_publish(&me->thread, gate, asi_smt_cookie(current));
		/* First: what they reach after this look is not flushed by what comes. */
		reached = asi_smt_siblings_reached(me);
		if (!asi_smt_any_clash(me, gate))
			break;
		cpu_relax();
	}
	if (looks == ASI_SMT_LOOKS) {
		asi_count(ASI_EV_SMT_HELD);
		__asi_smt_reach();
		return true;
	}
	if (reached != me->seen) {
		me->seen = reached;
		asi_taint(ASI_TAINT_KERNEL);
	}
	return false;
}
EXPORT_SYMBOL_GPL(__asi_smt_hold);

/* ---- Topology ----------------------------------------------------------- */

static void asi_smt_add_sibling(int cpu, int sibling)
{
	struct asi_smt *me = per_cpu_ptr(&asi_smt, cpu);
	unsigned int i;

	for (i = 0; i < me->siblings; i++) {
		if (me->sibling[i] == sibling)
			return;
	}
	if (WARN_ON_ONCE(i == ASI_SMT_SIBLINGS))
		return;
	me->sibling[i] = sibling;
	/* Before the new thread looks for the first time. */
	smp_store_release(&me->siblings, i + 1);
}

/* On the CPU that comes up.  Threads that are known stay so; they rest when they are down. */
static int asi_smt_online(unsigned int cpu)
{
	unsigned long flags;
	int sibling;

	for_each_cpu(sibling, topology_sibling_cpumask(cpu)) {
		if (sibling == cpu)
			continue;
		asi_smt_add_sibling(sibling, cpu);
		asi_smt_add_sibling(cpu, sibling);
	}
	local_irq_save(flags);
	__asi_smt_reach();
	local_irq_restore(flags);
	return 0;
}

/* On another: it executes nothing any more. */
static int asi_smt_dead(unsigned int cpu)
{
	asi_smt_recede(&per_cpu_ptr(&asi_smt, cpu)->thread, ASI_SMT_REST);
	return 0;
}

/* By the firmware's word: a kernel booted with fewer CPUs may start the others later. */
unsigned int asi_smt_threads(void)
{
	return __max_threads_per_core;
}

static bool asi_smt_is_wanted(void)
{
	return asi_smt_mode != ASI_SMT_OFF && asi_smt_threads() > 1;
}

int asi_smt_init(void)
{
	int err;

	if (asi_smt_mode == ASI_SMT_OFF)
		return 0;
	if (!asi_smt_is_wanted()) {
		pr_info("asi_smt=%s: the cores have one thread each\n", asi_smt_mode_name());
		return 0;
	}
	err = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "x86/asi:smt-dead", NULL,
					asi_smt_dead);
	if (err >= 0)
		err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "x86/asi:smt", asi_smt_online, NULL);
	return err < 0 ? err : 0;
}

static void asi_smt_pass(void *unused)
{
}

void asi_smt_start(void)
{
	if (!asi_smt_is_wanted())
		return;
	static_branch_enable(&asi_smt_key);
	/* Who is idle or in user mode says so when it is so again. */
	on_each_cpu(asi_smt_pass, NULL, true);
}
