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

static const char *const kvm_asi_when[] = {
	[ASI_FLUSH_AUTO] = "flushed on return to isolation",
	[ASI_FLUSH_ALWAYS] = "flushed at every entry",
	[ASI_FLUSH_NEVER] = "not flushed (asi_flush=never)",
};

/* For /sys/devices/system/cpu/vulnerabilities: what @guests get, or that they get nothing. */
static ssize_t kvm_asi_show_when(char *buf, ssize_t len, const char *guests, bool flushed,
				 enum asi_flush_mode mode)
{
	if (len <= 0 || !static_key_enabled(&kvm_asi_key) || !strncmp(buf, "Not affected", 12))
		return len;
	return len - 1 + sysfs_emit_at(buf, len - 1, "; isolated guests%s: %s\n", guests,
				       flushed ? kvm_asi_when[mode] : "not flushed");
}

ssize_t kvm_asi_show_flush(char *buf, ssize_t len)
{
	enum asi_verw_use use = kvm_asi_verw_use(kvm_asi_vendor() == KVM_ASI_SVM);
	bool devices = use == ASI_VERW_FOR_DEVICES && !kvm_asi_flush_forced;

	return kvm_asi_show_when(buf, len, devices ? " with a device" : "",
				 use != ASI_VERW_UNUSED || kvm_asi_flush_forced,
				 kvm_asi_flush_mode);
}

ssize_t kvm_asi_show_l1d(char *buf, ssize_t len)
{
	enum asi_l1d_use use = kvm_asi_l1d_use(kvm_asi_vendor() == KVM_ASI_SVM);

	return kvm_asi_show_when(buf, len, "", use != ASI_L1D_UNUSED || kvm_asi_flush_forced,
				 use == ASI_L1D_ALWAYS ? ASI_FLUSH_ALWAYS : kvm_asi_flush_mode);
}
