// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/guard: a VMM has memory made whose pages it cannot write to once they are locked, and
 * offers the guard to a machine.  And the life of what the host keeps of that machine.
 */
#define pr_fmt(fmt) "guard: " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/miscdevice.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <guard/memory.h>
#include "host.h"
#include "mmu.h"

DEFINE_STATIC_KEY_FALSE(guard_host_key);
EXPORT_SYMBOL_GPL(guard_host_key);

LIST_HEAD(guard_vms);
DEFINE_MUTEX(guard_vms_lock);

static void guard_free_vm(struct guard_vm *guard)
{
	unsigned int i;

	for (i = 0; i < KVM_MAX_VCPUS; i++)
		kfree(guard->vcpus[i]);
	guard_free_image(guard);
	vfree(guard);
}

/* Why this machine cannot be guarded, or NULL. */
static const char *guard_cannot(struct kvm *kvm)
{
	if (!boot_cpu_has(X86_FEATURE_SVM))
		return "the processor has no SVM";
	if (!tdp_enabled)
		return "KVM has no nested paging (npt=0)";
	if (kvm->arch.vm_type != KVM_X86_DEFAULT_VM)
		return "the machine is of another type";
	return NULL;
}

static int guard_publish(struct kvm *kvm, struct guard_vm *guard)
{
	int err = 0;

	mutex_lock(&kvm->lock);
	if (kvm->created_vcpus)
		err = -EBUSY;
	else if (kvm->arch.guard)
		err = -EEXIST;
	else
		/* Pairs with guard_of(). */
		smp_store_release(&kvm->arch.guard, guard);
	mutex_unlock(&kvm->lock);
	return err;
}

static int guard_offer_vm(struct kvm *kvm, const struct guard_offer *offer)
{
	const char *why = guard_cannot(kvm);
	struct guard_vm *guard;
	int err;

	if (why) {
		pr_warn_once("not offered: %s\n", why);
		return -EOPNOTSUPP;
	}
	guard = __vmalloc(sizeof(*guard), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!guard)
		return -ENOMEM;
	spin_lock_init(&guard->lock);
	mutex_init(&guard->image_lock);
	guard->kvm = kvm;
	guard->pid = current->tgid;
	get_task_comm(guard->comm, current);
	err = guard_take_manifest(guard, offer->manifest, offer->manifest_size);
	if (err) {
		guard_free_vm(guard);
		return err;
	}
	/* Before the machine has it: its end looks at the key. */
	static_branch_enable(&guard_host_key);
	mutex_lock(&guard_vms_lock);
	err = guard_publish(kvm, guard);
	if (!err)
		list_add_tail(&guard->list, &guard_vms);
	mutex_unlock(&guard_vms_lock);
	if (err)
		guard_free_vm(guard);
	return err;
}

static int guard_offer(const struct guard_offer __user *user)
{
	struct guard_offer offer;
	struct fd file;
	int err = -EBADF;

	if (copy_from_user(&offer, user, sizeof(offer)))
		return -EFAULT;
	if (offer.flags)
		return -EINVAL;
	file = fdget(offer.vm);
	if (fd_file(file) && file_is_kvm(fd_file(file)))
		err = guard_offer_vm(fd_file(file)->private_data, &offer);
	fdput(file);
	return err;
}

static int guard_create_memory(const struct guard_memory __user *user)
{
	struct guard_memory memory;

	if (copy_from_user(&memory, user, sizeof(memory)))
		return -EFAULT;
	return memory.flags ? -EINVAL : guard_mem_create(memory.size);
}

static long guard_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *user = (void __user *)argument;

	switch (command) {
	case GUARD_OFFER:
		return guard_offer(user);
	case GUARD_CREATE_MEMORY:
		return guard_create_memory(user);
	default:
		return -ENOTTY;
	}
}

/* No vCPU runs any more, and no slot of the guest's changes but to go. */
void __guard_host_destroy_vm(struct kvm *kvm)
{
	struct guard_vm *guard = kvm->arch.guard;

	if (!guard)
		return;
	mutex_lock(&guard_vms_lock);
	list_del(&guard->list);
	WRITE_ONCE(kvm->arch.guard, NULL);
	mutex_unlock(&guard_vms_lock);
	/* An MMU notifier, or whoever writes to the guest's memory, may look. */
	synchronize_srcu(&kvm->srcu);
	guard_free_vm(guard);
}

static const struct file_operations guard_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = guard_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice guard_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "guard",
	.mode = 0600,
	.fops = &guard_fops,
};

static bool guard_device_there;

void guard_host_loaded(void)
{
	int err = misc_register(&guard_device);

	guard_device_there = !err;
	if (err)
		pr_err("no " GUARD_DEVICE ": error %d\n", err);
	guard_report_init();
}

/* No machine is left. */
void guard_host_unloaded(void)
{
	guard_report_exit();
	if (guard_device_there)
		misc_deregister(&guard_device);
}
