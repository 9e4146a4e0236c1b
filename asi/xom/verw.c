// SPDX-License-Identifier: GPL-2.0-only
/*
 * The selector that VERW reads, on a page of its own: see asi/verw.h.  Whether text is
 * execute-only or not, since the instruction has one address.
 */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <asm/cpufeature.h>
#include <asm/fixmap.h>
#include <asm/segment.h>
#include "xom.h"

/* Nothing else is on it: the process's table shows it, too. */
static const u16 xom_verw_page[PAGE_SIZE / sizeof(u16)] __aligned(PAGE_SIZE) = {
	[0] = __KERNEL_DS,
};

/* Those that have a name begin below the page of vsyscalls. */
#define XOM_FIX_VERW	0
static_assert(VSYSCALL_PAGE > XOM_FIX_VERW && VSYSCALL_PAGE < FIX_DBGP_BASE);
static_assert(FIXADDR_TOP - (XOM_FIX_VERW << PAGE_SHIFT) == ASI_VERW_ADDRESS);

#ifdef CONFIG_MITIGATION_PAGE_TABLE_ISOLATION
/* The table below the entry @index of @table; makes one where there is none. */
static u64 * __init xom_table_below(u64 *table, unsigned int index)
{
	if (!(table[index] & _PAGE_PRESENT)) {
		unsigned long page = get_zeroed_page(GFP_KERNEL);

		if (!page)
			panic("xom: no memory for VERW's page");
		WRITE_ONCE(table[index], _KERNPG_TABLE | __pa(page));
	}
	return __va(table[index] & PTE_PFN_MASK);
}

/* All processes share the table of the last entry. */
static void __init xom_show_to_user_tables(u64 entry)
{
	u64 *table = (u64 *)kernel_to_user_pgdp(swapper_pg_dir);
	unsigned int level, index;

	for (level = pgtable_l5_enabled() ? 5 : 4; level > 1; level--) {
		index = ASI_VERW_ADDRESS >> (PAGE_SHIFT + (level - 1) * 9);
		table = xom_table_below(table, index & (PTRS_PER_PTE - 1));
	}
	WRITE_ONCE(table[pte_index(ASI_VERW_ADDRESS)], entry);
}
#else
static void __init xom_show_to_user_tables(u64 entry) { }
#endif

static int __init xom_verw_init(void)
{
	unsigned int level;
	pte_t *entry;

	/* The hypervisor owns the tables there, and VERW is its own. */
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return 0;
	__set_fixmap(XOM_FIX_VERW, __pa_symbol(xom_verw_page), PAGE_KERNEL_RO);
	entry = lookup_address(ASI_VERW_ADDRESS, &level);
	if (!entry || level != PG_LEVEL_4K)
		panic("xom: VERW's page is not mapped");
	if (boot_cpu_has(X86_FEATURE_PTI))
		xom_show_to_user_tables(pte_val(*entry));
	return 0;
}
early_initcall(xom_verw_init);
