// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/asi/status: the state of isolation in lines "key value", for
 * scripts and for systems without debugfs.
 */
#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>
#include "fault/fault.h"

static const char *asi_on_off(bool on)
{
	return on ? "on" : "off";
}

static const char *asi_guard = "off";
static const char *asi_guard_why = "not built in";

void asi_set_guard(const char *state, const char *reason)
{
	WRITE_ONCE(asi_guard, state);
	WRITE_ONCE(asi_guard_why, reason);
}

static ssize_t status_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	u64 exits = asi_event_sum(ASI_EV_LEAVE_FAULT) +
		    asi_event_sum(ASI_EV_LEAVE_SCHED) +
		    asi_event_sum(ASI_EV_LEAVE_FLUSH) +
		    asi_event_sum(ASI_EV_LEAVE_ASKED);
	int at = 0;

	at += sysfs_emit_at(buf, at, "state %s\n", asi_on_off(asi_enabled()));
	at += sysfs_emit_at(buf, at, "reason %s\n", asi_off_reason());
	at += sysfs_emit_at(buf, at, "pti %s\n",
			    asi_on_off(boot_cpu_has(X86_FEATURE_PTI)));
	at += sysfs_emit_at(buf, at, "pcid %s\n",
			    asi_on_off(boot_cpu_has(X86_FEATURE_PCID)));
	at += sysfs_emit_at(buf, at, "levels %u\n", asi_levels());
	at += sysfs_emit_at(buf, at, "global_bit %s\n",
			    asi_on_off(__default_kernel_pte_mask & _PAGE_GLOBAL));
	at += sysfs_emit_at(buf, at, "kvm %s\n", asi_on_off(asi_consumer_on[ASI_CLASS_KVM]));
	at += sysfs_emit_at(buf, at, "sci %s\n", asi_on_off(asi_consumer_on[ASI_CLASS_SCI]));
	at += sysfs_emit_at(buf, at, "netns %s\n", asi_on_off(asi_consumer_on[ASI_CLASS_NETNS]));
	at += sysfs_emit_at(buf, at, "smt %s\n", asi_smt_mode_name());
	at += sysfs_emit_at(buf, at, "smt_threads %u\n", asi_smt_threads());
	at += sysfs_emit_at(buf, at, "xom %s\n", xom_backend());
	at += sysfs_emit_at(buf, at, "xom_reason %s\n", xom_off_reason());
	at += sysfs_emit_at(buf, at, "guard %s\n", READ_ONCE(asi_guard));
	at += sysfs_emit_at(buf, at, "guard_reason %s\n", READ_ONCE(asi_guard_why));
	at += sysfs_emit_at(buf, at, "refused %u\n", asi_refused_count());
	at += sysfs_emit_at(buf, at, "refused_reason %s\n", asi_refused_reason());
	at += sysfs_emit_at(buf, at, "domains %u\n", asi_domain_count());
	at += sysfs_emit_at(buf, at, "enters %llu\n", asi_event_sum(ASI_EV_ENTER));
	at += sysfs_emit_at(buf, at, "exits %llu\n", exits);
	at += sysfs_emit_at(buf, at, "faults %llu\n", asi_event_sum(ASI_EV_FAULT));
	at += sysfs_emit_at(buf, at, "grows %llu\n", asi_event_sum(ASI_EV_GROW));
	at += sysfs_emit_at(buf, at, "denies %llu\n", asi_event_sum(ASI_EV_DENY));
	at += sysfs_emit_at(buf, at, "cr3_writes %llu\n",
			    asi_event_sum(ASI_EV_CR3_WRITE));
	return at;
}

static struct kobject *asi_dir;

struct kobject *asi_kobject(void)
{
	return asi_dir;
}
EXPORT_SYMBOL_GPL(asi_kobject);

static struct kobj_attribute asi_status = __ATTR_RO(status);

static int __init asi_sysfs(void)
{
	struct kobject *dir = kobject_create_and_add("asi", kernel_kobj);
	int err;

	if (!dir)
		return -ENOMEM;
	err = sysfs_create_file(dir, &asi_status.attr);
	if (err)
		kobject_put(dir);
	else
		asi_dir = dir;
	return err;
}
late_initcall(asi_sysfs);
