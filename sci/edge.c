// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a call lead to a function?
 *
 * A direct one names it, or one whose jumps are followed.  An indirect one may lead to any:
 * where its operand says another place, a function may have been called there that ended in
 * a jump to here.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>
#include "edge.h"

/* Functions that end in a jump to another one, in a row: kfree() of a large page has six. */
#define SCI_HOPS	16
/* Instructions that are read for one answer. */
#define SCI_STEPS	50000
/* Code of the kernel's for a call, in front of a function that is aligned to as much. */
#define SCI_PADDING	16

static bool sci_is_in(const struct sci_goal *goal, unsigned long address)
{
	return address >= goal->first && address < goal->end;
}

/* With call depth tracking calls go to an instruction in front of the function. */
static unsigned long sci_padding(void)
{
	return boot_cpu_has(X86_FEATURE_CALL_DEPTH) ? SCI_PADDING : 0;
}

struct sci_goal sci_entry_of(const struct sci_function *function)
{
	return (struct sci_goal){ function->start - sci_padding(), function->start + 1 };
}

struct sci_goal sci_whole_of(const struct sci_function *function)
{
	return (struct sci_goal){ function->start - sci_padding(), function->end };
}

/* ---- Thunks ------------------------------------------------------------- */

static bool sci_is_return_thunk(unsigned long address)
{
#ifdef CONFIG_MITIGATION_RETHUNK
	return address == (unsigned long)x86_return_thunk ||
	       address == (unsigned long)__x86_return_thunk;
#else
	return false;
#endif
}

/* One thunk for each register. */
static bool sci_is_one_of(unsigned long address, const void *array)
{
	unsigned long offset = address - (unsigned long)array;

	return !(offset % RETPOLINE_THUNK_SIZE) && offset / RETPOLINE_THUNK_SIZE < 16;
}

static bool sci_is_register_thunk(unsigned long address)
{
#ifdef CONFIG_MITIGATION_RETPOLINE
	if (sci_is_one_of(address, __x86_indirect_thunk_array))
		return true;
#ifdef CONFIG_MITIGATION_CALL_DEPTH_TRACKING
	return sci_is_one_of(address, __x86_indirect_call_thunk_array) ||
	       sci_is_one_of(address, __x86_indirect_jump_thunk_array);
#endif
#endif
	return false;
}

/* Does what is called or jumped to begin with an indirect jump? */
static bool sci_begins_with_jump(unsigned long address)
{
	struct sci_function function;
	struct sci_reader reader;
	struct sci_insn insn;

	if (!sci_find_function(address, &function))
		return false;
	reader = sci_reader(address, function.end);
	return sci_read(&reader, &insn) && sci_is_indirect_jump(&insn.insn);
}

/* Nothing more is known of a jump with such a target than that it is one. */
static bool sci_is_thunk(unsigned long address)
{
	return sci_is_register_thunk(address) || sci_begins_with_jump(address);
}

/* ---- Following jumps ---------------------------------------------------- */

struct sci_hop {
	struct sci_function function;
	struct sci_reader reader;
	bool goes_on;		/* the end of it leads into what follows */
};

struct sci_walk {
	struct sci_hop hop[SCI_HOPS];
	unsigned int depth, limit;
	unsigned int steps;
	bool is_cut;			/* there is more behind the limit */
	const struct sci_goal *goal;
	enum sci_edge edge;
	struct sci_insn insn;
};

static bool sci_is_on_the_way(const struct sci_walk *walk, unsigned long address)
{
	unsigned int i;

	for (i = 0; i < walk->depth; i++) {
		if (address >= walk->hop[i].function.start &&
		    address < walk->hop[i].function.end)
			return true;
	}
	return false;
}

static void sci_found(struct sci_walk *walk, enum sci_edge edge)
{
	walk->edge = max(walk->edge, edge);
}

/* The CPU may get to @address from where the walk is. */
static void sci_go_to(struct sci_walk *walk, unsigned long address)
{
	struct sci_function function;

	if (sci_is_in(walk->goal, address)) {
		sci_found(walk, SCI_EDGE_CALLED);
		return;
	}
	if (sci_is_return_thunk(address) || sci_is_on_the_way(walk, address))
		return;
	if (sci_is_thunk(address)) {
		sci_found(walk, SCI_EDGE_CALLED);
		return;
	}
	if (walk->depth == walk->limit) {
		walk->is_cut = true;
		return;
	}
	if (!sci_find_function(address, &function))
		return;
	if (sci_ends_in_static_call(&function))
		sci_found(walk, SCI_EDGE_CALLED);
	if (sci_is_redirected(&function))
		sci_found(walk, SCI_EDGE_REDIRECTED);
	walk->hop[walk->depth++] = (struct sci_hop){
		.function = function,
		.reader = sci_reader(function.start, function.end),
	};
}

static void sci_go_on(struct sci_walk *walk)
{
	struct sci_hop *hop = &walk->hop[walk->depth - 1];
	const struct insn *insn = &walk->insn.insn;

	if (!sci_read(&hop->reader, &walk->insn)) {
		walk->depth--;
		if (hop->goes_on && hop->reader.at == hop->function.end)
			sci_go_to(walk, hop->function.end);
		return;
	}
	if (!sci_is_nop(insn))
		hop->goes_on = !sci_is_end(insn) &&
			       insn->opcode.bytes[0] != CALL_INSN_OPCODE;
	if (sci_is_indirect_jump(insn))
		sci_found(walk, SCI_EDGE_CALLED);
	else if (sci_is_jump(insn))
		sci_go_to(walk, sci_jump_target(&hop->reader, &walk->insn));
}

static enum sci_edge sci_follow(struct sci_walk *walk, unsigned long from)
{
	for (walk->limit = 1; walk->limit <= SCI_HOPS; walk->limit++) {
		walk->depth = 0;
		walk->is_cut = false;
		sci_go_to(walk, from);
		while (walk->depth && walk->edge == SCI_EDGE_ELSEWHERE) {
			if (!walk->steps--)
				return SCI_EDGE_ELSEWHERE;
			sci_go_on(walk);
		}
		if (walk->edge != SCI_EDGE_ELSEWHERE || !walk->is_cut)
			break;
	}
	return walk->edge;
}

/* The stack may be deep already.  Interrupts are off, and nothing judges in an NMI. */
static DEFINE_PER_CPU(struct sci_walk, sci_walk);

/* What is called at @target: does it get to @goal, itself or by jumps at its end? */
static enum sci_edge sci_leads_to(unsigned long target, const struct sci_goal *goal)
{
	struct sci_walk *walk = this_cpu_ptr(&sci_walk);

	walk->goal = goal;
	walk->steps = SCI_STEPS;
	walk->edge = SCI_EDGE_ELSEWHERE;
	return sci_follow(walk, target);
}

/* ---- Calls -------------------------------------------------------------- */

enum sci_edge sci_edge(unsigned long back, const struct sci_goal *goal)
{
	struct sci_call call;

	if (!sci_call_before(back, &call))
		return SCI_EDGE_NONE;
	switch (call.kind) {
	case SCI_TRACED_CALL:
		return sci_is_called_by_tracer(call.reader.from, goal) ?
		       SCI_EDGE_REDIRECTED : SCI_EDGE_ELSEWHERE;
	case SCI_CHANGING_CALL:
	case SCI_INDIRECT_CALL:
		return SCI_EDGE_CALLED;
	default:
		return sci_leads_to(call.target, goal);
	}
}
