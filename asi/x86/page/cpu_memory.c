// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the memory of each CPU lies that entry code and the scheduler stand on: its
 * per-CPU area, its interrupt stack, its idle task's stack.  It stays there as long as the
 * system runs, so it is looked up once and then found by address, however many CPUs the
 * machine may have.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/sort.h>
#include <asi/ranges.h>
#include <asm/hw_irq.h>
#include <asm/irq_stack.h>
#include <asm/processor.h>
#include "page/page.h"

#define ASI_RANGES_OF_A_CPU	3

/* Sorted; NULL until the first domain is made. */
static struct asi_range *asi_cpu_ranges;
static unsigned int asi_cpu_range_count;

static void asi_add_range(struct asi_range *range, unsigned long start, size_t size,
			  enum asi_kind kind)
{
	range->start = start;
	range->end = start + size;
	range->what = kind;
}

static int asi_compare_ranges(const void *a, const void *b)
{
	const struct asi_range *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

unsigned long asi_percpu_start(int cpu)
{
	return (unsigned long)__per_cpu_start + per_cpu_offset(cpu);
}

unsigned long asi_irq_stack(int cpu)
{
	/* The pointer is kept to the top of the stack. */
	return (unsigned long)per_cpu(pcpu_hot.hardirq_stack_ptr, cpu) + 8 - IRQ_STACK_SIZE;
}

int asi_cpu_memory_init(void)
{
	unsigned int count = num_possible_cpus() * ASI_RANGES_OF_A_CPU;
	struct asi_range *ranges, *at;
	int cpu, err;

	if (asi_cpu_ranges)
		return 0;
	ranges = kvmalloc_array(count, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	at = ranges;
	for_each_possible_cpu(cpu) {
		/* CPUs that never came up have no interrupt stack yet. */
		err = irq_init_percpu_irqstack(cpu);
		if (err) {
			kvfree(ranges);
			return err;
		}
		asi_add_range(at++, asi_percpu_start(cpu), asi_percpu_size(), ASI_KIND_PERCPU);
		asi_add_range(at++, asi_irq_stack(cpu), IRQ_STACK_SIZE, ASI_KIND_IRQ_STACK);
		asi_add_range(at++, (unsigned long)task_stack_page(idle_task(cpu)), THREAD_SIZE,
			      ASI_KIND_IRQ_STACK);
	}
	sort(ranges, count, sizeof(*ranges), asi_compare_ranges, NULL);
	asi_cpu_range_count = count;
	/* Pairs with asi_cpu_memory_kind(). */
	smp_store_release(&asi_cpu_ranges, ranges);
	return 0;
}

enum asi_kind asi_cpu_memory_kind(unsigned long address)
{
	/* Pairs with asi_cpu_memory_init(). */
	const struct asi_range *ranges = smp_load_acquire(&asi_cpu_ranges);
	const struct asi_range *found;

	if (!ranges)
		return ASI_KIND_UNKNOWN;
	found = asi_range_find(ranges, asi_cpu_range_count, address);
	return found ? found->what : ASI_KIND_UNKNOWN;
}
