// SPDX-License-Identifier: GPL-2.0-only
#include <linux/extable.h>
#include <linux/filter.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/memory.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/extable.h>
#include <asm/insn.h>
#include <asm/nops.h>
#include <asm/sections.h>
#include <asi/xom.h>
#include "code.h"
#include "sections.h"

bool sci_find_function(unsigned long address, struct sci_function *function)
{
	unsigned long size, offset;
	bool is_bpf = false;

	/* Mapped, and text: the symbol table knows of data and of freed text, too. */
	if (!(address >= (unsigned long)_stext && address < (unsigned long)_etext) &&
	    !is_module_text_address(address)) {
		is_bpf = is_bpf_text_address(address);
		if (!is_bpf)
			return sci_find_made_text(address, function);
	}
	if (!kallsyms_lookup_size_offset(address, &size, &offset))
		return false;
	function->start = address - offset;
	function->end = function->start + size;
	function->maker = is_bpf ? SCI_COMPILED : SCI_LINKED;
	return true;
}

/* ---- Instructions ------------------------------------------------------- */

#ifdef CONFIG_OPTPROBES
/* Does the probe at @kp, which has bytes enough, jump to its detour, now or in a moment? */
static const struct optimized_kprobe *sci_detour(const struct kprobe *kp)
{
	unsigned long at = (unsigned long)kp->addr;
	s32 distance;

	xom_read(&distance, (void *)at + 1, sizeof(distance));
	return is_kprobe_optinsn_slot(at + JMP32_INSN_SIZE + distance) ?
	       container_of(kp, struct optimized_kprobe, kp) : NULL;
}

static void sci_note_detour(struct sci_reader *reader, const struct kprobe *kp)
{
	const struct optimized_kprobe *op = sci_detour(kp);

	if (!op)
		return;
	reader->detour = reader->at;
	reader->original[0] = kp->opcode;
	memcpy(reader->original + 1, op->optinsn.copied_insn, DISP32_SIZE);
}
#else
static void sci_note_detour(struct sci_reader *reader, const struct kprobe *kp) { }
#endif

/* Whatever a probe wrote: the bytes that were there. */
static void sci_restore(struct sci_reader *reader, u8 *bytes, unsigned int len)
{
	const struct kprobe *kp = NULL;
	unsigned long offset;

	if (bytes[0] == INT3_INSN_OPCODE || bytes[0] == JMP32_INSN_OPCODE)
		kp = get_kprobe((void *)reader->at);
	if (kp && !(kp->flags & KPROBE_FLAG_FTRACE)) {
		bytes[0] = kp->opcode;
		if (len >= JMP32_INSN_SIZE)
			sci_note_detour(reader, kp);
	}
	offset = reader->at - reader->detour;
	if (reader->detour && offset < JMP32_INSN_SIZE)
		memcpy(bytes, reader->original + offset,
		       min_t(unsigned long, len, JMP32_INSN_SIZE - offset));
}

/* A NOP for what is being changed: where it leads is asked elsewhere. */
static void sci_settle(unsigned long at, u8 *bytes, unsigned int len)
{
	unsigned int changing;

	/* Whoever changes text holds the lock.  A breakpoint that stays is padding. */
	if (!mutex_is_locked(&text_mutex)) {
		xom_read(bytes, (void *)at, len);
		return;
	}
	changing = sci_changing_length(at);
	if (changing && changing <= len)
		memcpy(bytes, x86_nops[changing], changing);
}

bool sci_read(struct sci_reader *reader, struct sci_insn *insn)
{
	unsigned int len;

	if (reader->at >= reader->end)
		return false;
	len = min_t(unsigned long, reader->end - reader->at, MAX_INSN_SIZE);
	xom_read(insn->bytes, (void *)reader->at, len);
	sci_restore(reader, insn->bytes, len);
	if (insn->bytes[0] == INT3_INSN_OPCODE)
		sci_settle(reader->at, insn->bytes, len);
	if (insn_decode(&insn->insn, insn->bytes, len, INSN_MODE_KERN))
		return false;
	reader->from = reader->at;
	reader->at += insn->insn.length;
	return true;
}

bool sci_is_jump(const struct insn *insn)
{
	u8 first = insn->opcode.bytes[0], second = insn->opcode.bytes[1];

	return first == JMP32_INSN_OPCODE || first == JMP8_INSN_OPCODE ||
	       (first >= 0x70 && first <= 0x7f) || (first >= 0xe0 && first <= 0xe3) ||
	       (first == 0x0f && second >= 0x80 && second <= 0x8f);
}

bool sci_is_indirect_jump(const struct insn *insn)
{
	return insn->opcode.bytes[0] == 0xff && X86_MODRM_REG(insn->modrm.value) == 4;
}

bool sci_is_end(const struct insn *insn)
{
	u8 first = insn->opcode.bytes[0];

	return first == JMP32_INSN_OPCODE || first == JMP8_INSN_OPCODE ||
	       first == RET_INSN_OPCODE || first == INT3_INSN_OPCODE ||
	       sci_is_indirect_jump(insn) ||
	       (first == 0x0f && insn->opcode.bytes[1] == 0x0b);
}

bool sci_is_nop(const struct insn *insn)
{
	return insn->opcode.bytes[0] == 0x90 ||
	       (insn->opcode.bytes[0] == 0x0f && insn->opcode.bytes[1] == 0x1f);
}

#define SCI_GS_PREFIX	0x65

/* It begins with SARQ of a variable of the CPU's. */
bool sci_counts_call(unsigned long at, unsigned long end)
{
	struct sci_reader reader = sci_reader(at, end);
	struct sci_insn insn;

	if (!sci_read(&reader, &insn) || insn.insn.prefixes.bytes[3] != SCI_GS_PREFIX ||
	    insn.insn.opcode.bytes[0] != 0xc1 || X86_MODRM_REG(insn.insn.modrm.value) != 7)
		return false;
	while (sci_read(&reader, &insn))
		;
	return reader.at == end;
}

/* ---- Calls -------------------------------------------------------------- */

static enum sci_call_kind sci_call_kind(struct sci_call *call)
{
	const struct insn *insn = &call->insn.insn;
	unsigned long at = call->reader.from;

	if (insn->length == CALL_INSN_SIZE) {
		if (sci_is_traced_site(at))
			return SCI_TRACED_CALL;
		if (sci_is_static_call(at))
			return SCI_CHANGING_CALL;
	}
	if (insn->opcode.bytes[0] == CALL_INSN_OPCODE) {
		call->target = call->reader.at + insn->immediate.value;
		return SCI_DIRECT_CALL;
	}
	if (insn->opcode.bytes[0] == 0xff && X86_MODRM_REG(insn->modrm.value) == 2)
		return SCI_INDIRECT_CALL;
	return SCI_NO_CALL;
}

/*
 * From the function's start on, so that no call is seen in the middle of another
 * instruction.
 */
bool sci_call_before(unsigned long address, struct sci_call *call)
{
	struct sci_function function;

	call->kind = SCI_NO_CALL;
	call->target = 0;
	/* The end of a function that does not return may be that of the symbol. */
	if (!sci_find_function(address - 1, &function))
		return false;
	call->reader = sci_reader(function.start, function.end);
	while (call->reader.at < address) {
		if (!sci_read(&call->reader, &call->insn))
			return false;
	}
	if (call->reader.at == address)
		call->kind = sci_call_kind(call);
	return call->kind != SCI_NO_CALL;
}

/* ---- Jumps -------------------------------------------------------------- */

/*
 * Falling into the next page, or into an instruction behind one, counts too: the
 * text is contiguous there.
 */
bool sci_jumps_to(const struct sci_function *function, unsigned long address)
{
	struct sci_reader reader = sci_reader(function->start, function->end);
	unsigned long page = address & PAGE_MASK;
	struct sci_insn insn;

	while (sci_read(&reader, &insn)) {
		if (sci_is_jump(&insn.insn) && sci_jump_target(&reader, &insn) == address)
			return true;
		if (reader.at == address && !sci_is_end(&insn.insn) &&
		    page != (reader.from & PAGE_MASK))
			return true;
		/* It begins on the page before: the fetch of its rest. */
		if (reader.from == address &&
		    ((reader.at - 1) & PAGE_MASK) != (reader.from & PAGE_MASK))
			return true;
	}
	return sci_key_leads_to(function, address);
}

static bool sci_fixups_lead_to(const struct exception_table_entry *entry,
			       const struct exception_table_entry *end,
			       const struct sci_function *function, unsigned long address)
{
	unsigned long from;

	for (; entry < end; entry++) {
		from = (unsigned long)&entry->insn + entry->insn;
		if (from >= function->start && from < function->end &&
		    (unsigned long)&entry->fixup + entry->fixup == address)
			return true;
	}
	return false;
}

bool sci_fixup_leads_to(const struct sci_function *function, unsigned long address)
{
	bool found;

	found = sci_fixups_lead_to(__start___ex_table, __stop___ex_table, function, address);
#ifdef CONFIG_MODULES
	if (!found) {
		const struct module *module = __module_address(function->start);

		found = module && sci_fixups_lead_to(module->extable,
						     module->extable + module->num_exentries,
						     function, address);
	}
#endif
	return found;
}
