// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page fault taken while restricted.
 *
 * The first thing is to load the kernel's own table: nothing that the handler
 * needs can be missing after that, so it cannot recurse.  The rest runs like
 * an NMI handler, because the fault may have hit any code at all: it takes no
 * lock that it would have to wait for, allocates nothing and does not sleep.
 *
 * __asi_fault() steps out; asi_describe() says what was touched, in the one record
 * that everybody keeps; asi_decide() settles what becomes of it; asi_report() tells;
 * and __asi_fault() does it.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/entry-common.h>
#include <linux/extable.h>
#include <linux/interrupt.h>
#include <linux/kdebug.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <asm/extable.h>
#include <asm/trapnr.h>
#include "core/trace.h"
#include "cpu/smt.h"
#include "fault/fault.h"

/* What becomes of a fault. */
enum asi_outcome {
	ASI_GROWN,		/* mapped: go back in */
	ASI_FIXED_UP,		/* refused, and the code copes with that: go back in */
	ASI_ANSWERED,		/* no refusal, see answer.c: go back in */
	ASI_LEFT,		/* stay out and carry on */
	ASI_PASSED_ON,		/* the kernel's handler deals with it, and goes back in */
	ASI_KILLED,
};

static enum asi_access asi_access_of(unsigned long error_code)
{
	if (error_code & X86_PF_INSTR)
		return ASI_ACCESS_EXEC;
	return error_code & X86_PF_WRITE ? ASI_ACCESS_WRITE : ASI_ACCESS_READ;
}

static void asi_describe(const struct asi *asi, struct asi_fault *fault,
			 struct asi_place *place, unsigned long address, bool critical)
{
	struct asi_fault_info *info = &fault->info;

	asi_classify(asi, address, place);
	info->ip = fault->regs->ip;
	info->address = address;
	info->kind = place->kind;
	info->access = asi_access_of(fault->error_code);
	info->critical = critical;
	info->cache[0] = '\0';
	if (place->cache)
		strscpy(info->cache, place->cache, sizeof(info->cache));
	fault->fixable = asi_is_fixable(fault);
	fault->reason = "policy";
	fault->start = address & PAGE_MASK;
	fault->end = fault->start + PAGE_SIZE;
}

/* What is kept of the fault says where it was; the registers may go on elsewhere. */
static enum asi_outcome asi_refuse(const struct asi *asi, const struct asi_fault *fault,
				   const struct asi_place *place)
{
	if (asi_answer(asi, fault, place))
		return ASI_ANSWERED;
	if (asi->ops->refused && asi->ops->refused(asi->owner, fault))
		return ASI_LEFT;
	if (fault->fixable && fixup_exception(fault->regs, X86_TRAP_PF, fault->error_code,
					      fault->info.address))
		return ASI_FIXED_UP;
	return ASI_KILLED;
}

static bool asi_is_valid(const struct asi *asi, struct asi_fault *fault)
{
	if (fault->info.access == ASI_ACCESS_EXEC && asi_breaks(ASI_BREAK_EDGE))
		return true;
	return !asi->ops->validate || asi->ops->validate(asi->owner, fault);
}

/*
 * All of the kernel is there.  What is not came a moment ago, or is somebody else's
 * payload, which is refused outside, or is a bug, which the kernel's own handler reports.
 */
static enum asi_outcome asi_decide_whole(struct asi *asi, const struct asi_fault *fault,
					 const struct asi_place *place)
{
	bool is_task = asi->space.type == ASI_SPACE_TASK;

	if (place->kind == ASI_KIND_PRIVATE)
		return ASI_LEFT;
	if (!asi_kernel_allows(place, fault->info.access) || (fault->error_code & X86_PF_RSVD))
		return is_task ? ASI_PASSED_ON : ASI_LEFT;
	return asi->ops->missing && asi->ops->missing(asi->owner, fault->info.address) ?
		       ASI_GROWN : ASI_LEFT;
}

/* @log: does it go into the fault log? */
static enum asi_outcome asi_decide(struct asi *asi, struct asi_fault *fault,
				   struct asi_place *place, bool *log)
{
	bool is_task = asi->space.type == ASI_SPACE_TASK;
	enum asi_access access = fault->info.access;
	struct asi_verdict verdict = asi_policy_of(asi->space.cls, place, access);

	*log = verdict.log;
	if (asi->space.cls == ASI_CLASS_NETNS)
		return asi_decide_whole(asi, fault, place);
	if (verdict.action == ASI_ACTION_EXIT)
		return asi_answer(asi, fault, place) ? ASI_ANSWERED : ASI_LEFT;
	if (verdict.action == ASI_ACTION_DENY)
		return asi_refuse(asi, fault, place);

	/* A genuine bad access faults again outside, on the normal path. */
	if (!asi_kernel_allows(place, access) || (fault->error_code & X86_PF_RSVD))
		return is_task ? ASI_PASSED_ON : ASI_LEFT;
	if (!asi_is_valid(asi, fault)) {
		*log = true;
		return asi_refuse(asi, fault, place);
	}
	if (asi_grow(asi, fault, place))
		return ASI_GROWN;
	*log |= is_task;
	return ASI_LEFT;
}

static enum asi_action asi_action_of(enum asi_outcome outcome)
{
	switch (outcome) {
	case ASI_GROWN:
		return ASI_ACTION_GROW;
	case ASI_LEFT:
		return ASI_ACTION_EXIT;
	default:
		return ASI_ACTION_DENY;
	}
}

static noinline void asi_log(enum asi_class cls, const struct asi_fault_info *info)
{
	struct asi_fault_record record = {
		.info = *info,
		.pid = current->pid,
		.cpu = raw_smp_processor_id(),
	};

	asi_log_fault(&asi_logs[cls], &record, sched_clock());
}

static void asi_report(struct asi_cpu *cpu, const struct asi *asi,
		       struct asi_fault *fault, enum asi_outcome outcome, bool log)
{
	struct asi_fault_info *info = &fault->info;
	enum asi_class cls = asi->space.cls;

	info->action = asi_action_of(outcome);
	trace_asi_fault(asi->space.id, cls, info->ip, info->address, info->kind, info->access,
			info->action);
	if (log)
		asi_log(cls, info);
	if (outcome == ASI_GROWN)
		asi_count(ASI_EV_GROW);
	else if (outcome == ASI_LEFT)
		asi_count(ASI_EV_LEAVE_FAULT);
	else
		asi_count(ASI_EV_DENY);
	if ((outcome == ASI_LEFT || outcome == ASI_KILLED) && cpu->leave.how == ASI_LEAVE_NONE) {
		cpu->leave.how = ASI_LEAVE_FAULT;
		cpu->leave.fault = *info;
	}
}

static enum asi_outcome asi_handle_fault(struct asi_cpu *cpu, struct asi *asi,
					 struct asi_fault *fault, unsigned long address)
{
	enum asi_outcome outcome;
	struct asi_place place;
	bool log;

	asi_count(ASI_EV_FAULT);
	asi_describe(asi, fault, &place, address, cpu->critical);
	outcome = asi_decide(asi, fault, &place, &log);
	if (outcome == ASI_PASSED_ON || outcome == ASI_ANSWERED)
		return outcome;
	asi_report(cpu, asi, fault, outcome, log);
	return outcome;
}

/* The interrupts' entry comes next, and its end brings the task back. */
static __always_inline bool asi_pass_on(struct asi_cpu *cpu)
{
	asi_tlb_set_outside(cpu);
	cpu->back = true;
	return false;
}

static void asi_die(const struct asi *asi, struct asi_fault *fault)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 20);
	const struct asi_fault_info *info = &fault->info;

	ratelimit_set_flags(&limit, RATELIMIT_MSG_ON_RELEASE);
	if (__ratelimit(&limit))
		pr_alert("domain %u: denied: access %s kind %s%s%s address %#llx\n",
			 asi->space.id, asi_access_name(info->access),
			 asi_kind_name(info->kind), info->cache[0] ? ":" : "", info->cache,
			 info->address);
	/* Nobody orders a refusal in the other domains. */
	if (asi->space.type == ASI_SPACE_TASK && !asi_breaks(ASI_BREAK_END)) {
		asi_end_task(fault->regs);
		return;
	}
	/* With soft interrupts off it would be the machine's end. */
	while (softirq_count())
		_local_bh_enable();
	die("asi: access denied by policy", fault->regs, fault->error_code);
}

noinstr bool __asi_fault(struct pt_regs *regs, unsigned long error_code,
			 unsigned long address)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);
	struct asi_fault fault ASI_TLB_UNINITIALIZED;
	struct asi *asi = cpu->curr;
	enum asi_outcome outcome;
	irqentry_state_t state;

	if (!asi)
		return asi_repair_root(cpu) || asi_private_fault(regs, error_code, address);
	asi_switch_out(cpu);
	if (asi->space.type == ASI_SPACE_REFUGE) {
		asi_tlb_set_outside(cpu);
		return asi_refuge_fault(regs, error_code, address);
	}

	/* Data of user space is the kernel's business; there is no code of it to fetch. */
	if (asi->space.type == ASI_SPACE_TASK && address < TASK_SIZE_MAX &&
	    !(error_code & X86_PF_INSTR)) {
		if (!asi_populate_user_pgd(container_of(asi, struct asi_task_domain, asi),
					   address))
			return asi_pass_on(cpu);
		asi_switch_in(cpu, asi);
		return true;
	}

	fault.regs = regs;
	fault.error_code = error_code;
	state = irqentry_nmi_enter(regs);
	instrumentation_begin();
	outcome = asi_handle_fault(cpu, asi, &fault, address);
	instrumentation_end();
	irqentry_nmi_exit(regs, state);

	if (outcome == ASI_GROWN || outcome == ASI_FIXED_UP || outcome == ASI_ANSWERED) {
		asi_switch_in(cpu, asi);
		return true;
	}
	if (outcome == ASI_PASSED_ON)
		return asi_pass_on(cpu);
	/* In a critical section the root may be on its way into CR3 again. */
	if (!cpu->critical)
		asi_tlb_set_outside(cpu);
	else
		asi_smt_lost();
	if (outcome == ASI_KILLED) {
		current->asi.inside = NULL;
		state = irqentry_enter(regs);
		instrumentation_begin();
		asi_die(asi, &fault);
		instrumentation_end();
		irqentry_exit(regs, state);
	}
	return true;
}
