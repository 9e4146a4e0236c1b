// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dead task's place among those that sleep inside.  The scheduler's hook is called as
 * the scheduler would, inside a vCPU's loop; no switch follows.
 */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <asi/asi.h>
#include "asi_test.h"

static void (*asi_sched_out_hook)(struct task_struct *prev, struct task_struct *next);
static struct task_struct *asi_stranger;
static struct asi_asleep asi_asleep;
static bool asi_touched;

static int asi_strange(void *unused)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(MAX_SCHEDULE_TIMEOUT);
	return 0;
}

/* An exit where something else has left already, or leaves, is none to look at. */
static bool asi_asleep_shot(void *unused)
{
	unsigned long flags;

	/* In an exit before: growth may change tables, and the CPU sees that when it enters. */
	if (!asi_touched) {
		(void)READ_ONCE(asi_stranger->flags);
		(void)READ_ONCE(asi_stranger->stack);
		asi_touched = asi_current();
		return false;
	}
	raw_local_irq_save(flags);
	/* Somebody with this task_struct goes to sleep inside. */
	asi_sched_out_hook(asi_stranger, &init_task);
	asi_asleep.inside = asi_current();
	/* And somebody with this task_struct is what runs next. */
	if (asi_asleep.inside) {
		asi_sched_out_hook(current, asi_stranger);
		asi_asleep.stayed = asi_current();
	}
	raw_local_irq_restore(flags);
	return asi_asleep.inside;
}

int asi_asleep_run(int tgid, struct asi_asleep *result)
{
	struct kprobe place = { .symbol_name = "__asi_sched_out" };
	int err = register_kprobe(&place);

	if (err)
		return err;
	asi_sched_out_hook = (void *)place.addr;
	unregister_kprobe(&place);
	memset(&asi_asleep, 0, sizeof(asi_asleep));
	asi_touched = false;
	asi_stranger = kthread_run(asi_strange, NULL, "asi_stranger");
	if (IS_ERR(asi_stranger))
		return PTR_ERR(asi_stranger);
	err = asi_probe_call(tgid, asi_asleep_shot, NULL);
	kthread_stop(asi_stranger);
	*result = asi_asleep;
	return err;
}
