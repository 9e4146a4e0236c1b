// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/asi/kvm/ID/: counters of one isolated virtual machine, a number in
 * each file, for systems without debugfs.  ID is the domain's.
 */
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/vmalloc.h>
#include "kvm_asi.h"

struct kvm_asi_dir {
	struct kobject kobj;
	struct kvm_asi_vm *vm;
};

enum kvm_asi_file {
	KVM_ASI_FILE_INSIDE,
	KVM_ASI_FILE_LEFT,
	KVM_ASI_FILE_USER,
	KVM_ASI_FILE_FIRST_TOUCH,
	KVM_ASI_FILE_FLUSHES,
	KVM_ASI_FILE_LEFT_OUT,
	KVM_ASI_FILE_PID,
};

static u64 kvm_asi_counter(struct kvm_asi_vm *vm, const struct kvm_asi_account *sum,
			   enum kvm_asi_file file)
{
	u64 flushes = 0;
	int i;

	switch (file) {
	case KVM_ASI_FILE_INSIDE:
		return sum->total[KVM_ASI_INSIDE];
	case KVM_ASI_FILE_LEFT:
		return sum->total[KVM_ASI_LEFT];
	case KVM_ASI_FILE_USER:
		return sum->total[KVM_ASI_USER];
	case KVM_ASI_FILE_FIRST_TOUCH:
		return sum->total[KVM_ASI_FIRST_TOUCH];
	case KVM_ASI_FILE_FLUSHES:
		for (i = 0; i < ASI_NR_FLUSHES; i++)
			flushes += sum->flushed[i];
		return flushes;
	case KVM_ASI_FILE_LEFT_OUT:
		return kvm_asi_fit(vm).left_out;
	default:
		return vm->pid;
	}
}

struct kvm_asi_attribute {
	struct attribute attr;
	enum kvm_asi_file file;
};

/* The machine stays while a file of its directory is being read. */
static ssize_t kvm_asi_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct kvm_asi_vm *vm = container_of(kobj, struct kvm_asi_dir, kobj)->vm;
	enum kvm_asi_file file = container_of(attr, struct kvm_asi_attribute, attr)->file;
	struct kvm_asi_account *sum = vmalloc(sizeof(*sum));
	ssize_t len;

	if (!sum)
		return -ENOMEM;
	kvm_asi_sum(vm, sum);
	len = sysfs_emit(buf, "%llu\n", kvm_asi_counter(vm, sum, file));
	vfree(sum);
	return len;
}

#define KVM_ASI_ATTRIBUTE(what, number)						\
	static struct kvm_asi_attribute kvm_asi_attr_##what = {			\
		.attr = { .name = #what, .mode = 0444 }, .file = (number),	\
	}
KVM_ASI_ATTRIBUTE(inside, KVM_ASI_FILE_INSIDE);
KVM_ASI_ATTRIBUTE(left, KVM_ASI_FILE_LEFT);
KVM_ASI_ATTRIBUTE(user, KVM_ASI_FILE_USER);
KVM_ASI_ATTRIBUTE(first_touch, KVM_ASI_FILE_FIRST_TOUCH);
KVM_ASI_ATTRIBUTE(flushes, KVM_ASI_FILE_FLUSHES);
KVM_ASI_ATTRIBUTE(left_out, KVM_ASI_FILE_LEFT_OUT);
KVM_ASI_ATTRIBUTE(pid, KVM_ASI_FILE_PID);

static struct attribute *kvm_asi_attrs[] = {
	&kvm_asi_attr_inside.attr, &kvm_asi_attr_left.attr, &kvm_asi_attr_user.attr,
	&kvm_asi_attr_first_touch.attr, &kvm_asi_attr_flushes.attr,
	&kvm_asi_attr_left_out.attr, &kvm_asi_attr_pid.attr, NULL
};
ATTRIBUTE_GROUPS(kvm_asi);

static void kvm_asi_dir_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct kvm_asi_dir, kobj));
}

static const struct sysfs_ops kvm_asi_sysfs_ops = { .show = kvm_asi_attr_show };
static const struct kobj_type kvm_asi_dir_type = {
	.release = kvm_asi_dir_release,
	.sysfs_ops = &kvm_asi_sysfs_ops,
	.default_groups = kvm_asi_groups,
};

/* Without memory there are no files: the machine runs all the same. */
void kvm_asi_add_dir(struct kvm_asi_vm *vm)
{
	struct kvm_asi_dir *dir;

	if (!kvm_asi_dirs())
		return;
	dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	if (!dir)
		return;
	dir->vm = vm;
	if (kobject_init_and_add(&dir->kobj, &kvm_asi_dir_type, kvm_asi_dirs(), "%u",
				 asi_id(vm->asi))) {
		kobject_put(&dir->kobj);
		return;
	}
	vm->dir = &dir->kobj;
}

/* Waits for readers, who take the machine's lock. */
void kvm_asi_remove_dir(struct kvm_asi_vm *vm)
{
	if (!vm->dir)
		return;
	kobject_del(vm->dir);
	kobject_put(vm->dir);
}
