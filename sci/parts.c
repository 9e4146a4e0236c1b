// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of which the compiler moved a part away, to a symbol with ".cold" behind
 * the function's name.  Several functions may have one name, so that names alone do not
 * say which part is whose; but a part that jumps into a function is that function's.
 *
 * Walks of the symbol table by name may schedule, so those of the kernel's image are
 * noted beforehand.  Modules have few symbols: they are looked through.
 */
#define pr_fmt(fmt) "sci: " fmt

#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "code.h"
#include "sci.h"

#define SCI_COLD	".cold"

/* Of the same name. */
struct sci_pair {
	unsigned long part;
	unsigned long function;
};

static struct sci_pair *sci_pairs __ro_after_init;
static unsigned int sci_nr_pairs __ro_after_init;

/* ---- The kernel's image ------------------------------------------------- */

struct sci_pairing {
	struct sci_pair *pairs;
	unsigned int nr, room;
	unsigned long part;
	int err;
};

static int __init sci_note_pair(void *data, unsigned long function)
{
	struct sci_pairing *p = data;
	struct sci_pair *more;

	if (p->nr == p->room) {
		more = kvrealloc(p->pairs, 2 * (p->room + 512) * sizeof(*more), GFP_KERNEL);
		if (!more) {
			p->err = -ENOMEM;
			return p->err;
		}
		p->pairs = more;
		p->room = 2 * (p->room + 512);
	}
	p->pairs[p->nr++] = (struct sci_pair){ p->part, function };
	return 0;
}

static bool sci_is_cold(const char *name)
{
	return strlen(name) > strlen(SCI_COLD) &&
	       !strcmp(name + strlen(name) - strlen(SCI_COLD), SCI_COLD);
}

static int __init sci_pair_up(void *data, const char *name, unsigned long address)
{
	char function[KSYM_NAME_LEN];
	struct sci_pairing *p = data;

	if (!sci_is_cold(name))
		return 0;
	strscpy(function, name, strlen(name) - strlen(SCI_COLD) + 1);
	p->part = address;
	kallsyms_on_each_match_symbol(sci_note_pair, function, p);
	return p->err;
}

int __init sci_parts_init(void)
{
	struct sci_pairing p = {};

	kallsyms_on_each_symbol(sci_pair_up, &p);
	if (p.err) {
		kvfree(p.pairs);
		return p.err;
	}
	sci_pairs = p.pairs;
	sci_nr_pairs = p.nr;
	return 0;
}

/* ---- Modules ------------------------------------------------------------ */

typedef bool (*sci_symbol_fn)(const char *name, unsigned long start, const char *of,
			      unsigned long address);

#ifdef CONFIG_MODULES
/* Does @fn say so of any symbol of the module that @function is in? */
static bool sci_any_of_module(const struct sci_function *function, sci_symbol_fn fn,
			      unsigned long address)
{
	const struct module *module = __module_address(function->start);
	const struct mod_kallsyms *symbols;
	const char *of = NULL;
	unsigned int i;

	if (!module)
		return false;
	symbols = rcu_dereference_sched_check(module->kallsyms, 1);
	for (i = 0; i < symbols->num_symtab && !of; i++) {
		if (symbols->symtab[i].st_value == function->start &&
		    ELF_ST_TYPE(symbols->symtab[i].st_info) == STT_FUNC)
			of = symbols->strtab + symbols->symtab[i].st_name;
	}
	for (i = 0; of && i < symbols->num_symtab; i++) {
		if (ELF_ST_TYPE(symbols->symtab[i].st_info) == STT_FUNC &&
		    fn(symbols->strtab + symbols->symtab[i].st_name,
		       symbols->symtab[i].st_value, of, address))
			return true;
	}
	return false;
}
#else
static bool sci_any_of_module(const struct sci_function *function, sci_symbol_fn fn,
			      unsigned long address)
{
	return false;
}
#endif

static bool sci_is_part_of(const char *part, const char *function)
{
	size_t len = strlen(function);

	return !strncmp(part, function, len) && !strcmp(part + len, SCI_COLD);
}

static bool sci_part_leads_to(const struct sci_function *part, unsigned long address)
{
	return sci_jumps_to(part, address) || sci_fixup_leads_to(part, address);
}

/* Names first: few fit, and to find a function in a module takes long. */
static bool sci_symbol_leads_to(const char *name, unsigned long start, const char *of,
				unsigned long address)
{
	struct sci_function symbol;

	return (sci_is_part_of(name, of) || sci_is_part_of(of, name)) &&
	       sci_find_function(start, &symbol) && sci_part_leads_to(&symbol, address);
}

static bool sci_symbol_is_part(const char *name, unsigned long start, const char *of,
			       unsigned long address)
{
	return start == address && sci_is_cold(name);
}

/* ---- Both --------------------------------------------------------------- */

bool sci_is_moved_part(const struct sci_function *function)
{
	unsigned int i;

	for (i = 0; i < sci_nr_pairs; i++) {
		if (sci_pairs[i].part == function->start)
			return true;
	}
	return sci_any_of_module(function, sci_symbol_is_part, function->start);
}

bool sci_parts_jump_to(const struct sci_function *function, unsigned long address)
{
	struct sci_function other;
	unsigned long start;
	unsigned int i;

	for (i = 0; i < sci_nr_pairs; i++) {
		if (sci_pairs[i].part == function->start)
			start = sci_pairs[i].function;
		else if (sci_pairs[i].function == function->start)
			start = sci_pairs[i].part;
		else
			continue;
		if (sci_find_function(start, &other) && sci_part_leads_to(&other, address))
			return true;
	}
	return sci_any_of_module(function, sci_symbol_leads_to, address);
}
