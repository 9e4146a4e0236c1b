// SPDX-License-Identifier: GPL-2.0-only
#include <linux/extable.h>
#include <linux/filter.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/extable.h>
#include <asm/insn.h>
#include <asm/nospec-branch.h>
#include <asm/sections.h>
#include <asm/text-patching.h>
#include <asi/xom.h>
#include "code.h"
#include "sections.h"

#define SCI_COLD	".cold"

static bool sci_is_cold(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SCI_COLD);

	return len > suffix && !strcmp(name + len - suffix, SCI_COLD);
}

/* Mapped, and text: the symbol table knows of data and of freed text, too. */
static bool sci_is_text(unsigned long address)
{
	return (address >= (unsigned long)_stext && address < (unsigned long)_etext) ||
	       is_module_text_address(address) || is_bpf_text_address(address);
}

bool sci_find_function(unsigned long address, struct sci_function *function)
{
	char name[KSYM_NAME_LEN];
	unsigned long size, offset;

	if (!sci_is_text(address) || !kallsyms_lookup_size_offset(address, &size, &offset))
		return false;
	function->start = address - offset;
	function->end = function->start + size;
	function->is_cold = !lookup_symbol_name(address, name) &&
			    sci_is_cold(name);
	return true;
}

struct sci_sibling {
	unsigned long address;
	const struct sci_function *of;
	unsigned long nearest;
};

/* Of several functions of one name the nearest in the file's order is the best guess. */
static int sci_note_sibling(void *data, unsigned long address)
{
	struct sci_sibling *s = data;

	if (!s->address || abs_diff(address, s->of->start) < s->nearest) {
		s->address = address;
		s->nearest = abs_diff(address, s->of->start);
	}
	return 0;
}

bool sci_find_sibling(const struct sci_function *function, struct sci_function *sibling)
{
	struct sci_sibling s = { .of = function };
	char name[KSYM_NAME_LEN];
	size_t len;

	if (lookup_symbol_name(function->start, name))
		return false;
	len = strlen(name);
	if (function->is_cold)
		name[len - strlen(SCI_COLD)] = '\0';
	else if (strlcat(name, SCI_COLD, sizeof(name)) >= sizeof(name))
		return false;
	kallsyms_on_each_match_symbol(sci_note_sibling, name, &s);
	return s.address && sci_find_function(s.address, sibling);
}

/* Length of the instruction at @at, or 0. */
static unsigned int sci_decode(struct insn *insn, unsigned long at, unsigned long end)
{
	int len = min_t(unsigned long, end - at, MAX_INSN_SIZE);

	return insn_decode(insn, xom_bytes(at, MAX_INSN_SIZE), len, INSN_MODE_KERN) ? 0 :
	       insn->length;
}

static bool sci_is_thunk(unsigned long address)
{
#ifdef CONFIG_MITIGATION_RETPOLINE
	return address >= (unsigned long)__x86_indirect_thunk_array &&
	       address < (unsigned long)__entry_text_start;
#else
	return false;
#endif
}

static enum sci_call_kind sci_call_kind(const struct insn *insn, unsigned long at,
					unsigned long *target)
{
	if (insn->opcode.bytes[0] == CALL_INSN_OPCODE) {
		*target = at + insn->length + insn->immediate.value;
		return sci_is_thunk(*target) ? SCI_INDIRECT_CALL : SCI_DIRECT_CALL;
	}
	if (insn->opcode.bytes[0] == 0xff && X86_MODRM_REG(insn->modrm.value) == 2)
		return SCI_INDIRECT_CALL;
	if (insn->opcode.bytes[0] == INT3_INSN_OPCODE)
		return SCI_PATCHED_CALL;
	return SCI_NO_CALL;
}

/*
 * From the function's start on, so that no call is seen in the middle of another
 * instruction.  What is patched has five bytes.
 */
enum sci_call_kind sci_call_before(unsigned long address, unsigned long *target)
{
	enum sci_call_kind kind = SCI_NO_CALL;
	struct sci_function function;
	unsigned long at;
	unsigned int len;
	struct insn insn;

	*target = 0;
	/* The end of a function that does not return may be that of the symbol. */
	if (!sci_find_function(address - 1, &function))
		return SCI_NO_CALL;
	for (at = function.start; at < address; at += len) {
		len = sci_decode(&insn, at, function.end);
		if (!len)
			return SCI_NO_CALL;
		kind = sci_call_kind(&insn, at, target);
		if (kind == SCI_PATCHED_CALL && at + CALL_INSN_SIZE == address)
			return kind;
	}
	return at == address && kind != SCI_PATCHED_CALL ? kind : SCI_NO_CALL;
}

/* JMP and Jcc with an immediate, LOOP and JRCXZ. */
static bool sci_is_jump(const struct insn *insn)
{
	u8 first = insn->opcode.bytes[0], second = insn->opcode.bytes[1];

	return first == JMP32_INSN_OPCODE || first == JMP8_INSN_OPCODE ||
	       (first >= 0x70 && first <= 0x7f) || (first >= 0xe0 && first <= 0xe3) ||
	       (first == 0x0f && second >= 0x80 && second <= 0x8f);
}

/* After it comes something else than what follows it. */
static bool sci_is_end(const struct insn *insn)
{
	u8 first = insn->opcode.bytes[0];

	return first == JMP32_INSN_OPCODE || first == JMP8_INSN_OPCODE ||
	       first == RET_INSN_OPCODE || first == INT3_INSN_OPCODE ||
	       (first == 0xff && X86_MODRM_REG(insn->modrm.value) == 4) ||
	       (first == 0x0f && insn->opcode.bytes[1] == 0x0b);
}

/*
 * Falling into the next page, or into an instruction behind one, counts too: the
 * text is contiguous there.
 */
bool sci_jumps_to(const struct sci_function *function, unsigned long address)
{
	unsigned long at, next, end = function->end;
	struct insn insn;
	unsigned int len;

	for (at = function->start; at < end; at = next) {
		len = sci_decode(&insn, at, end);
		if (!len)
			return false;
		next = at + len;
		if (sci_is_jump(&insn) && next + insn.immediate.value == address)
			return true;
		if (next == address && !sci_is_end(&insn) &&
		    (address & PAGE_MASK) != (at & PAGE_MASK))
			return true;
		/* It begins on the page before: the fetch of its rest. */
		if (at == address && ((next - 1) & PAGE_MASK) != (at & PAGE_MASK))
			return true;
	}
	return false;
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

bool sci_returns_for_jumps(void)
{
	return boot_cpu_has(X86_FEATURE_RETPOLINE) &&
	       !boot_cpu_has(X86_FEATURE_RETPOLINE_LFENCE);
}
