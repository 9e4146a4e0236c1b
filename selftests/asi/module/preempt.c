// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task inside a domain with preemption on loses its CPU to another task,
 * which uses a domain of its own there, and may move the first one elsewhere.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include "entries.h"

static struct task_struct *asi_rival;
static struct asi *asi_rival_domain;
static struct asi_entry *asi_victim;
static cpumask_t asi_victim_cpus;
static bool asi_victim_moves;
static bool asi_rival_wanted;
static DECLARE_WAIT_QUEUE_HEAD(asi_rival_wait);

/* Whom the CPU remembers is now another domain. */
static void asi_rival_visit(void)
{
	local_irq_disable();
	asi_enter(asi_rival_domain);
	asi_relax();
	asi_exit();
	local_irq_enable();
}

static void asi_rival_turn(void)
{
	struct task_struct *task = asi_victim->task;
	unsigned int cpu = raw_smp_processor_id();

	asi_rival_visit();
	if (asi_victim_moves) {
		unsigned int other = cpumask_any_and_but(&asi_victim_cpus, cpu_online_mask, cpu);

		if (other < nr_cpu_ids)
			set_cpus_allowed_ptr(task, cpumask_of(other));
	}
	asi_entry_seen(asi_victim);
}

static int asi_rival_fn(void *unused)
{
	int err = asi_map_current(asi_rival_domain);

	while (!kthread_should_stop()) {
		wait_event_interruptible(asi_rival_wait, READ_ONCE(asi_rival_wanted) ||
					 kthread_should_stop());
		if (!READ_ONCE(asi_rival_wanted))
			continue;
		WRITE_ONCE(asi_rival_wanted, false);
		if (!err)
			asi_rival_turn();
	}
	return 0;
}

static void asi_on_preempt_work(struct irq_work *work)
{
	WRITE_ONCE(asi_rival_wanted, true);
	wake_up_process(asi_rival);
}

static DEFINE_IRQ_WORK(asi_preempt_work, asi_on_preempt_work);

int asi_preempt_begin(struct asi_entry *entry)
{
	/*
	 * The scheduler looks at other tasks before it leaves a domain: a
	 * strict one must not call it.
	 */
	if (entry->strict && !preempt_model_full() && !preempt_model_rt())
		return -EOPNOTSUPP;
	asi_victim = entry;
	asi_rival_wanted = false;
	cpumask_copy(&asi_victim_cpus, current->cpus_ptr);
	asi_rival_domain = asi_create(ASI_CLASS_TEST, NULL, NULL);
	if (IS_ERR(asi_rival_domain))
		return PTR_ERR(asi_rival_domain);
	asi_rival = kthread_create(asi_rival_fn, NULL, "asi_rival");
	if (IS_ERR(asi_rival)) {
		asi_destroy(asi_rival_domain);
		return PTR_ERR(asi_rival);
	}
	sched_set_fifo(asi_rival);
	wake_up_process(asi_rival);
	return 0;
}

int asi_migrate_begin(struct asi_entry *entry)
{
	if (num_online_cpus() < 2)
		return -ENODEV;
	asi_victim_moves = true;
	return asi_preempt_begin(entry);
}

void asi_preempt_round(struct asi_entry *entry)
{
	unsigned int seen = entry->seen;
	int i;

	set_cpus_allowed_ptr(asi_rival, cpumask_of(raw_smp_processor_id()));
	local_irq_disable();
	asi_entry_go_in(entry);
	asi_relax();
	irq_work_queue(&asi_preempt_work);
	local_irq_enable();
	for (i = 0; i < ASI_ENTRY_PATIENCE && READ_ONCE(entry->seen) == seen; i++) {
		cpu_relax();
		if (!entry->strict)
			cond_resched();
	}
	local_irq_disable();
	asi_entry_count(entry, asi_entry_where(entry));
	asi_entry_go_out(entry);
	local_irq_enable();
	if (asi_victim_moves)
		set_cpus_allowed_ptr(entry->task, &asi_victim_cpus);
}

void asi_preempt_end(struct asi_entry *entry)
{
	irq_work_sync(&asi_preempt_work);
	kthread_stop(asi_rival);
	asi_destroy(asi_rival_domain);
	asi_victim_moves = false;
}
