// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler.  A CPU stays in a transparent domain across a switch to the
 * idle task, and from there or from each other to tasks that were inside the
 * same domain when they went to sleep: other vCPUs of one virtual machine.
 * What else the switch touches may fault and leave, as anything may; a stack
 * that is missing could not even take the fault.
 */
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include "cpu/cpu.h"

/*
 * What a task's stack has mapped stays so until the task exits, and without the
 * stack it could not have been inside.
 */

/* @task goes to sleep inside.  Without room it will find the CPU outside. */
static void asi_put_to_sleep(struct asi_vm_domain *domain, struct task_struct *task)
{
	struct task_struct *old;
	unsigned int i;

	for (i = 0; i < ASI_MAX_ASLEEP; i++) {
		old = READ_ONCE(domain->asleep[i]);
		if (old == task || (!old && !cmpxchg(&domain->asleep[i], NULL, task)))
			return;
	}
}

static bool asi_awake(struct asi_vm_domain *domain, struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < ASI_MAX_ASLEEP; i++) {
		if (READ_ONCE(domain->asleep[i]) == task &&
		    cmpxchg(&domain->asleep[i], task, NULL) == task)
			return true;
	}
	return false;
}

/*
 * May this CPU run @next, which sleeps inside, without leaving?  The stack that it
 * is about to stand on may have been mapped by another CPU, in tables that took the
 * place of others: this CPU must have seen that.
 */
static bool asi_can_wake(struct asi_cpu *cpu, struct asi_vm_domain *domain,
			 struct task_struct *next)
{
	return asi_awake(domain, next) &&
	       asi_tlb_is_current(&asi_tlb, &cpu->tlb, &domain->asi.space.tlb);
}

void __asi_sched_out(struct task_struct *prev, struct task_struct *next)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);
	struct asi *asi = cpu->curr;
	struct asi_vm_domain *domain;

	/* The interrupts that were to resume belong to the task that goes. */
	cpu->resume = NULL;
	if (!asi)
		return;
	if (!asi_is_strict(asi)) {
		domain = asi_vm_domain(asi);
		if (!is_idle_task(prev))
			asi_put_to_sleep(domain, prev);
		if (is_idle_task(next) ? domain->idle_stacks : asi_can_wake(cpu, domain, next))
			return;
	}
	asi_leave_for_sched();
}

/*
 * A process's flush passes over lazy CPUs: an idle task uses none of its addresses.
 * Inside a domain interrupts may, on an idle CPU too, and speculation.  The removal was
 * counted before: a CPU that is seen outside here reads the count before it is inside
 * again, and one that has seen every count holds nothing old.
 */
bool __asi_stays_inside(int cpu)
{
	const struct asi_tlb_cpu *tlb = &per_cpu(asi_cpu.tlb, cpu);

	return !asi_breaks(ASI_BREAK_LAZY) && READ_ONCE(tlb->inside) &&
	       !asi_tlb_is_unchanged(&asi_tlb, tlb);
}

/* Until here it may be woken inside, so nothing in between goes to user mode. */
void asi_work_done(struct asi *asi)
{
	while (asi_awake(asi_vm_domain(asi), current))
		;
}
EXPORT_SYMBOL_GPL(asi_work_done);
