// SPDX-License-Identifier: GPL-2.0-only
/* Text that the kernel makes as it runs, and that has no symbol. */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <asm/cpufeature.h>
#include <asm/kprobes.h>
#include <asm/pgtable.h>
#include <asi/xom.h>
#include "code.h"

/* The bytes of an indirect jump by a register, and of what stops speculation. */
#define SCI_ITS_THUNK_SIZE(is_high)	(3 + (is_high))

static bool sci_find_trampoline(unsigned long address, struct sci_function *text)
{
#ifdef CONFIG_DYNAMIC_FTRACE
	const struct ftrace_ops *ops = ftrace_ops_trampoline(address);

	if (!ops)
		return false;
	text->start = ops->trampoline;
	/* A pointer to the tracer is the last of it. */
	text->end = ops->trampoline + ops->trampoline_size - sizeof(void *);
	text->maker = SCI_FTRACE;
	return address < text->end;
#else
	return false;
#endif
}

/* Slots of one size, from the beginning of a page on. */
static bool sci_is_in_slot(unsigned long address, unsigned long size, struct sci_function *text)
{
	unsigned long offset = address & ~PAGE_MASK;

	text->start = address - offset % size;
	text->end = text->start + size;
	return offset / size < PAGE_SIZE / size;
}

#ifdef CONFIG_KPROBES
static bool sci_find_slot(unsigned long address, struct sci_function *text)
{
	if (is_kprobe_insn_slot(address)) {
		text->maker = SCI_KPROBE;
		return sci_is_in_slot(address, MAX_INSN_SIZE, text);
	}
#ifdef CONFIG_OPTPROBES
	if (is_kprobe_optinsn_slot(address)) {
		text->maker = SCI_OPTPROBE;
		return sci_is_in_slot(address, MAX_OPTINSN_SIZE, text);
	}
#endif
	return false;
}
#else
static bool sci_find_slot(unsigned long address, struct sci_function *text)
{
	return false;
}
#endif

/*
 * The kernel keeps no list of these pages, so that the thunk has to be told by what it
 * is.  Nobody can write there: text is never writable.
 */
static bool sci_find_its_thunk(unsigned long address, struct sci_function *text)
{
#ifdef CONFIG_MITIGATION_ITS
	u8 bytes[SCI_ITS_THUNK_SIZE(1)] = {};
	bool is_high;

	if (!boot_cpu_has(X86_FEATURE_INDIRECT_THUNK_ITS) ||
	    address < MODULES_VADDR || address >= MODULES_END ||
	    xom_read_nofault(bytes, (void *)address, sizeof(bytes)))
		return false;
	is_high = bytes[0] == 0x41;
	text->start = address;
	text->end = address + SCI_ITS_THUNK_SIZE(is_high);
	text->maker = SCI_ITS_THUNK;
	return bytes[is_high] == 0xff && (bytes[is_high + 1] & 0xf8) == 0xe0 &&
	       bytes[is_high + 2] == INT3_INSN_OPCODE;
#else
	return false;
#endif
}

bool sci_find_made_text(unsigned long address, struct sci_function *text)
{
	return sci_find_trampoline(address, text) || sci_find_slot(address, text) ||
	       sci_find_its_thunk(address, text);
}

bool sci_is_slot_entry(unsigned long address, const struct sci_function *slot)
{
#ifdef CONFIG_OPTPROBES
	/* Who comes by the breakpoint passes over the call of the handler. */
	if (slot->maker == SCI_OPTPROBE &&
	    address == slot->start + (optprobe_template_end - optprobe_template_entry))
		return true;
#endif
	return address == slot->start;
}
