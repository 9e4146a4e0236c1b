// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/asi/kvm and its file flush, which says what asi_flush= came to; and what
 * the files in /sys/devices/system/cpu/vulnerabilities say of guests.
 */
#define pr_fmt(fmt) "kvm-asi: " fmt

#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "kvm_asi.h"

static struct kobject *kvm_asi_root;

struct kobject *kvm_asi_dirs(void)
{
	return kvm_asi_root;
}
EXPORT_SYMBOL_GPL(kvm_asi_dirs);

static ssize_t flush_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s%s\n", kvm_asi_mode_names[kvm_asi_flush_mode],
			  kvm_asi_flush_forced ? ",force" : "");
}

static struct kobj_attribute kvm_asi_attr_flush = __ATTR_RO(flush);

static int __init kvm_asi_sysfs_init(void)
{
	if (!asi_consumer_on[ASI_CLASS_KVM] || !asi_kobject())
		return 0;
	kvm_asi_root = kobject_create_and_add("kvm", asi_kobject());
	if (kvm_asi_root && sysfs_create_file(kvm_asi_root, &kvm_asi_attr_flush.attr))
		pr_warn("no /sys/kernel/asi/kvm/flush: out of memory\n");
	return 0;
}
late_initcall_sync(kvm_asi_sysfs_init);

static ssize_t kvm_asi_show_when(char *buf, ssize_t len, const char *when)
{
	if (len <= 0 || !static_key_enabled(&kvm_asi_key) || !strncmp(buf, "Not affected", 12))
		return len;
	return len - 1 + sysfs_emit_at(buf, len - 1, "; isolated guests: flushed %s\n", when);
}

static const char *const kvm_asi_when[] = {
	[ASI_FLUSH_AUTO] = "on return to isolation",
	[ASI_FLUSH_ALWAYS] = "at every entry",
	[ASI_FLUSH_NEVER] = "never (asi_flush=never)",
};

/* For /sys/devices/system/cpu/vulnerabilities: what guests get. */
ssize_t kvm_asi_show_flush(char *buf, ssize_t len)
{
	return kvm_asi_show_when(buf, len, kvm_asi_when[kvm_asi_flush_mode]);
}

ssize_t kvm_asi_show_l1d(char *buf, ssize_t len)
{
	bool always = kvm_asi_l1d_use(kvm_asi_vendor() == KVM_ASI_SVM) == ASI_L1D_ALWAYS;

	return kvm_asi_show_when(buf, len, kvm_asi_when[always ? ASI_FLUSH_ALWAYS :
							kvm_asi_flush_mode]);
}
