/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow of control that the kernel's text shows: functions, calls and jumps, read
 * with the kernel's decoder, as if nobody traced it or changed it right now.  Lockless,
 * any context; no text may change its place meanwhile: interrupts off, or RCU.
 */
#ifndef SCI_CODE_H
#define SCI_CODE_H

#include <linux/types.h>
#include <asm/insn.h>
#include <asm/text-patching.h>

struct pt_regs;

/* Who made a piece of text. */
enum sci_maker {
	SCI_LINKED,		/* the kernel's image, or a module: it has a symbol */
	SCI_COMPILED,		/* BPF: a program or a trampoline, with a symbol, too */
	SCI_FTRACE,		/* a trampoline of one tracer */
	SCI_KPROBE,		/* the slot of a probed instruction */
	SCI_OPTPROBE,		/* the detour of a probe that is a jump */
	SCI_ITS_THUNK,		/* an indirect jump, moved to where it cannot be attacked */
};

/* A function as the symbol table has it; parts that were moved away are others. */
struct sci_function {
	unsigned long start;
	unsigned long end;
	enum sci_maker maker;
};

/* code.c; false: no text of the kernel's that anybody knows. */
bool sci_find_function(unsigned long address, struct sci_function *function);

/* made.c: the same for text without a symbol. */
bool sci_find_made_text(unsigned long address, struct sci_function *text);
/* Where a probe leads the CPU: the beginning of a slot, or the part with the copy. */
bool sci_is_slot_entry(unsigned long address, const struct sci_function *slot);

/* What is read one after the other. */
struct sci_reader {
	unsigned long from;		/* where the instruction is that was read last */
	unsigned long at;		/* the next one */
	unsigned long end;
	unsigned long detour;		/* a jump that stands for the @original bytes, or 0 */
	u8 original[JMP32_INSN_SIZE];
};

struct sci_insn {
	struct insn insn;
	u8 bytes[MAX_INSN_SIZE];
};

static inline struct sci_reader sci_reader(unsigned long start, unsigned long end)
{
	return (struct sci_reader){ .at = start, .end = end };
}

/* The next instruction.  False: the end, or no instruction. */
bool sci_read(struct sci_reader *reader, struct sci_insn *insn);

/* JMP and Jcc with an immediate, LOOP and JRCXZ; and where it leads. */
bool sci_is_jump(const struct insn *insn);
static inline unsigned long sci_jump_target(const struct sci_reader *reader,
					    const struct sci_insn *insn)
{
	return reader->at + insn->insn.immediate.value;
}

bool sci_is_indirect_jump(const struct insn *insn);
/* After it comes something else than what follows it. */
bool sci_is_end(const struct insn *insn);
bool sci_is_nop(const struct insn *insn);

/* Is in [at, end) what counts a call, with call depth tracking? */
bool sci_counts_call(unsigned long at, unsigned long end);

enum sci_call_kind {
	SCI_NO_CALL,
	SCI_DIRECT_CALL,
	SCI_INDIRECT_CALL,
	SCI_CHANGING_CALL,	/* of a static call, which may be another one by now */
	SCI_TRACED_CALL,	/* of a tracer, at the beginning of a function */
};

/* The call instruction that ends at an address. */
struct sci_call {
	enum sci_call_kind kind;
	unsigned long target;		/* of a direct one */
	struct sci_reader reader;	/* @from is its address */
	struct sci_insn insn;
};

/* Is there one?  Then @call has it. */
bool sci_call_before(unsigned long address, struct sci_call *call);

/* Does @function jump to @address, other than by a call, or fall into it? */
bool sci_jumps_to(const struct sci_function *function, unsigned long address);

/* Does the exception table send a fault in @function to @address? */
bool sci_fixup_leads_to(const struct sci_function *function, unsigned long address);

/* sites.c: text that the kernel changes as it runs.  Is there a call of a tracer? */
bool sci_is_traced_site(unsigned long address);
bool sci_is_static_call(unsigned long address);
/* Does @function end in a static call, or is it the trampoline of one? */
bool sci_ends_in_static_call(const struct sci_function *function);
/* Does a static key's branch in @function lead to @address, whether on or off now? */
bool sci_key_leads_to(const struct sci_function *function, unsigned long address);
/* The length of what a breakpoint at @address stands for while it is changed, or 0. */
unsigned int sci_changing_length(unsigned long address);

/* parts.c: functions of which a part was moved away (".cold"). */
int sci_parts_init(void);
bool sci_is_moved_part(const struct sci_function *function);
/* Does any other part of @function jump to @address? */
bool sci_parts_jump_to(const struct sci_function *function, unsigned long address);

#endif /* SCI_CODE_H */
