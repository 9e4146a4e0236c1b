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
#include <linux/uaccess.h>
#include "cpu/cpu.h"
#include "cpu/smt.h"

/* Place @i is looked at from now on: of a machine with few vCPUs few are. */
static void asi_use_place(struct asi_vm_domain *domain, unsigned int i)
{
	unsigned int used = READ_ONCE(domain->asleep_used);

	while (used <= i && !try_cmpxchg(&domain->asleep_used, &used, i + 1))
		;
}

/* @task goes to sleep inside.  Without room it will find the CPU outside. */
static void asi_put_to_sleep(struct asi_vm_domain *domain, struct task_struct *task)
{
	struct task_struct *old;
	unsigned int i;

	/* @task is the running one. */
	current->asi.asleep = true;
	for (i = 0; i < ASI_MAX_ASLEEP; i++) {
		old = READ_ONCE(domain->asleep[i]);
		if (old && old != task)
			continue;
		asi_use_place(domain, i);
		if (old || !cmpxchg(&domain->asleep[i], NULL, task))
			return;
	}
}

static bool asi_awake(struct asi_vm_domain *domain, struct task_struct *task)
{
	unsigned int i, used = READ_ONCE(domain->asleep_used);

	for (i = 0; i < used; i++) {
		if (READ_ONCE(domain->asleep[i]) == task &&
		    cmpxchg(&domain->asleep[i], task, NULL) == task)
			return true;
	}
	return false;
}

/*
 * Can this CPU stand on the stack of @task?  A task that died while it slept inside, killed
 * by an oops, is remembered still, and another one may have its task_struct by now.  The
 * stack itself tells them apart: if it is missing the touch leaves, or fails by the policy.
 * (What died has taken its vCPU with it, and so nobody's place.)
 */
static bool asi_has_stack(const struct asi_cpu *cpu, const struct task_struct *task)
{
	unsigned long word;

	return !get_kernel_nofault(word, (unsigned long *)task_stack_page(task)) && cpu->curr;
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
	       asi_tlb_is_current(&asi_tlb, &cpu->tlb, &domain->asi.space.tlb) &&
	       asi_has_stack(cpu, next);
}

void __asi_sched_out(struct task_struct *prev, struct task_struct *next)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);
	struct asi *asi = cpu->curr;
	struct asi_vm_domain *domain;

	/* The interrupts that were to resume belong to the task that goes. */
	cpu->resume = NULL;
	asi_smt_sched(next);
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

/* Until here it may be woken inside, so nothing in between goes to user mode. */
void asi_work_done(struct asi *asi)
{
	while (asi_awake(asi_vm_domain(asi), current))
		;
	current->asi.asleep = false;
}
EXPORT_SYMBOL_GPL(asi_work_done);
