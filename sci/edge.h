/* SPDX-License-Identifier: GPL-2.0-only */
/* Which way the CPU came: calls and returns, with the stack.  As code.h; interrupts off. */
#ifndef SCI_EDGE_H
#define SCI_EDGE_H

#include <linux/types.h>
#include "code.h"

struct unwind_state;

/* What a call or return address says about how a function was entered. */
enum sci_edge {
	SCI_EDGE_NONE,		/* no call precedes it */
	SCI_EDGE_ELSEWHERE,	/* one of something that does not lead there */
	SCI_EDGE_CALLED,	/* one that leads there, or may */
	SCI_EDGE_REDIRECTED,	/* one of a function that is traced and replaced */
};

/* edge.c: any address in [first, end). */
struct sci_goal {
	unsigned long first;
	unsigned long end;
};

/* The call before @back: does it lead to @goal? */
enum sci_edge sci_edge(unsigned long back, const struct sci_goal *goal);

/* Of a function: what counts as its entry, and all of it. */
struct sci_goal sci_entry_of(const struct sci_function *function);
struct sci_goal sci_whole_of(const struct sci_function *function);

/* trace.c: what tracers do to return addresses and to calls. */
/* The address that @address, found at @place on the stack, stands for. */
unsigned long sci_true_return(unsigned long address, unsigned long place);
/* The same where @state knows which hooks were looked at already. */
unsigned long sci_next_true_return(struct unwind_state *state, unsigned long address,
				   unsigned long place);
/* Is this where functions return to that a tracer watches? */
bool sci_is_return_hook(unsigned long address);
/* May what is called at @start be replaced by another function? */
bool sci_is_redirected(const struct sci_function *function);
/* Is there a tracer's call at @site right now, or about to be? */
bool sci_is_traced_now(unsigned long site);
/* Is this what a tracer's call at @site may call? */
bool sci_is_called_by_tracer(unsigned long site, const struct sci_goal *goal);
/* May the CPU have come with a return address in a register, as from a hook? */
bool sci_may_carry_return(void);

/* frame.c */
bool sci_is_on_stack(unsigned long sp, unsigned int words);
/*
 * Code at @ip, behind a call, with that stack pointer and frame pointer: does what
 * is its function's return address belong to a call that leads to the function?
 * True if there is no telling.
 */
bool sci_frame_fits(unsigned long ip, unsigned long sp, unsigned long bp);

#endif /* SCI_EDGE_H */
