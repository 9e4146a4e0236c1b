// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tracers do to calls and returns: a call at the beginning of a function, hooks in
 * the place of return addresses, other functions in the place of those that are called.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/rethook.h>
#include <linux/sched.h>
#include <asm/text-patching.h>
#include <asm/unwind.h>
#include <asi/xom.h>
#include "edge.h"
#include "sections.h"

/*
 * Each tracer hides what another one put there before, and functions that end in jumps
 * to one another have one place for all their hooks.
 */
#define SCI_HOOKS	64

/* Where a function's traced call may begin, behind its ENDBR. */
#define SCI_ENTRY_BYTES	16

unsigned long sci_next_true_return(struct unwind_state *state, unsigned long address,
				   unsigned long place)
{
	unsigned int i;

	for (i = 0; i < SCI_HOOKS && sci_is_return_hook(address); i++)
		address = unwind_recover_ret_addr(state, address, (unsigned long *)place);
	return address;
}

unsigned long sci_true_return(unsigned long address, unsigned long place)
{
	struct unwind_state state = { .task = current };

	return sci_next_true_return(&state, address, place);
}

bool sci_is_return_hook(unsigned long address)
{
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	if (address == (unsigned long)return_to_handler)
		return true;
#endif
#ifdef CONFIG_RETHOOK
	return is_rethook_trampoline(address);
#else
	return false;
#endif
}

bool sci_may_carry_return(void)
{
#ifdef CONFIG_FUNCTION_GRAPH_TRACER
	return READ_ONCE(current->ret_stack);
#else
	return false;
#endif
}

#ifdef CONFIG_DYNAMIC_FTRACE

/* Live patches, and probes that may change where the CPU goes on. */
static bool sci_is_replaced(unsigned long site)
{
	const struct ftrace_ops *ops;

	do_for_each_ftrace_op(ops, ftrace_ops_list) {
		if ((ops->flags & FTRACE_OPS_FL_IPMODIFY) && ops->func_hash &&
		    ftrace_lookup_ip(rcu_dereference_raw(ops->func_hash->filter_hash), site))
			return true;
	} while_for_each_ftrace_op(ops);
	return false;
}

bool sci_is_redirected(const struct sci_function *function)
{
	unsigned long site = ftrace_location_range(function->start,
						   function->start + SCI_ENTRY_BYTES - 1);
	const struct kprobe *kp;

	if (site && site < function->end && sci_is_replaced(site))
		return true;
	/* One that may change where the CPU goes on has this handler, if an empty one. */
	kp = get_kprobe((void *)function->start);
	return kp && kp->post_handler;
}

bool sci_is_traced_now(unsigned long site)
{
	u8 first;

	xom_read(&first, (void *)site, sizeof(first));
	return first == CALL_INSN_OPCODE || first == INT3_INSN_OPCODE;
}

bool sci_is_called_by_tracer(unsigned long site, const struct sci_goal *goal)
{
	unsigned long direct = ftrace_find_rec_direct(site), last = goal->end - 1;
	struct sci_function function;

	if (last >= (unsigned long)ftrace_caller &&
	    last < (unsigned long)ftrace_stub_direct_tramp)
		return true;
	if (direct >= goal->first && direct <= last)
		return true;
	return sci_find_function(last, &function) && function.maker == SCI_FTRACE;
}

#else

bool sci_is_redirected(const struct sci_function *function) { return false; }
bool sci_is_traced_now(unsigned long site) { return false; }
bool sci_is_called_by_tracer(unsigned long site, const struct sci_goal *goal)
{
	return false;
}

#endif
