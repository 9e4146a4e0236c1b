// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a task that was refused.
 *
 * Whoever may isolate himself can order a refusal, so it is no oops: it counts neither
 * for panic_on_oops nor for oops_limit, and taints nothing.  Like an oops it is for good:
 * the task never returns to what it did.
 *
 * Two stages.  The report is made while the stack is as the refusal found it.  Then the
 * fault returns to asi_task_ends() at the stack's beginning, in the context that the
 * task was in.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/bottom_half.h>
#include <linux/cred.h>
#include <linux/futex.h>
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <asm/processor-flags.h>
#include "fault/fault.h"

/* What the end of a task needs of a stack that stays; and what a task needs to stop. */
#define ASI_END_STACK	(THREAD_SIZE / 2)
#define ASI_STOP_STACK	(THREAD_SIZE / 8)

/* Block requests that a task gathers at most. */
#define ASI_PLUGGED	256

static void asi_enable_softirqs(void)
{
	local_irq_disable();
	while (softirq_count())
		_local_bh_enable();
	local_irq_enable();
}

static void asi_enable_migration(void)
{
#ifdef CONFIG_SMP
	while (current->migration_disabled)
		migrate_enable();
#endif
}

/* The context that the task made for itself is certain: it is the task's alone. */
static void asi_put_in_order(void)
{
	if (!asi_breaks(ASI_BREAK_HELD))
		asi_release_held();
	asi_enable_softirqs();
	if (preempt_count())
		preempt_count_set(PREEMPT_ENABLED);
	while (rcu_preempt_depth()) {
		__acquire(RCU);		/* for sparse: the refused code did it */
		rcu_read_unlock();
	}
	asi_enable_migration();
}

static void __noreturn asi_task_ends(void)
{
	asi_put_in_order();
	do_exit(SIGSEGV);
}

/* Without room to end it stays for good, as after an oops in its end. */
static void __noreturn asi_task_stops(void)
{
	asi_put_in_order();
	futex_exit_recursive(current);
	current->exit_state = EXIT_DEAD;
	refcount_inc(&current->rcu_users);
	preempt_disable();
	do_task_dead();
}

#ifdef CONFIG_BLOCK

/* A list may have been written over: each is one of a queue that there is. */
static bool asi_are_requests(const struct rq_list *list)
{
	struct request *rq = list->head, *next;
	unsigned int left = ASI_PLUGGED;
	struct request_queue *q;

	for (; rq && left; rq = next, left--) {
		if (get_kernel_nofault(q, &rq->q) ||
		    get_kernel_nofault(next, &rq->rq_next) ||
		    !asi_is_object((unsigned long)q, "request_queue"))
			return false;
	}
	return !rq;
}

/*
 * Requests that were gathered are sent, if the task may sleep.  Callbacks are not called:
 * who attacks the stack may have written there.
 */
static void asi_flush_plug(const struct pt_regs *regs)
{
	struct blk_plug *plug = current->plug;

	if (!plug)
		return;
	if (!list_empty(&plug->cb_list))
		pr_alert("what was to be called when its block requests are sent is not\n");
	INIT_LIST_HEAD(&plug->cb_list);
	if ((regs->flags & X86_EFLAGS_IF) && !preempt_count() &&
	    asi_are_requests(&plug->mq_list) && asi_are_requests(&plug->cached_rqs)) {
		local_irq_enable();
		blk_flush_plug(plug, true);
		local_irq_disable();
	} else {
		pr_alert("block requests that it had gathered are lost\n");
	}
	current->plug = NULL;
}

#else

static void asi_flush_plug(const struct pt_regs *regs) { }

#endif

/* On the stack, and what the task's later work would use or be queued to. */
static void asi_forget_lists(const struct pt_regs *regs)
{
	asi_flush_plug(regs);
	if (current->bio_list)
		pr_alert("what it had to send to block devices is lost\n");
	if (current->journal_info)
		pr_alert("a transaction of a file system stays open\n");
	current->bio_list = NULL;
	current->journal_info = NULL;
	current->nameidata = NULL;
	current->reclaim_state = NULL;
#ifdef CONFIG_COMPACTION
	current->capture_control = NULL;
#endif
	current->pagefault_disabled = 0;
	__set_current_state(TASK_RUNNING);
#ifdef CONFIG_KPROBES
	if (kprobe_running() && is_kprobe_insn_slot(regs->ip))
		reset_current_kprobe();
#endif
}

/* The frames of a task that was refused. */
static bool asi_is_on_stack(unsigned long sp)
{
	unsigned long base = (unsigned long)task_stack_page(current);

	return sp >= base && sp < (unsigned long)task_pt_regs(current);
}

/* As if a function had been called there, by nobody. */
static unsigned long asi_beginning_of_stack(void)
{
	unsigned long *sp = PTR_ALIGN_DOWN((unsigned long *)task_pt_regs(current), 16) - 1;

	*sp = 0;
	return (unsigned long)sp;
}

/*
 * Others have records of the task in their lists, which stay, and so does the task: who
 * finds one may wake it, or take the record out.  It counts as one of its user's until
 * then, so that no user fills the memory with them.
 */
static void asi_keep_task(void)
{
	get_task_struct(current);
	inc_rlimit_ucounts(task_ucounts(current), UCOUNT_RLIMIT_NPROC, 1);
}

/* Below what @linked says of the stack, or below all frames where @sp is on it. */
static void asi_end_below(struct pt_regs *regs, const struct asi_linked *linked)
{
	unsigned long sp = asi_is_on_stack(regs->sp) ? regs->sp : linked->lowest;
	unsigned long room = sp - (unsigned long)task_stack_page(current);

	pr_alert("its stack stays: %u of its lists and records are linked with others\n",
		 linked->count);
	refcount_inc(&current->stack_refcount);
	if (room < ASI_STOP_STACK) {
		sp = linked->lowest;
		room = sp - (unsigned long)task_stack_page(current);
	}
	if (room < ASI_END_STACK)
		regs->ip = (unsigned long)asi_task_stops;
	regs->sp = round_down(sp - 256, 16) + 8;
}

/* Where it ends: at the beginning of its stack, unless something has to stay there. */
static void asi_end_at(struct pt_regs *regs)
{
	struct asi_linked linked;

	asi_find_linked(regs->sp, &linked);
	if (linked.count || current->asi.sleepers)
		asi_keep_task();
	if (current->asi.sleepers)
		pr_alert("others may wake it, it stays: %u timers and queues that it waited by\n",
			 current->asi.sleepers);
	regs->ip = (unsigned long)asi_task_ends;
	if (linked.count) {
		asi_end_below(regs, &linked);
		return;
	}
	kasan_unpoison_task_stack(current);
	regs->sp = asi_beginning_of_stack();
}

void asi_end_task(struct pt_regs *regs)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	bool may_hold_console = !(regs->flags & X86_EFLAGS_IF) || preempt_count();

	if (may_hold_console)
		bust_spinlocks(1);
	ratelimit_set_flags(&limit, RATELIMIT_MSG_ON_RELEASE);
	if (__ratelimit(&limit))
		show_regs(regs);
	if (!asi_breaks(ASI_BREAK_HELD))
		asi_show_held(regs);
	asi_forget_lists(regs);

	asi_end_at(regs);
	regs->bp = 0;
	regs->flags = (regs->flags & X86_EFLAGS_IF) | X86_EFLAGS_FIXED;
	if (may_hold_console)
		bust_spinlocks(0);
}
