// SPDX-License-Identifier: GPL-2.0-only
/*
 * Excursions into domains that show all of the kernel: for a task, which may sleep there,
 * and for a CPU, which stays.  They nest in the domain of a system call, and each leaves
 * behind what it found.
 */
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <asi/private.h>
#include "cpu/switch.h"

/* The domain of the running task that the CPU is inside of, if it is. */
static __always_inline bool asi_is_in_own(const struct asi_cpu *cpu)
{
	return cpu->curr && cpu->curr == current->asi.inside;
}

static __always_inline void asi_go_back(struct asi_cpu *cpu, const struct asi_nest *nest)
{
	if (nest->back && current->asi.inside == nest->inside)
		asi_enter_task_domain(cpu, container_of(nest->inside, struct asi_task_domain,
							asi));
}

noinstr void asi_nest(struct asi_nest *nest, struct asi *asi)
{
	struct asi_cpu *cpu;
	unsigned long flags;

	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	nest->same = cpu->curr == asi;
	if (!nest->same) {
		nest->inside = current->asi.inside;
		nest->back = asi_is_in_own(cpu);
		asi_step_outside_if_inside(cpu);
		current->asi.inside = asi;
		asi_enter_task_domain(cpu, container_of(asi, struct asi_task_domain, asi));
	}
	raw_local_irq_restore(flags);
}

noinstr void asi_unnest(const struct asi_nest *nest)
{
	struct asi_cpu *cpu;
	unsigned long flags;

	if (nest->same)
		return;
	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	asi_step_outside_if_inside(cpu);
	current->asi.inside = nest->inside;
	asi_go_back(cpu, nest);
	raw_local_irq_restore(flags);
}

/*
 * An interrupt of this visit says what to resume in the CPU's record; one that is under
 * way already has said so before, and finds it again.
 */
noinstr void asi_visit(struct asi_nest *nest, struct asi *asi)
{
	struct asi_cpu *cpu;
	unsigned long flags;

	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	nest->same = cpu->curr == asi;
	if (!nest->same) {
		nest->inside = current->asi.inside;
		nest->back = asi_is_in_own(cpu);
		nest->resume = cpu->resume;
		asi_step_outside_if_inside(cpu);
		asi_go_inside(asi);
	}
	raw_local_irq_restore(flags);
}

noinstr void asi_leave_visit(const struct asi_nest *nest)
{
	struct asi_cpu *cpu;
	unsigned long flags;

	if (nest->same)
		return;
	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	asi_step_outside_if_inside(cpu);
	cpu->resume = nest->resume;
	asi_go_back(cpu, nest);
	raw_local_irq_restore(flags);
}
