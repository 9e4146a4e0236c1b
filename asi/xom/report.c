// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/asi/xom: the state of execute-only text in lines "key value", and who wanted to
 * read it.
 */
#include <linux/ftrace.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sysfs.h>
#include <asm/sections.h>
#include <asi/gate.h>
#include "../x86/fault/fault.h"
#include "xom.h"

static u64 xom_sum(unsigned int what)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(xom_counts, cpu)[what];
	return sum;
}

/* Pages of code, by what has them. */
struct xom_pages {
	unsigned long kernel;
	unsigned long module;
	unsigned long ftrace;	/* its dynamic trampolines */
	unsigned long probe;	/* slots of probes */
	unsigned long other;	/* BPF's packs, ITS thunks */
	unsigned long large;	/* of the kernel's, in entries of 2 MiB */
};

static void xom_count_kernel(struct xom_pages *pages)
{
	unsigned long va, end = PFN_ALIGN(_etext);
	unsigned int level;
	pte_t *entry;

	for (va = PFN_ALIGN(_text); va < end; va += PAGE_SIZE) {
		entry = lookup_address(va, &level);
		if (!entry || !(pte_val(*entry) & XOM_KEY_MASK))
			continue;
		pages->kernel++;
		pages->large += level == PG_LEVEL_2M;
	}
}

static void xom_count_one(struct xom_pages *pages, unsigned long va)
{
	guard(preempt)();
	if (is_module_text_address(va))
		pages->module++;
	else if (is_ftrace_trampoline(va))
		pages->ftrace++;
	else if (is_kprobe_insn_slot(va) || is_kprobe_optinsn_slot(va))
		pages->probe++;
	else
		pages->other++;
}

/* Tables of this range stay once they are there. */
static void xom_count_modules(struct xom_pages *pages)
{
	unsigned long va = MODULES_VADDR;
	unsigned int level;
	pte_t *entry;

	while (va < MODULES_END) {
		entry = lookup_address(va, &level);
		if (!entry || level != PG_LEVEL_4K) {
			va = ALIGN(va + 1, PMD_SIZE);
			continue;
		}
		if (pte_present(*entry) && (pte_val(*entry) & XOM_KEY_MASK))
			xom_count_one(pages, va);
		va += PAGE_SIZE;
	}
}

static ssize_t xom_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct asi_place place = { .kind = ASI_KIND_KERNEL_TEXT };
	struct xom_pages pages = {};
	const char *action = "-";
	unsigned long flags;
	int at = 0;

	/* Whoever reads may be isolated. */
	guard(asi_unrestricted)();

	if (xom_on()) {
		xom_count_kernel(&pages);
		xom_count_modules(&pages);
		local_irq_save(flags);
		action = asi_policy_of(ASI_CLASS_XOM, &place, ASI_ACCESS_READ).action ==
			 ASI_ACTION_EXIT ? "log" : "deny";
		local_irq_restore(flags);
	}
	at += sysfs_emit_at(buf, at, "backend %s\n", xom_backend());
	at += sysfs_emit_at(buf, at, "reason %s\n", xom_off_reason());
	at += sysfs_emit_at(buf, at, "action %s\n", action);
	at += sysfs_emit_at(buf, at, "kernel_pages %lu\n", pages.kernel);
	at += sysfs_emit_at(buf, at, "kernel_pages_large %lu\n", pages.large);
	at += sysfs_emit_at(buf, at, "module_pages %lu\n", pages.module);
	at += sysfs_emit_at(buf, at, "ftrace_pages %lu\n", pages.ftrace);
	at += sysfs_emit_at(buf, at, "probe_pages %lu\n", pages.probe);
	at += sysfs_emit_at(buf, at, "other_pages %lu\n", pages.other);
	at += sysfs_emit_at(buf, at, "windows %llu\n", xom_sum(XOM_COUNT_WINDOWS));
	at += sysfs_emit_at(buf, at, "refused %llu\n", xom_sum(XOM_COUNT_REFUSED));
	at += sysfs_emit_at(buf, at, "logged %llu\n", xom_sum(XOM_COUNT_LOGGED));
	at += sysfs_emit_at(buf, at, "aliases_refused %llu\n", xom_sum(XOM_COUNT_ALIASES));
	return xom_show_readers(buf, at);
}

static struct kobj_attribute xom_attr = __ATTR_RO_MODE(xom, 0400);

static int __init xom_sysfs(void)
{
	return asi_kobject() ? sysfs_create_file(asi_kobject(), &xom_attr.attr) : 0;
}
late_initcall(xom_sysfs);
