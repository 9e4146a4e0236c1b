// SPDX-License-Identifier: GPL-2.0-only
/* The events of asi_test/entries that are interrupts. */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include "entries.h"

static void asi_on_irq_work(struct irq_work *work)
{
	asi_entry_seen(asi_awaited);
}

static DEFINE_IRQ_WORK(asi_irq_work, asi_on_irq_work);

int asi_irq_begin(struct asi_entry *entry)
{
	asi_awaited = entry;
	return 0;
}

void asi_irq_provoke(struct asi_entry *entry)
{
	unsigned int seen = entry->seen;

	irq_work_queue(&asi_irq_work);
	asi_entry_await(entry, seen);
}

void asi_irq_end(struct asi_entry *entry)
{
	irq_work_sync(&asi_irq_work);
}

static void asi_on_tasklet(struct tasklet_struct *tasklet)
{
	asi_entry_seen(asi_awaited);
}

static DECLARE_TASKLET(asi_tasklet, asi_on_tasklet);

static void asi_on_softirq_work(struct irq_work *work)
{
	tasklet_schedule(&asi_tasklet);
}

static DEFINE_IRQ_WORK(asi_softirq_work, asi_on_softirq_work);

void asi_softirq_provoke(struct asi_entry *entry)
{
	unsigned int seen = entry->seen;

	irq_work_queue(&asi_softirq_work);
	asi_entry_await(entry, seen);
}

void asi_softirq_end(struct asi_entry *entry)
{
	irq_work_sync(&asi_softirq_work);
	tasklet_kill(&asi_tasklet);
}

static struct hrtimer asi_timer;

static enum hrtimer_restart asi_on_timer(struct hrtimer *timer)
{
	asi_entry_seen(asi_awaited);
	return HRTIMER_NORESTART;
}

int asi_timer_begin(struct asi_entry *entry)
{
	asi_awaited = entry;
	hrtimer_init(&asi_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	asi_timer.function = asi_on_timer;
	return 0;
}

void asi_timer_round(struct asi_entry *entry)
{
	unsigned int seen = entry->seen;

	/* Programming the timer touches objects that are in no domain. */
	preempt_disable();
	local_irq_disable();
	hrtimer_start(&asi_timer, ns_to_ktime(200 * NSEC_PER_USEC), HRTIMER_MODE_REL_PINNED_HARD);
	asi_entry_go_in(entry);
	asi_relax();
	local_irq_enable();
	asi_entry_await(entry, seen);
	local_irq_disable();
	asi_entry_count(entry, asi_entry_where(entry));
	asi_entry_go_out(entry);
	local_irq_enable();
	preempt_enable();
	cond_resched();
}

void asi_timer_end(struct asi_entry *entry)
{
	hrtimer_cancel(&asi_timer);
}

/* Another CPU sends calls until it is told to stop. */
static unsigned int asi_caller_cpu, asi_called_cpu;
static bool asi_caller_stops;

static void asi_on_call(void *info)
{
	if (raw_smp_processor_id() == asi_called_cpu && current == asi_awaited->task &&
	    READ_ONCE(asi_awaited->restricted))
		asi_entry_seen(asi_awaited);
}

static void asi_caller_work(struct work_struct *work)
{
	while (!READ_ONCE(asi_caller_stops)) {
		smp_call_function_single(asi_called_cpu, asi_on_call, NULL, 1);
		cond_resched();
	}
}

static DECLARE_WORK(asi_caller, asi_caller_work);

int asi_ipi_begin(struct asi_entry *entry)
{
	/* The writer is bound to one CPU. */
	asi_called_cpu = raw_smp_processor_id();
	asi_caller_cpu = cpumask_any_but(cpu_online_mask, asi_called_cpu);
	if (asi_caller_cpu >= nr_cpu_ids)
		return -ENODEV;
	asi_awaited = entry;
	asi_caller_stops = false;
	schedule_work_on(asi_caller_cpu, &asi_caller);
	return 0;
}

void asi_ipi_provoke(struct asi_entry *entry)
{
	asi_entry_await(entry, entry->seen);
}

void asi_ipi_end(struct asi_entry *entry)
{
	WRITE_ONCE(asi_caller_stops, true);
	flush_work(&asi_caller);
}
