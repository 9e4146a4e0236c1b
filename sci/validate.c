// SPDX-License-Identifier: GPL-2.0-only
/*
 * A first fetch from a page of text: may it be?
 *
 * It may when it is the entry of a function that was called, a return to the
 * instruction behind a call, or a jump within a function that shows that jump.
 * Nothing else leads correct code to a page; a chain of gadgets, a pointer into the
 * middle of a function or into data does.
 *
 * What tells a call from a return is the stack: a call leaves its return address on
 * top, a return leaves the address it took right below.  An interrupt that hits
 * between a return and the next fetch overwrites that word; its own frame, which
 * says where it came from, stands there then.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/sched/task_stack.h>
#include <asm/ptrace.h>
#include <asm/segment.h>
#include "code.h"
#include "sci.h"

static bool sci_is_on_stack(unsigned long sp, unsigned int words)
{
	unsigned long base = (unsigned long)task_stack_page(current);

	return !(sp % sizeof(long)) && sp >= base &&
	       sp <= base + THREAD_SIZE - words * sizeof(long);
}

/* The frame of an interrupt at this very instruction, below the stack pointer. */
static bool sci_has_frame_below(const struct pt_regs *regs)
{
	const unsigned long *top = (const unsigned long *)(regs->sp & ~15UL);

	return sci_is_on_stack((unsigned long)(top - 5), 5) && top[-1] == __KERNEL_DS &&
	       top[-2] == regs->sp && top[-4] == __KERNEL_CS && top[-5] == regs->ip;
}

static bool sci_came_by_return(const struct pt_regs *regs)
{
	unsigned long below = regs->sp - sizeof(long);

	return sci_is_on_stack(below, 1) && *(const unsigned long *)below == regs->ip;
}

/*
 * The entry of a function, with a return address on top of the stack.  A call of
 * another function is one whose last act was to jump here.  With retpolines an
 * indirect jump or call ends in a return to its target.
 */
static const char *sci_validate_entry(const struct pt_regs *regs)
{
	unsigned long back, target;
	struct sci_function other;
	enum sci_call_kind kind;

	if (!sci_is_on_stack(regs->sp, 1))
		return "no_stack";
	back = *(const unsigned long *)regs->sp;
	kind = sci_call_before(back, &target);
	if (kind == SCI_NO_CALL)
		return "entry_without_call";
	if (kind == SCI_DIRECT_CALL && target != regs->ip &&
	    (!sci_find_function(target, &other) || other.start != target))
		return "call_into_function";
	if (sci_came_by_return(regs) && !sci_returns_for_jumps())
		return "return_to_entry";
	return NULL;
}

static bool sci_is_jumped_to(const struct sci_function *function, unsigned long ip)
{
	struct sci_function sibling;

	if (sci_jumps_to(function, ip) || sci_fixup_leads_to(function, ip))
		return true;
	return sci_find_sibling(function, &sibling) &&
	       (sci_jumps_to(&sibling, ip) || sci_fixup_leads_to(&sibling, ip));
}

static const char *sci_validate_inside(const struct pt_regs *regs,
				       const struct sci_function *function)
{
	unsigned long target;

	if ((sci_came_by_return(regs) || sci_has_frame_below(regs)) &&
	    sci_call_before(regs->ip, &target) != SCI_NO_CALL)
		return NULL;
	if (sci_came_by_return(regs))
		return "return_without_call";
	return sci_is_jumped_to(function, regs->ip) ? NULL : "jump_into_function";
}

/* Text without a symbol that the kernel made itself. */
static bool sci_is_made_text(unsigned long ip)
{
	return is_ftrace_trampoline(ip) || is_kprobe_insn_slot(ip) ||
	       is_kprobe_optinsn_slot(ip);
}

static bool sci_is_page_of(unsigned long address, const struct sci_function *function)
{
	return (address & PAGE_MASK) >= (function->start & PAGE_MASK) &&
	       address < function->end;
}

bool sci_validate_fetch(struct asi_fault *fault)
{
	const struct pt_regs *regs = fault->regs;
	struct sci_function function;

	if (!sci_find_function(regs->ip, &function)) {
		fault->reason = "no_function";
		return sci_is_made_text(regs->ip);
	}
	if (regs->ip == function.start && !function.is_cold)
		fault->reason = sci_validate_entry(regs);
	else
		fault->reason = sci_validate_inside(regs, &function);
	if (fault->reason)
		return false;
	/* The whole function, so that it need not be asked for page by page. */
	if (sci_is_page_of(fault->info.address, &function)) {
		fault->start = function.start & PAGE_MASK;
		fault->end = PAGE_ALIGN(function.end);
	}
	return true;
}
