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

#include <linux/blkdev.h>
#include <linux/bottom_half.h>
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/ratelimit.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <asm/processor-flags.h>
#include "fault/fault.h"

/* What the end of a task needs of a stack that stays. */
#define ASI_END_STACK	(THREAD_SIZE / 4)

static void asi_enable_softirqs(void)
{
	local_irq_disable();
	while (softirq_count())
		_local_bh_enable();
	local_irq_enable();
}

/* The context that the task made for itself is certain: it is the task's alone. */
static void __noreturn asi_task_ends(void)
{
	if (!asi_breaks(ASI_BREAK_HELD))
		asi_release_held();
	asi_enable_softirqs();
	if (preempt_count())
		preempt_count_set(PREEMPT_ENABLED);
	while (rcu_preempt_depth())
		rcu_read_unlock();
	do_exit(SIGSEGV);
}

/*
 * Lists on the stack that the task's later work would be queued to.  Requests that were
 * gathered are sent, if the task may sleep.
 */
static void asi_forget_lists(const struct pt_regs *regs)
{
	if (current->plug && (regs->flags & X86_EFLAGS_IF) && !preempt_count()) {
		local_irq_enable();
		blk_flush_plug(current->plug, true);
		local_irq_disable();
	} else if (current->plug) {
		pr_alert("block requests that it had gathered are lost\n");
	}
	current->plug = NULL;
	current->bio_list = NULL;
	current->reclaim_state = NULL;
#ifdef CONFIG_COMPACTION
	current->capture_control = NULL;
#endif
	current->pagefault_disabled = 0;
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
 * Where it ends: at the beginning of its stack.  But where others have records of it
 * in their lists these stay, and so do the stack and the task: who finds one may wake
 * the task, or take the record out.
 */
static unsigned long asi_end_of_stack(unsigned long sp)
{
	unsigned int linked = asi_count_linked(sp);

	if (!linked) {
		kasan_unpoison_task_stack(current);
		return asi_beginning_of_stack();
	}
	pr_alert("its stack stays: %u of its lists and records are linked with others\n", linked);
	get_task_struct(current);
	refcount_inc(&current->stack_refcount);
	if (sp - (unsigned long)task_stack_page(current) >= ASI_END_STACK)
		return round_down(sp - 256, 16) + 8;
	return asi_beginning_of_stack();
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

	/* On the way to an instruction where nothing goes on. */
	regs->sp = asi_is_on_stack(regs->sp) ? asi_end_of_stack(regs->sp) :
					       asi_beginning_of_stack();
	regs->ip = (unsigned long)asi_task_ends;
	regs->bp = 0;
	regs->flags = (regs->flags & X86_EFLAGS_IF) | X86_EFLAGS_FIXED;
	if (may_hold_console)
		bust_spinlocks(0);
}
