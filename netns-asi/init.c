// SPDX-License-Identifier: GPL-2.0-only
/* Boot parameters of isolated network namespaces, and whether they are on. */
#define pr_fmt(fmt) "netns_asi: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/memory.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <linux/suspend.h>
#include "netns.h"

static bool netns_boot_on __initdata;
static bool netns_boot_log __initdata;
static u64 netns_boot_size __initdata = 64 << 20;
static const char *netns_off = "not requested";

const char *netns_off_reason(void)
{
	return netns_off;
}

/* netns_asi=on|off[,SIZE] */
static int __init netns_param(char *arg)
{
	char *size = arg ? strchr(arg, ',') : NULL, *end;
	u64 bytes;

	if (size)
		*size++ = '\0';
	if (!asi_on_off_param("netns_asi", "netns_asi", arg, &netns_boot_on) || !size)
		return 0;
	bytes = memparse(size, &end);
	if (*end || bytes < NETNS_BLOCK)
		pr_err("netns_asi=%s,%s: expected a size of at least 2M, keeping %lluM\n", arg,
		       size, netns_boot_size >> 20);
	else
		netns_boot_size = bytes;
	return 0;
}
early_param("netns_asi", netns_param);

/* netns_policy=log|deny: a shorthand for a rule of asi_policy=. */
static int __init netns_policy_param(char *arg)
{
	if (arg && !strcmp(arg, "log"))
		netns_boot_log = true;
	else if (!arg || strcmp(arg, "deny"))
		pr_err("netns_policy=%s: expected \"log\" or \"deny\", keeping deny\n",
		       arg ?: "");
	return 0;
}
early_param("netns_policy", netns_policy_param);

/* The image of a hibernated machine would hold all payload. */
static int netns_pm(struct notifier_block *nb, unsigned long action, void *unused)
{
	return action == PM_HIBERNATION_PREPARE ? notifier_from_errno(-EPERM) : NOTIFY_OK;
}

static struct notifier_block netns_pm_notifier = { .notifier_call = netns_pm };

#ifdef CONFIG_MEMORY_HOTPLUG
/* Mirrors would lead to tables that are freed with the memory they are for. */
static int netns_memory(struct notifier_block *nb, unsigned long action, void *unused)
{
	return action == MEM_GOING_OFFLINE ? notifier_from_errno(-EBUSY) : NOTIFY_OK;
}

static void __init netns_keep_memory(void)
{
	hotplug_memory_notifier(netns_memory, 0);
}
#else
static void __init netns_keep_memory(void) { }
#endif

static const struct asi_private_ops netns_private_ops = {
	.refuge = netns_refuge,
	.refused = netns_note_refused,
	.freed = netns_freed,
	.changed = netns_tables_changed,
};

static int __init netns_start(void)
{
	int err;

	/* Tables are marked, and changes of the direct map counted, from the first one on. */
	asi_prepare_strict();
	err = asi_private_init(&netns_private_ops);
	if (!err)
		err = netns_reserve_init(netns_boot_size, &netns_off);
	if (err)
		return err;
	netns_off = "no memory for the CPUs' refuges";
	err = netns_refuges_create();
	if (err)
		return err;
	netns_off = "no memory for the namespaces' switches";
	return netns_sysctl_init();
}

static int __init netns_init(void)
{
	if (!netns_boot_on)
		return 0;
	if (!asi_enabled()) {
		netns_off = "asi is off";
		pr_err("netns_asi=on needs asi=on: off\n");
		return 0;
	}
	if (netns_start()) {
		pr_err("off: %s\n", netns_off);
		return 0;
	}
	if (netns_boot_log)
		asi_policy_rule("netns private rw exit");
	register_pm_notifier(&netns_pm_notifier);
	netns_keep_memory();
	static_branch_enable(&netns_asi_key);
	netns_report_init();
	asi_consumer_on[ASI_CLASS_NETNS] = true;
	netns_off = "-";
	pr_info("network namespaces can be isolated, %u MiB\n",
		(unsigned int)(netns_blocks() * (NETNS_BLOCK >> 20)));
	return 0;
}
late_initcall(netns_init);
