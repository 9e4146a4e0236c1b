// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boot parameters, and the decision whether isolation is on.
 *
 * asi= is read before the direct map is built, because kernel mappings must
 * lose their Global bit from the start.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/cc_platform.h>
#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/set_memory.h>
#include <asm/paravirt.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/tlbflush.h>
#include "fault/fault.h"

static int __init asi_param(char *arg)
{
	if (asi_on_off_param("asi", "asi", arg, &asi_boot_enabled) && !asi_boot_enabled)
		asi_off = "asi=off";
	asi_nonglobal = asi_boot_enabled && !asi_breaks(ASI_BREAK_GLOBAL);
	return 0;
}
early_param("asi", asi_param);

/*
 * Parts of the image were freed by now, and hold whatever their pages were given
 * to; domains borrow this mapping.  What is freed later is unmapped by the code that frees it.
 */
static int __init asi_unmap_freed_image(unsigned long start, unsigned long end)
{
	unsigned long va;
	int err = 0;

	for (va = start; !err && va < end; va += PAGE_SIZE) {
		if (!PageReserved(pfn_to_page(PHYS_PFN(__pa_symbol(va)))))
			err = set_memory_np_noalias(va, 1);
	}
	return err;
}

/* What isolation cannot live with, or NULL. */
static const char * __init asi_refuses(void)
{
	/* Table entries would carry an encryption bit the engine knows nothing of. */
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return "memory encryption is in use";
	/* The hypervisor owns the page tables. */
	if (cpu_feature_enabled(X86_FEATURE_XENPV))
		return "the kernel is a guest of Xen PV";
#ifdef CONFIG_PARAVIRT
	/*
	 * They pass over CPUs, or flush what the process's own root translates: a CPU that
	 * is inside would neither be interrupted nor flushed.
	 */
	if (pv_ops.mmu.flush_tlb_multi != native_flush_tlb_multi)
		return "TLB flushes are paravirtual (boot with nopv)";
#endif
	/* CR3 has a bit for it, which a domain's root lacks and which others set in place. */
	if (cpu_feature_enabled(X86_FEATURE_LAM))
		return "linear address masking is in use (boot with clearcpuid=lam)";
	return NULL;
}

static int __init asi_boot(void)
{
	unsigned long start = PFN_ALIGN(_text);
	unsigned long end = ALIGN((unsigned long)_end, PMD_SIZE);
	const char *refused;
	unsigned long tail;
	int cpu;

	if (!asi_boot_enabled)
		return 0;

	refused = asi_refuses();
	if (refused) {
		asi_off = refused;
		goto off;
	}
	/* The boot code mapped the image with Global pages. */
	if (!asi_breaks(ASI_BREAK_GLOBAL) &&
	    set_memory_nonglobal(start, (end - start) >> PAGE_SHIFT)) {
		asi_off = "cannot clear the Global bit of the kernel image";
		goto off;
	}
	/*
	 * Large pages map more than the image: what lies behind its end is
	 * ordinary memory by now, and domains borrow this mapping.
	 */
	tail = PAGE_ALIGN(_brk_end);
	if (tail < end && set_memory_np_noalias(tail, (end - tail) >> PAGE_SHIFT)) {
		asi_off = "cannot unmap the end of the kernel image's last large page";
		goto off;
	}
	if (asi_unmap_freed_image(start, tail)) {
		asi_off = "cannot unmap freed parts of the kernel image";
		goto off;
	}
	flush_tlb_all();
	if (asi_marks_init() || asi_rmap_init() || asi_quarantine_init() || asi_tlb_init() ||
	    asi_smt_init()) {
		asi_off = "out of memory at boot";
		goto off;
	}
	/* Waking another CPU looks at its idle task, and so does its tick; no one else's data. */
	for_each_possible_cpu(cpu) {
		asi_share(idle_task(cpu), arch_task_struct_size);
		asi_share(idle_task(cpu)->signal, sizeof(struct signal_struct));
		asi_share(task_stack_page(idle_task(cpu)), THREAD_SIZE);
	}
	asi_policy_boot();
	asi_ready = true;
	pr_info("address-space isolation is on\n");
	return 0;
off:
	asi_boot_enabled = false;
	pr_err("address-space isolation is off: %s\n", asi_off);
	return 0;
}
core_initcall(asi_boot);
