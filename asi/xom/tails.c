// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that the kernel keeps behind code, on the same pages: the operations of a dynamic
 * ftrace trampoline, which the trampoline reads, and the exception table of a BPF program,
 * which is read when a load of the program faults.  They get pages of their own.
 */
#include <linux/execmem.h>
#include <linux/extable.h>
#include <linux/filter.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>
#include "xom.h"

int xom_seal_trampoline(void *trampoline, unsigned long code)
{
	if (!xom_on())
		return 0;
	return set_memory_ro((unsigned long)trampoline + PAGE_ALIGN(code), 1);
}

/*
 * Near the code, whose place an entry has as a 32-bit distance.  Without memory the
 * program is not compiled: its table would not be complete.
 */
void *xom_extable(struct bpf_prog *prog, void *behind, size_t size)
{
	if (!xom_on() || !size)
		return behind;
	return execmem_alloc(EXECMEM_MODULE_DATA, size);
}

void xom_free_extable(struct bpf_prog *prog)
{
	struct vm_struct *area;

	if (!prog->aux || !prog->aux->extable || !is_vmalloc_or_module_addr(prog->aux->extable))
		return;
	/* A table behind its program does not begin an area. */
	area = find_vm_area(prog->aux->extable);
	if (area && area->addr == prog->aux->extable) {
		prog->aux->extable = NULL;
		execmem_free(area->addr);
	}
}
