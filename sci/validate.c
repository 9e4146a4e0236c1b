// SPDX-License-Identifier: GPL-2.0-only
/*
 * A first fetch from a page of text: may it be?
 *
 * It may when it is the entry of a function that was called, a return to the
 * instruction behind a call, or a jump within a function that shows that jump.
 * Nothing else leads correct code to a page; a chain of gadgets, a pointer into the
 * middle of a function or into data does.
 *
 * The call itself is judged: that it leads where the CPU is, and that the function it
 * is in was called in turn, see edge.h.  What else tells a call from a return is what
 * lies right below the stack pointer: a return leaves the address it took there.  The
 * page fault's own frame begins at the next address that is aligned, so that it
 * overwrites that word at some stack pointers; then nothing is concluded from it.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/ptrace.h>
#include "edge.h"
#include "sci.h"

/* What the CPU aligns the stack to before it writes a frame. */
static unsigned long sci_frame_alignment(void)
{
	return boot_cpu_has(X86_FEATURE_FRED) ? 64 : 16;
}

/* Is the word below the stack pointer as the interrupted code left it? */
static bool sci_has_word_below(const struct pt_regs *regs)
{
	return regs->sp % sci_frame_alignment() &&
	       sci_is_on_stack(regs->sp - sizeof(long), 1);
}

static unsigned long sci_word_below(const struct pt_regs *regs)
{
	return READ_ONCE_NOCHECK(*(const unsigned long *)(regs->sp - sizeof(long)));
}

static bool sci_came_by_return(const struct pt_regs *regs)
{
	return sci_has_word_below(regs) && sci_word_below(regs) == regs->ip;
}

/* Does an indirect jump end in a return, as with retpolines? */
static bool sci_returns_for_jumps(void)
{
	return boot_cpu_has(X86_FEATURE_RETPOLINE) &&
	       !boot_cpu_has(X86_FEATURE_RETPOLINE_LFENCE);
}

/* As after a jump by register. */
static bool sci_is_in_register(const struct pt_regs *regs)
{
	const unsigned long *reg = (const unsigned long *)regs;
	unsigned int i;

	for (i = 0; i < offsetof(struct pt_regs, orig_ax) / sizeof(long); i++) {
		if (reg[i] == regs->ip &&
		    !(&reg[i] == &regs->di && sci_may_carry_return()))
			return true;
	}
	return false;
}

/* ---- Entries ------------------------------------------------------------ */

/* Symbols within a function: the text in front of one leads there. */
static bool sci_flows_to(unsigned long ip)
{
	struct sci_function before;

	return sci_find_function(ip - 1, &before) && before.end == ip &&
	       sci_jumps_to(&before, ip);
}

/*
 * With retpolines an indirect jump or call ends in a return to its target, which is in
 * a register.
 */
static bool sci_is_entered_by_return(const struct pt_regs *regs)
{
	return sci_came_by_return(regs) &&
	       !(sci_returns_for_jumps() && sci_is_in_register(regs));
}

/* The return address on top of the stack. */
static unsigned long sci_word_on_top(const struct pt_regs *regs)
{
	return sci_true_return(READ_ONCE_NOCHECK(*(const unsigned long *)regs->sp), regs->sp);
}

/* That is @back: does the frame of the function that it goes to fit? */
static const char *sci_validate_caller(const struct pt_regs *regs, unsigned long back)
{
	return sci_frame_fits(back, regs->sp + sizeof(long), regs->bp) ? NULL : "no_frame";
}

/* The entry of a function, with a return address on top of the stack. */
static const char *sci_validate_entry(const struct pt_regs *regs,
				      const struct sci_function *function)
{
	struct sci_goal goal = sci_entry_of(function);
	enum sci_edge edge;
	unsigned long back;

	if (!sci_is_on_stack(regs->sp, 1))
		return "no_stack";
	back = sci_word_on_top(regs);
	edge = sci_edge(back, &goal);
	if (edge <= SCI_EDGE_ELSEWHERE && !sci_is_entered_by_return(regs) &&
	    sci_flows_to(regs->ip))
		return NULL;
	if (edge == SCI_EDGE_NONE)
		return "entry_without_call";
	if (edge == SCI_EDGE_ELSEWHERE)
		return "call_elsewhere";
	if (edge != SCI_EDGE_REDIRECTED && sci_is_entered_by_return(regs))
		return "return_to_entry";
	return sci_validate_caller(regs, back);
}

/* What a call in front of a function leads to, see sci_entry_of(). */
static bool sci_is_padding(unsigned long ip, struct sci_function *function)
{
	struct sci_function next;

	/* The last bytes of a function may be as near to what follows it. */
	if (!sci_find_function(function->end, &next) || next.start != function->end ||
	    ip < sci_entry_of(&next).first || !sci_counts_call(ip, next.start))
		return false;
	*function = next;
	return true;
}

/* ---- The inside --------------------------------------------------------- */

/* Unless something says that it was none. */
static bool sci_may_be_return(const struct pt_regs *regs)
{
	return !(sci_has_word_below(regs) && sci_word_below(regs) != regs->ip) &&
	       !sci_is_in_register(regs);
}

/* To behind a tracer's call, at the beginning of @function: all is as at its entry. */
static const char *sci_validate_traced_return(const struct pt_regs *regs,
					      const struct sci_function *function,
					      unsigned long site)
{
	struct sci_goal goal = sci_entry_of(function);
	unsigned long back;

	if (!sci_is_traced_now(site))
		return "return_without_call";
	if (!sci_is_on_stack(regs->sp, 1))
		return "no_stack";
	back = sci_word_on_top(regs);
	return sci_edge(back, &goal) > SCI_EDGE_ELSEWHERE ? sci_validate_caller(regs, back) :
							    "no_frame";
}

static const char *sci_validate_return(const struct pt_regs *regs,
				       const struct sci_function *function,
				       const struct sci_call *call)
{
	if (call->kind == SCI_TRACED_CALL)
		return sci_validate_traced_return(regs, function, call->reader.from);
	return sci_frame_fits(regs->ip, regs->sp, regs->bp) ? NULL : "no_frame";
}

static bool sci_is_jumped_to(const struct sci_function *function, unsigned long ip)
{
	return sci_jumps_to(function, ip) || sci_fixup_leads_to(function, ip) ||
	       sci_parts_jump_to(function, ip);
}

static const char *sci_validate_inside(const struct pt_regs *regs,
				       const struct sci_function *function)
{
	const char *reason = "jump_into_function";
	struct sci_call call;

	if (sci_may_be_return(regs)) {
		if (sci_call_before(regs->ip, &call))
			reason = sci_validate_return(regs, function, &call);
		else if (sci_came_by_return(regs))
			reason = "return_without_call";
		/* A jump leaves no such word: whatever jumps here, the CPU did not. */
		if (reason && sci_came_by_return(regs))
			return reason;
	}
	return !reason || sci_is_jumped_to(function, regs->ip) ? NULL : reason;
}

/* ------------------------------------------------------------------------- */

/* A hook in the place of a return address, which the return took from below the stack. */
static const char *sci_validate_hook(const struct pt_regs *regs)
{
	unsigned long back = sci_true_return(regs->ip, regs->sp - sizeof(long));

	return back && back != regs->ip ? NULL : "return_without_call";
}

static const char *sci_validate_text(const struct pt_regs *regs,
				     struct sci_function *function)
{
	switch (function->maker) {
	case SCI_KPROBE:
	case SCI_OPTPROBE:
		return sci_is_slot_entry(regs->ip, function) ? NULL : "no_function";
	case SCI_ITS_THUNK:
		return NULL;
	default:
		break;
	}
	if (sci_is_return_hook(regs->ip))
		return sci_validate_hook(regs);
	if (regs->ip != function->start && !sci_is_padding(regs->ip, function))
		return sci_validate_inside(regs, function);
	if (sci_is_moved_part(function))
		return sci_validate_inside(regs, function);
	return sci_validate_entry(regs, function);
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
		return false;
	}
	fault->reason = sci_validate_text(regs, &function);
	if (fault->reason)
		return false;
	/* The whole function, so that it need not be asked for page by page. */
	if (sci_is_page_of(fault->info.address, &function)) {
		fault->start = function.start & PAGE_MASK;
		fault->end = PAGE_ALIGN(function.end);
	}
	return true;
}
