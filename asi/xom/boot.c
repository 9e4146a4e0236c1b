// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boot parameters, whether text is execute-only, and each CPU's part of that.
 *
 * Decided when the first CPU knows its features: code that is made at boot has its key
 * from the start.  The kernel's own text gets it at the end of the initcalls, before it
 * becomes read-only and before PTI copies its entries.
 */
#define pr_fmt(fmt) "xom: " fmt

#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/set_memory.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/suspend.h>
#include <asm/sections.h>
#include <asm/tlbflush.h>
#include <asm/x86_init.h>
#include "../x86/fault/fault.h"
#include "xom.h"

DEFINE_STATIC_KEY_FALSE(xom_key);
unsigned long xom_entry_bits __ro_after_init;
unsigned long xom_set_bits __ro_after_init;
unsigned long xom_clear_bits __ro_after_init;

static bool xom_wanted __initdata;
static bool xom_only_logs __ro_after_init;
static bool xom_decided __ro_after_init;
static bool xom_sealed __ro_after_init;
static const char *xom_why __ro_after_init = "not requested";

static int __init xom_param(char *arg)
{
	if (arg && (!strcmp(arg, "auto") || !strcmp(arg, "pks"))) {
		xom_wanted = true;
	} else if (arg && !strcmp(arg, "off")) {
		xom_wanted = false;
		xom_why = "xom=off";
	} else {
		pr_err("xom=%s: expected \"auto\", \"pks\" or \"off\", keeping %s\n", arg ?: "",
		       xom_wanted ? "auto" : "off");
	}
	return 0;
}
early_param("xom", xom_param);

static int __init xom_action_param(char *arg)
{
	if (arg && (!strcmp(arg, "log") || !strcmp(arg, "deny")))
		xom_only_logs = !strcmp(arg, "log");
	else
		pr_err("xom_action=%s: expected \"log\" or \"deny\", keeping %s\n", arg ?: "",
		       xom_only_logs ? "log" : "deny");
	return 0;
}
early_param("xom_action", xom_action_param);

const char *xom_backend(void)
{
	return xom_entry_bits ? "pks" : "off";
}

const char *xom_off_reason(void)
{
	return xom_entry_bits ? "-" : xom_why;
}

u32 xom_pkrs(void)
{
	return xom_entry_bits && !asi_breaks(ASI_BREAK_PKRS) ? XOM_PKRS_CLOSED : XOM_PKRS_OPEN;
}

/* What execute-only text cannot live with, or NULL; known before anything is keyed. */
static const char * __init xom_refuses(void)
{
	unsigned int eax = 0, ebx, ecx = 0, edx;

	if (boot_cpu_data.cpuid_level >= 7)
		cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
	if (!(ecx & BIT(31)))
		return "the processor has no supervisor protection keys (PKS)";
	if (IS_ENABLED(CONFIG_CPA_DEBUG))
		return "the test of CONFIG_CPA_DEBUG makes text writable";
	if (!rodata_enabled)
		return "text is writable (rodata=off)";
	return NULL;
}

/* The same, known only at the end of the initcalls. */
static const char * __init xom_refuses_late(void)
{
	if (boot_cpu_has(X86_FEATURE_CALL_DEPTH))
		return "call depth tracking reads text (retbleed=stuff)";
	if (hibernation_available())
		return "hibernation writes text to disk (boot with nohibernate)";
	return NULL;
}

static void __init xom_decide(void)
{
	const char *refused = NULL;

	xom_decided = true;
	if (!xom_wanted)
		return;
	refused = xom_refuses();
	if (refused) {
		xom_why = refused;
		pr_err("text is readable: %s\n", refused);
		return;
	}
	xom_entry_bits = XOM_KEY << XOM_KEY_SHIFT;
	if (!asi_breaks(ASI_BREAK_KEY))
		xom_set_bits = xom_entry_bits;
	if (!asi_breaks(ASI_BREAK_UNKEY))
		xom_clear_bits = xom_entry_bits;
	static_branch_enable(&xom_key);
}

/* Of the boot CPU and of every other, whenever it comes online. */
void __ref xom_setup_cpu(void)
{
	if (!xom_decided)
		xom_decide();
	if (!xom_entry_bits)
		return;
	/* A CPU that was asleep may have any value. */
	xom_write_pkrs(xom_pkrs());
	cr4_set_bits(XOM_CR4_PKS);
}

/*
 * The CPU that suspended the system has its CR4 by now, and not its PKRS.  This is the
 * last that is called while its registers are restored.
 */
static void (*xom_restore_clock)(void) __ro_after_init;

static void xom_resume(void)
{
	xom_write_pkrs(xom_pkrs());
	xom_restore_clock();
}

static void __init xom_open_cpu(void *unused)
{
	xom_write_pkrs(XOM_PKRS_OPEN);
}

/* Keys that are set stay, and forbid nothing. */
static void __init xom_give_up(const char *why)
{
	xom_why = why;
	xom_entry_bits = 0;
	xom_set_bits = 0;
	/* Readers go by the key until it is off. */
	on_each_cpu(xom_open_cpu, NULL, true);
	static_branch_disable(&xom_key);
	pr_err("text is readable: %s\n", why);
}

bool xom_logs_early(void)
{
	return xom_only_logs && !xom_sealed;
}

static int __init xom_seal(void)
{
	static const char log_all[] = "xom * rwx exit";
	unsigned long start = PFN_ALIGN(_text);
	unsigned long end = PFN_ALIGN(_etext);
	const char *refused;

	if (!xom_entry_bits)
		return 0;
	asi_policy_boot();
	refused = xom_refuses_late();
	if (!refused && set_memory_rox(start, (end - start) >> PAGE_SHIFT))
		refused = "the kernel's text cannot be given a key";
	if (refused) {
		xom_give_up(refused);
		return 0;
	}
	if (xom_only_logs)
		asi_policy_set(log_all, strlen(log_all));
	xom_sealed = true;
	xom_restore_clock = x86_platform.restore_sched_clock_state;
	x86_platform.restore_sched_clock_state = xom_resume;
	pr_info("text is execute-only%s\n", xom_only_logs ? ", reads are logged" : "");
	return 0;
}
late_initcall_sync(xom_seal);
