// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM keeps for a guest and uses while it handles the guest's exits: no
 * other guest's vCPU loop may read it.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <asm/nospec-branch.h>
#include "lapic.h"
#include "kvm_emulate.h"
#include "svm/svm.h"
#include "asi_test.h"

#define ASI_GUEST_SECRET	0x67756573746b6579UL

/* Where a page that the guest's owner shares with KVM is not used. */
static unsigned long asi_mark_page(void *page)
{
	unsigned long *at = page + PAGE_SIZE - sizeof(*at);

	*at = ASI_GUEST_SECRET;
	return (unsigned long)at;
}

static unsigned long asi_guest_object(struct kvm_vcpu *vcpu, const char *what)
{
	struct kvm_memory_slot *slot;
	struct kvm_memslots *slots;
	unsigned long address = 0;
	int bkt, idx;

	if (!strcmp(what, "guest_vm"))
		return (unsigned long)&vcpu->kvm->mm;
	if (!strcmp(what, "guest_vcpu"))
		return (unsigned long)&vcpu->kvm;
	if (!strcmp(what, "guest_run"))
		return asi_mark_page(vcpu->run);
	if (!strcmp(what, "guest_pio"))
		return asi_mark_page(vcpu->arch.pio_data);
	if (!strcmp(what, "guest_registers"))
		return (unsigned long)&vcpu->arch.guest_fpu.fpstate->size;
	if (!strcmp(what, "guest_emulator"))
		return (unsigned long)&vcpu->arch.emulate_ctxt->vcpu;
	if (!strcmp(what, "guest_apic") && vcpu->arch.apic)
		return (unsigned long)&vcpu->arch.apic->vcpu;
	if (!strcmp(what, "guest_apic_page") && vcpu->arch.apic)
		return (unsigned long)vcpu->arch.apic->regs + APIC_LVR;
	if (!strcmp(what, "guest_vmcb") && boot_cpu_has(X86_FEATURE_SVM))
		return (unsigned long)&to_svm(vcpu)->vmcb01.ptr->control.iopm_base_pa;
	if (!strcmp(what, "guest_slot")) {
		idx = srcu_read_lock(&vcpu->kvm->srcu);
		slots = kvm_memslots(vcpu->kvm);
		kvm_for_each_memslot(slot, bkt, slots)
			address = (unsigned long)&slot->npages;
		srcu_read_unlock(&vcpu->kvm->srcu, idx);
	}
	return address;
}

/* The file of the process's first vCPU. */
static struct file *asi_vcpu_file(struct task_struct *task)
{
	struct file *file, *found = NULL;
	unsigned int fd;

	rcu_read_lock();
	for (fd = 0; !found; fd++) {
		file = task_lookup_next_fdget_rcu(task, &fd);
		if (!file)
			break;
		if (!strcmp(file->f_path.dentry->d_iname, "kvm-vcpu:0") ||
		    !strcmp(file->f_path.dentry->d_iname, "anon_inode:kvm-vcpu:0") ||
		    !strcmp(file->f_path.dentry->d_iname, "[kvm-vcpu:0]"))
			found = file;
		else
			fput(file);
	}
	rcu_read_unlock();
	return found;
}

struct file *asi_guest_of(int pid)
{
	struct task_struct *task;
	struct file *file;
	struct pid *id;

	id = find_get_pid(pid);
	task = get_pid_task(id, PIDTYPE_PID);
	put_pid(id);
	if (!task)
		return ERR_PTR(-ESRCH);
	file = asi_vcpu_file(task);
	put_task_struct(task);
	return file ?: ERR_PTR(-ENXIO);
}

int asi_plant_guest(struct asi_secret *secret, const char *what, int pid)
{
	struct file *file;

	if (strncmp(what, "guest_", 6))
		return -EINVAL;
	file = asi_guest_of(pid);
	if (IS_ERR(file))
		return PTR_ERR(file);
	secret->address = asi_guest_object(file->private_data, what);
	fput(file);
	return secret->address ? 0 : -ENOENT;
}

void asi_leak_to_devices(void)
{
	static_branch_enable(&mmio_stale_data_clear);
}

int asi_assign_device(int pid)
{
	struct file *file = asi_guest_of(pid);
	void (*start)(struct kvm *kvm);
	struct kvm_vcpu *vcpu;

	if (IS_ERR(file))
		return PTR_ERR(file);
	vcpu = file->private_data;
	/* So that KVM as a module can be unloaded while this one is loaded. */
	start = symbol_get(kvm_arch_start_assignment);
	if (start) {
		start(vcpu->kvm);
		symbol_put(kvm_arch_start_assignment);
	}
	fput(file);
	return start ? 0 : -ENOENT;
}
