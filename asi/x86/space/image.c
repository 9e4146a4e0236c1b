// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's image in tables that show only parts of it: the text that entry
 * needs, constants and data.  Some of the kernel's own page tables lie among the
 * data; they stay out.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <asm/nospec-branch.h>
#include <asm/sections.h>
#include "space/space.h"

/* Of the linker script; no header of the kernel declares them. */
extern char __static_call_text_start[], __static_call_text_end[];

static bool asi_is_image_table(unsigned long address)
{
	return asi_is_marked(ASI_MARK_TABLE, PHYS_PFN(__pa_symbol(address)));
}

static int asi_map_parts(struct asi_tables *tables, unsigned long start, unsigned long end,
			 enum asi_kind kind)
{
	unsigned long va, from = start;
	struct asi_leaf leaf;
	int err = 0;

	for (va = start; !err && va <= end; va += PAGE_SIZE) {
		if (va < end && !asi_is_image_table(va) &&
		    asi_table_lookup(asi_kernel_root(), asi_levels(), va, &leaf))
			continue;
		if (from < va)
			err = asi_space_map(&tables->space, (void *)from, va - from, kind);
		from = va + PAGE_SIZE;
	}
	return err;
}

#define asi_map_section(tables, start, end, kind)			\
	asi_map_parts(tables, PAGE_ALIGN_DOWN((unsigned long)(start)),	\
		      PAGE_ALIGN((unsigned long)(end)), kind)

/* Thunks of indirect calls and returns lie before the trampolines of static calls. */
static void *asi_thunks(void)
{
#ifdef CONFIG_MITIGATION_RETPOLINE
	return __x86_indirect_thunk_array;
#else
	return __static_call_text_start;
#endif
}

int asi_map_image(struct asi_tables *tables)
{
	int err;

	err = asi_map_section(tables, __entry_text_start, __entry_text_end,
			      ASI_KIND_ENTRY_TEXT) ?:
	      asi_map_section(tables, __noinstr_text_start, __noinstr_text_end,
			      ASI_KIND_ENTRY_TEXT) ?:
	      asi_map_section(tables, asi_thunks(), __static_call_text_end,
			      ASI_KIND_ENTRY_TEXT) ?:
	      asi_map_section(tables, __start_rodata, __end_rodata, ASI_KIND_RODATA) ?:
	      asi_map_section(tables, _sdata, _end, ASI_KIND_DATA);
	return err;
}

static void asi_zap_pages(struct asi_tables *tables, void *start, void *end)
{
	unsigned long first = PAGE_ALIGN((unsigned long)start);
	unsigned long last = PAGE_ALIGN_DOWN((unsigned long)end);

	if (first < last)
		asi_zap_tables(tables, first, last - first);
}

void asi_zap_text(struct asi_tables *tables)
{
	asi_zap_pages(tables, _stext, __noinstr_text_start);
	asi_zap_pages(tables, __noinstr_text_end, asi_thunks());
	asi_zap_pages(tables, __static_call_text_end, __entry_text_start);
	asi_zap_pages(tables, __entry_text_end, _etext);
	asi_zap_pages(tables, (void *)MODULES_VADDR, (void *)MODULES_END);
}
