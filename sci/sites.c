// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places in the kernel's text that it changes as it runs: calls of tracers, static
 * calls, branches of static keys.  What stands there now may have been something else
 * when the CPU came by, and while it is changed it begins with a breakpoint.
 */
#include <linux/ftrace.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/static_call.h>
#include <asm/nops.h>
#include <asi/xom.h>
#include "code.h"
#include "sections.h"

bool sci_is_traced_site(unsigned long address)
{
	return ftrace_location_range(address, address) == address;
}

static const struct module *sci_module_at(unsigned long address)
{
#ifdef CONFIG_MODULES
	return __module_address(address);
#else
	return NULL;
#endif
}

/* ---- Static calls ------------------------------------------------------- */

#ifdef CONFIG_HAVE_STATIC_CALL_INLINE

struct sci_static_calls {
	const struct static_call_site *start, *end;
};

static struct sci_static_calls sci_static_calls_at(unsigned long address)
{
	const struct module *module = sci_module_at(address);

	if (!module)
		return (struct sci_static_calls){ __start_static_call_sites,
						  __stop_static_call_sites };
#ifdef CONFIG_MODULES
	return (struct sci_static_calls){ module->static_call_sites,
		module->static_call_sites + module->num_static_call_sites };
#endif
}

static unsigned long sci_static_call_address(const struct static_call_site *site)
{
	return (unsigned long)&site->addr + site->addr;
}

static bool sci_is_static_tail_call(const struct static_call_site *site)
{
	return ((unsigned long)&site->key + site->key) & STATIC_CALL_SITE_TAIL;
}

bool sci_is_static_call(unsigned long address)
{
	struct sci_static_calls sites = sci_static_calls_at(address);

	for (; sites.start < sites.end; sites.start++) {
		if (sci_static_call_address(sites.start) == address)
			return true;
	}
	return false;
}

bool sci_ends_in_static_call(const struct sci_function *function)
{
	struct sci_static_calls sites = sci_static_calls_at(function->start);
	unsigned long at;

	if (function->start >= (unsigned long)__static_call_text_start &&
	    function->start < (unsigned long)__static_call_text_end)
		return true;
	for (; sites.start < sites.end; sites.start++) {
		at = sci_static_call_address(sites.start);
		if (at >= function->start && at < function->end &&
		    sci_is_static_tail_call(sites.start))
			return true;
	}
	return false;
}

#else

bool sci_is_static_call(unsigned long address) { return false; }
bool sci_ends_in_static_call(const struct sci_function *function) { return false; }

#endif

/* ---- Static keys -------------------------------------------------------- */

#ifdef CONFIG_JUMP_LABEL

struct sci_branches {
	const struct jump_entry *start, *end;
};

static struct sci_branches sci_branches_at(unsigned long address)
{
	const struct module *module = sci_module_at(address);

	if (!module)
		return (struct sci_branches){ __start___jump_table, __stop___jump_table };
#ifdef CONFIG_MODULES
	return (struct sci_branches){ module->jump_entries,
		module->jump_entries + module->num_jump_entries };
#endif
}

bool sci_key_leads_to(const struct sci_function *function, unsigned long address)
{
	struct sci_branches branches = sci_branches_at(function->start);
	unsigned long at;

	for (; branches.start < branches.end; branches.start++) {
		at = jump_entry_code(branches.start);
		if (at >= function->start && at < function->end &&
		    jump_entry_target(branches.start) == address)
			return true;
	}
	return false;
}

/* By what stands behind the breakpoint, of the NOP or of the jump. */
static unsigned int sci_branch_length(const struct jump_entry *branch)
{
	unsigned long at = jump_entry_code(branch), target = jump_entry_target(branch);
	s32 far = target - (at + JMP32_INSN_SIZE);

	if (!xom_memcmp((void *)at + 1, x86_nops[JMP32_INSN_SIZE] + 1, DISP32_SIZE) ||
	    !xom_memcmp((void *)at + 1, &far, DISP32_SIZE))
		return JMP32_INSN_SIZE;
	return JMP8_INSN_SIZE;
}

static unsigned int sci_changing_branch(unsigned long address)
{
	struct sci_branches branches = sci_branches_at(address);

	for (; branches.start < branches.end; branches.start++) {
		if (jump_entry_code(branches.start) == address)
			return sci_branch_length(branches.start);
	}
	return 0;
}

#else

bool sci_key_leads_to(const struct sci_function *function, unsigned long address)
{
	return false;
}

static unsigned int sci_changing_branch(unsigned long address) { return 0; }

#endif

unsigned int sci_changing_length(unsigned long address)
{
	if (sci_is_traced_site(address) || sci_is_static_call(address))
		return CALL_INSN_SIZE;
	return sci_changing_branch(address);
}
