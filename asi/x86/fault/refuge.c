// SPDX-License-Identifier: GPL-2.0-only
/*
 * A touch of private memory outside of its owner's domain.
 *
 * It faults in the ordinary kernel, in any context.  The policy says whether it is
 * refused: then the exception table answers, or the CPU goes on in its refuge, where all
 * private addresses lead to one page of zeroes.  Or it is admitted, which is for finding
 * places that rightly touch payload: then the refuge shows the memory itself.
 *
 * A refuge is left by the next interrupt, by the scheduler, before user mode and by the
 * return to what an interrupt has interrupted.  The instruction may fault again after
 * that, and is refused again.
 */
#include <linux/entry-common.h>
#include <linux/extable.h>
#include <linux/hardirq.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <asm/extable.h>
#include <asm/trapnr.h>
#include "core/trace.h"
#include "fault/fault.h"
#include "page/private.h"

enum asi_private_outcome {
	ASI_PRIVATE_NONE,	/* nothing can be done: the kernel's own handler reports it */
	ASI_PRIVATE_FIXED_UP,
	ASI_PRIVATE_ZEROES,	/* go on in the refuge */
	ASI_PRIVATE_ADMITTED,
};

static void asi_describe_private(struct asi_fault *fault, struct asi_place *place,
				 unsigned long address)
{
	asi_classify(NULL, address, place);
	fault->info = (struct asi_fault_info){
		.ip = fault->regs->ip,
		.address = address,
		.kind = place->kind,
		.access = fault->error_code & X86_PF_WRITE ? ASI_ACCESS_WRITE : ASI_ACCESS_READ,
		.action = ASI_ACTION_DENY,
	};
	fault->fixable = asi_is_fixable(fault);
	fault->reason = "policy";
	fault->start = address & PAGE_MASK;
	fault->end = fault->start + PAGE_SIZE;
}

static noinline void asi_log_private(const struct asi_fault *fault)
{
	struct asi_fault_record record = {
		.info = fault->info,
		.pid = current->pid,
		.cpu = raw_smp_processor_id(),
	};

	asi_log_fault(&asi_logs[ASI_CLASS_NETNS], &record, sched_clock());
}

static void asi_report_private(const struct asi_fault *fault, bool admitted, bool log)
{
	const struct asi_fault_info *info = &fault->info;

	trace_asi_fault(0, ASI_CLASS_NETNS, info->ip, info->address, info->kind, info->access,
			info->action);
	if (log)
		asi_log_private(fault);
	asi_count(ASI_EV_FAULT);
	if (!admitted)
		asi_count(ASI_EV_DENY);
	asi_private_ops->refused(fault, admitted);
}

/* An NMI has no refuge: what it interrupted may be about to use this CPU's. */
static enum asi_private_outcome asi_decide_private(struct asi_fault *fault,
						   unsigned long address, bool nmi,
						   struct asi **refuge)
{
	struct asi_place place;
	struct asi_verdict verdict;
	bool admit;

	asi_describe_private(fault, &place, address);
	verdict = asi_policy_of(ASI_CLASS_NETNS, &place, fault->info.access);
	admit = verdict.action != ASI_ACTION_DENY;
	if (admit)
		fault->info.action = ASI_ACTION_EXIT;
	asi_report_private(fault, admit, verdict.log);
	if (!admit && fault->fixable &&
	    fixup_exception(fault->regs, X86_TRAP_PF, fault->error_code, address))
		return ASI_PRIVATE_FIXED_UP;
	*refuge = nmi ? NULL : asi_private_ops->refuge(admit);
	if (!*refuge)
		return ASI_PRIVATE_NONE;
	asi_take_user_half(*refuge);
	return admit ? ASI_PRIVATE_ADMITTED : ASI_PRIVATE_ZEROES;
}

/* What was written to the page before is nobody's to read. */
static __always_inline void asi_wipe(unsigned long page)
{
	unsigned long words = PAGE_SIZE / sizeof(long);

	asm volatile("rep stosq" : "+D" (page), "+c" (words) : "a" (0UL) : "memory");
}

noinstr bool asi_private_fault(struct pt_regs *regs, unsigned long error_code,
			       unsigned long address)
{
	enum asi_private_outcome outcome;
	struct asi_fault fault ASI_TLB_UNINITIALIZED;
	struct asi *refuge = NULL;
	irqentry_state_t state;
	bool nmi = in_nmi();

	/* No instruction was ever meant to be fetched from there: a bug, or an attack. */
	if (!asi_is_private(address) || user_mode(regs) ||
	    (error_code & (X86_PF_INSTR | X86_PF_RSVD)))
		return false;
	fault.regs = regs;
	fault.error_code = error_code;
	state = irqentry_nmi_enter(regs);
	instrumentation_begin();
	outcome = asi_decide_private(&fault, address, nmi, &refuge);
	instrumentation_end();
	irqentry_nmi_exit(regs, state);
	if (outcome == ASI_PRIVATE_ZEROES || outcome == ASI_PRIVATE_ADMITTED)
		asi_go_inside(refuge);
	if (outcome == ASI_PRIVATE_ZEROES)
		asi_wipe(address & PAGE_MASK);
	return outcome != ASI_PRIVATE_NONE;
}

/*
 * A refuge lacks a user address, or something of the kernel's that came a moment ago, or
 * the access is a bug.  In the first case the kernel's handler brings it into the
 * process's table; in the second the instruction goes on outside; each makes progress,
 * whatever private memory the same instruction touches.
 */
noinstr bool asi_refuge_fault(struct pt_regs *regs, unsigned long error_code,
			      unsigned long address)
{
	enum asi_access access = error_code & X86_PF_WRITE ? ASI_ACCESS_WRITE : ASI_ACCESS_READ;
	struct asi_place place ASI_TLB_UNINITIALIZED;
	irqentry_state_t state;
	bool again;

	if (address < TASK_SIZE_MAX || (error_code & X86_PF_RSVD))
		return false;
	if (error_code & X86_PF_INSTR)
		access = ASI_ACCESS_EXEC;
	state = irqentry_nmi_enter(regs);
	instrumentation_begin();
	asi_classify(NULL, address, &place);
	again = asi_kernel_allows(&place, access);
	instrumentation_end();
	irqentry_nmi_exit(regs, state);
	return again;
}
