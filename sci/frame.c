// SPDX-License-Identifier: GPL-2.0-only
/* The frame of a function on the stack, as the kernel's unwinder sees it. */
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <asm/stacktrace.h>
#include <asm/unwind.h>
#include "edge.h"

bool sci_is_on_stack(unsigned long sp, unsigned int words)
{
	unsigned long base = (unsigned long)task_stack_page(current);

	return !(sp % sizeof(long)) && sp >= base &&
	       sp <= base + THREAD_SIZE - words * sizeof(long);
}

#ifdef CONFIG_UNWINDER_ORC

/* The return address of the function.  False: there is no telling. */
static bool sci_caller(unsigned long ip, unsigned long sp, unsigned long bp,
		       unsigned long *back)
{
	struct unwind_state state = {
		.task = current, .ip = ip, .sp = sp, .bp = bp,
		/* It is no news when a stack is wrong. */
		.error = true,
	};

	if (get_stack_info((unsigned long *)sp, current, &state.stack_info, &state.stack_mask) ||
	    !unwind_next_frame(&state) || state.regs)
		return false;
	*back = state.sp > sp && sci_is_on_stack(state.sp - sizeof(long), 1) ?
		sci_next_true_return(&state, state.ip, state.sp - sizeof(long)) : 0;
	return true;
}

bool sci_frame_fits(unsigned long ip, unsigned long sp, unsigned long bp)
{
	struct sci_function function;
	struct sci_goal goal;
	unsigned long back;

	/* Elsewhere the unwinder guesses, and hooks do not keep their return address. */
	if (!sci_find_function(ip - 1, &function) || sci_is_return_hook(function.start) ||
	    (function.maker != SCI_LINKED && function.maker != SCI_FTRACE) ||
	    !sci_caller(ip, sp, bp, &back))
		return true;
	goal = sci_whole_of(&function);
	return sci_edge(back, &goal) > SCI_EDGE_ELSEWHERE;
}

#else

bool sci_frame_fits(unsigned long ip, unsigned long sp, unsigned long bp) { return true; }

#endif
