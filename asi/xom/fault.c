// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody reads text.
 *
 * Handled like an NMI, as the faults of restricted address spaces are, and before those:
 * what a domain has of text carries the same key, and its policy has nothing to say
 * here.  The class "xom" of the policy decides: "deny" refuses, "exit" lets everybody
 * read on this CPU for a while.
 */
#define pr_fmt(fmt) "xom: " fmt

#include <linux/entry-common.h>
#include <linux/extable.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/timer.h>
#include <asm/extable.h>
#include <asm/trapnr.h>
#include "../x86/fault/fault.h"
#include "xom.h"

static void xom_close_again(struct timer_list *timer)
{
	xom_write_pkrs(xom_pkrs());
}

static DEFINE_PER_CPU(struct timer_list, xom_close_timer) =
	__TIMER_INITIALIZER(xom_close_again, TIMER_PINNED);

/* It may come before the instruction; the timer does not. */
static void xom_close_later(struct irq_work *work)
{
	mod_timer(this_cpu_ptr(&xom_close_timer), jiffies + 1);
}

static DEFINE_PER_CPU(struct irq_work, xom_close_work) = IRQ_WORK_INIT(xom_close_later);

/* Let everybody read, on this CPU, until its next timer interrupt. */
static void xom_open_for_a_while(void)
{
	xom_write_pkrs(XOM_PKRS_OPEN);
	irq_work_queue(this_cpu_ptr(&xom_close_work));
}

static void xom_describe(struct asi_fault_info *info, const struct pt_regs *regs,
			 unsigned long error_code, unsigned long address)
{
	struct asi_place place;

	asi_classify(NULL, address, &place);
	memset(info, 0, sizeof(*info));
	info->ip = regs->ip;
	info->address = address;
	info->kind = place.kind;
	info->access = error_code & X86_PF_WRITE ? ASI_ACCESS_WRITE : ASI_ACCESS_READ;
}

static noinline void xom_log(const struct asi_fault_info *info)
{
	struct asi_fault_record record = {
		.info = *info,
		.pid = current->pid,
		.cpu = raw_smp_processor_id(),
	};

	asi_log_fault(&asi_logs[ASI_CLASS_XOM], &record, sched_clock());
}

/* False: nobody copes with that. */
static bool xom_handle(struct pt_regs *regs, unsigned long error_code, unsigned long address,
		       struct asi_fault_info *info)
{
	struct asi_place place;
	struct asi_verdict verdict;
	bool handled = true;

	xom_describe(info, regs, error_code, address);
	place = (struct asi_place){ .kind = info->kind };
	verdict = asi_policy_of(ASI_CLASS_XOM, &place, info->access);
	info->action = verdict.action == ASI_ACTION_EXIT || xom_logs_early() ? ASI_ACTION_EXIT :
									       ASI_ACTION_DENY;
	if (verdict.log)
		xom_log(info);
	if (info->action == ASI_ACTION_EXIT) {
		xom_count(XOM_COUNT_LOGGED);
		xom_open_for_a_while();
	} else {
		xom_count(XOM_COUNT_REFUSED);
		/* Of an instruction in a probe's slot: the place that it was copied from. */
		kprobe_page_fault(regs, X86_TRAP_PF);
		handled = fixup_exception(regs, X86_TRAP_PF, error_code, address);
	}
	return handled;
}

/*
 * The task dies as by an oops.  Soft interrupts that it had switched off would make
 * that the machine's end.
 */
static void xom_die(struct pt_regs *regs, unsigned long error_code,
		    const struct asi_fault_info *info)
{
	pr_alert("denied: access %s kind %s address %#llx\n", asi_access_name(info->access),
		 asi_kind_name(info->kind), info->address);
	while (softirq_count() && !in_serving_softirq())
		_local_bh_enable();
	die("xom: text is execute-only", regs, error_code);
}

noinstr bool __xom_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	struct asi_fault_info info;
	irqentry_state_t state;
	bool handled;

	state = irqentry_nmi_enter(regs);
	instrumentation_begin();
	handled = xom_handle(regs, error_code, address, &info);
	instrumentation_end();
	irqentry_nmi_exit(regs, state);
	if (handled)
		return true;

	/* It does not go back into a domain. */
	asi_leave_for_cr3();
	current->asi.inside = NULL;
	state = irqentry_enter(regs);
	instrumentation_begin();
	xom_die(regs, error_code, &info);
	instrumentation_end();
	irqentry_exit(regs, state);
	return true;
}
