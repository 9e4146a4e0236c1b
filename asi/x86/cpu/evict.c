// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLBs of all CPUs: which of them may still hold what was removed from tables, and
 * how to make them drop it.  The logic is in asi/tlb.h; here are the kernel's
 * flushes and interrupts between CPUs.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/smp.h>
#include <asm/tlbflush.h>
#include "cpu/cpu.h"

/*
 * So many are asked about one freed frame.  Where there are more nobody is: what domains
 * mapped goes to the quarantine, whose drain asks every CPU once for all of a batch.
 */
#define ASI_ASKED_CPUS	16

bool asi_may_use_removed(void)
{
	int cpu;

	if (num_online_cpus() > ASI_ASKED_CPUS)
		return true;
	/* The records of domains stay: see R7 of asi/tlb.h. */
	guard(rcu)();
	for_each_online_cpu(cpu) {
		if (asi_tlb_may_use_any(&asi_tlb, &per_cpu(asi_cpu.tlb, cpu)))
			return true;
	}
	return false;
}

/* ---- Making CPUs leave ------------------------------------------------ */

/*
 * In an interrupt, where no root is about to be loaded: between the write of
 * HOST_CR3 and the VM exit interrupts are off.
 */
static void asi_evict_cpu(void *unused)
{
	struct asi_cpu *cpu = this_cpu_ptr(&asi_cpu);

	asi_count(ASI_EV_EVICT_IPIS);
	if (cpu->curr && asi_tlb_is_current(&asi_tlb, &cpu->tlb, &cpu->curr->space.tlb))
		asi_count(ASI_EV_EVICT_NEEDLESS);
	__asi_leave_for_cr3();
	asi_tlb_set_outside(cpu);
}

static bool asi_is_inside(int cpu, void *info)
{
	const struct asi_space *space = info;

	return asi_tlb_may_use(&asi_tlb, &per_cpu(asi_cpu.tlb, cpu), &space->tlb);
}

void asi_evict(struct asi_space *space)
{
	on_each_cpu_cond(asi_is_inside, asi_evict_cpu, space, true);
}

/* Preemption is off, which keeps the records. */
static bool asi_is_stale(int cpu, void *unused)
{
	return asi_tlb_may_use_any(&asi_tlb, &per_cpu(asi_cpu.tlb, cpu));
}

void asi_evict_everywhere(void)
{
	on_each_cpu_cond(asi_is_stale, asi_evict_cpu, NULL, true);
}

/* Only there the domain may be entered again, or be thought to be. */
static bool asi_is_known(int cpu, void *info)
{
	const struct asi_cpu *known = per_cpu_ptr(&asi_cpu, cpu);
	const struct asi *asi = info;

	return READ_ONCE(known->last) == asi || READ_ONCE(known->resume) == asi ||
	       READ_ONCE(known->tlb.inside) == (u64)&asi->space.tlb;
}

/* Whatever went wrong: no record may lead to memory that is freed. */
static void asi_forget_in(struct asi_cpu *cpu, const struct asi *asi)
{
	if (cpu->last == asi)
		cpu->last = NULL;
	if (cpu->resume == asi)
		cpu->resume = NULL;
	if (cpu->tlb.inside == (u64)&asi->space.tlb)
		asi_tlb_left(&cpu->tlb);
}

static void asi_forget_cpu(void *info)
{
	struct asi_cpu *cpu = this_cpu_ptr(&asi_cpu);

	if (cpu->last == info)
		__asi_leave_for_cr3();
	asi_forget_in(cpu, info);
}

void asi_forget(struct asi *asi)
{
	int cpu;

	cpus_read_lock();
	on_each_cpu_cond(asi_is_known, asi_forget_cpu, asi, true);
	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu))
			asi_forget_in(per_cpu_ptr(&asi_cpu, cpu), asi);
	}
	cpus_read_unlock();
}

/* ---- The kernel's own flushes ----------------------------------------- */

/*
 * Of a process's user addresses a transparent domain has at most its guest's memory,
 * and that is taken out, and so counted, before the process's table changes.  If
 * nothing was, this CPU uses nothing inside of what is to be flushed, and the load of
 * CR3 that leaves can do it.
 */
bool __asi_flush_later(void)
{
	struct asi_cpu *cpu = this_cpu_ptr(&asi_cpu);
	struct asi *asi = cpu->curr;

	if (!asi || asi_is_strict(asi) ||
	    !asi_tlb_is_current(&asi_tlb, &cpu->tlb, &asi->space.tlb)) {
		__asi_leave_for_cr3();
		return false;
	}
	cpu->stale = true;
	asi_count(ASI_EV_FLUSH_LATER);
	return true;
}

/*
 * A process's flush passes over lazy CPUs: an idle task uses none of its addresses.
 * Inside a domain interrupts may, on an idle CPU too, and speculation.  The removal was
 * counted before: a CPU that is seen outside here reads the count before it is inside
 * again, and one that has seen every count holds nothing old.
 */
bool __asi_stays_inside(int cpu)
{
	return !asi_breaks(ASI_BREAK_LAZY) && asi_is_stale(cpu, NULL);
}

/*
 * The kernel drops translations on this CPU only, or on each CPU in turn.  An
 * NMI may have interrupted the loading of a root that need not be flushed any
 * more by what was known a moment ago: it empties the TLB itself.
 */
void __asi_flush_local(void)
{
	unsigned long flags;

	if (in_nmi()) {
		__flush_tlb_global();
		return;
	}
	raw_local_irq_save(flags);
	__asi_leave_for_cr3();
	asi_tlb_forget(&this_cpu_ptr(&asi_cpu)->tlb);
	raw_local_irq_restore(flags);
}

/* ---- Boot and hotplug ------------------------------------------------- */

/* Before any task runs on the CPU. */
static int asi_cpu_online(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	asi_tlb_forget(&this_cpu_ptr(&asi_cpu)->tlb);
	local_irq_restore(flags);
	return 0;
}

int asi_tlb_init(void)
{
	u32 slots = boot_cpu_has(X86_FEATURE_PCID) ? ASI_TLB_SLOTS : 0;
	int cpu, err;

	/*
	 * The kernel uses 1 .. TLB_NR_DYN_ASIDS and, for PTI's user half, the
	 * same with bit 11.
	 */
	BUILD_BUG_ON(ASI_PCID <= TLB_NR_DYN_ASIDS);
	BUILD_BUG_ON(ASI_PCID + ASI_TLB_SLOTS > 0x800);
	for_each_possible_cpu(cpu)
		per_cpu(asi_cpu.tlb, cpu).slots = slots;
	err = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "x86/asi:online",
					asi_cpu_online, NULL);
	return err < 0 ? err : 0;
}
