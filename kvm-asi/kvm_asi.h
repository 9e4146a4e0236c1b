/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of kvm-asi; nothing outside includes it.  What is not in image/ is
 * part of KVM: of kvm.ko where KVM is a module.
 */
#ifndef KVM_ASI_H
#define KVM_ASI_H

#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <asm/vmx.h>
#include <asi/asi.h>
#include <asi/kvm_run.h>
#include "account.h"
#include "svm/svm.h"
#include "vmx/vmx.h"

/* One range that is mapped in the domain. */
struct kvm_asi_object {
	const void *addr;
	size_t size;
};

#define KVM_ASI_MAX_SLOTS	64
#define KVM_ASI_MAX_RANGES	64
/* A vCPU's own objects are at most as many as kvm_asi_map_vcpu() names. */
#define KVM_ASI_VCPU_OBJECTS	24

struct kvm_asi_list {
	struct kvm_asi_object *object;
	unsigned int room;
	unsigned int count;
	unsigned int left_out;		/* found no room */
};

/* What was mapped, and the domain's generation before that. */
struct kvm_asi_objects {
	u64 generation;
	struct kvm_asi_list list;
};

/* User addresses where the guest's memory lies.  Read in the fault path. */
struct kvm_asi_guest {
	seqcount_t seq;
	u64 generation;			/* of the memslots collected */
	unsigned int ranges;
	unsigned int left_out;		/* slots that found no room */
	struct {
		unsigned long start, end;
		u64 gpa;
	} range[KVM_ASI_MAX_RANGES];
};

/*
 * What of a vCPU's objects KVM may replace while the vCPU lives; all others live as long.
 * One that is replaced by itself, at the same address, was freed in between, and the
 * generation tells.  Sizes change with the address only.
 */
struct kvm_asi_seen {
	u64 generation;			/* of the domain */
	const void *cpuid, *fpstate, *hyperv, *nested;
};

/* A VMCB that is mapped. */
struct kvm_asi_vmcb {
	const void *ptr;
	u64 generation;			/* of the domain, before it was mapped */
};

/*
 * Isolation state of one vCPU, on pages of its own: it is used while
 * restricted.  Written by the thread that runs the vCPU.
 */
struct kvm_asi_vcpu {
	struct kvm_asi_run run;		/* first */
	struct kvm_asi_account account;	/* second: what run.inside is */
	struct kvm_vcpu *vcpu;
	struct kvm_asi_vm *vm;
	const u64 *generation;		/* of the domain */
	struct list_head list;		/* in the VM; added under kvm_asi_vm.lock */
	u64 task_start;			/* task whose stack is mapped */
	struct task_struct *task;
	/* SVM: the guest's, a nested guest's; and that of the two which ran last. */
	struct kvm_asi_vmcb vmcb[2], vmcb_last;	/* run.vmcb is the last one's, too */
	bool svm;
	bool user_work;			/* was put off: TIF_NOTIFY_RESUME */
	u64 page_faults;		/* of the task, until the exit booked last */
	struct kvm_asi_objects objects;
	struct kvm_asi_seen seen;	/* when that list was made */
	struct kvm_asi_object object[KVM_ASI_VCPU_OBJECTS];	/* of that list */
};

/* Isolation state of one VM. */
struct kvm_asi_vm {
	struct asi *asi;
	struct mutex lock;		/* @vcpus, @objects, @wanted */
	struct list_head vcpus;
	unsigned int nr_vcpus;
	struct list_head list;		/* in kvm_asi_vms */
	struct kobject *dir;		/* sysfs.c; may be NULL */
	struct kvm *kvm;
	struct kvm_asi_guest guest;
	struct asi_pool *headers;	/* of nested tables */
	/* Of the array of vCPUs: what stands in for KVM's; or NULL.  Under @lock. */
	struct xa_node *node, *kvm_node;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	struct kvm_asi_objects objects;
	struct kvm_asi_list wanted;	/* the list that is being made */
};

/* What is listed in a domain, and what found no room: exits that touch it leave. */
struct kvm_asi_fit {
	unsigned int objects;
	unsigned int left_out;
};

/* Every isolated VM, and the sum over those that ended; under the mutex, for moments. */
extern struct list_head kvm_asi_vms;
extern struct mutex kvm_asi_vms_lock;
extern struct kvm_asi_account kvm_asi_ended;

/*
 * objects.c: map what a vCPU's loop touches.  Called at every KVM_RUN; a few loads
 * when nothing changed.  Process context.
 */
int kvm_asi_map_vcpu(struct kvm_vcpu *vcpu);

/*
 * What is allocated when a guest begins to use nested guests: on SVM the bitmap of MSRs,
 * which comes and goes with vmcb02.
 */
static __always_inline const void *kvm_asi_nested(const struct kvm_vcpu *vcpu,
						  const struct kvm_asi_vcpu *v)
{
	return v->svm ? (const void *)container_of(vcpu, struct vcpu_svm, vcpu)->nested.msrpm :
			container_of(vcpu, struct vcpu_vmx, vcpu)->vmcs01.shadow_vmcs;
}

/* Nothing to do for kvm_asi_map_vcpu(). */
static __always_inline bool kvm_asi_is_seen(const struct kvm_vcpu *vcpu,
					    const struct kvm_asi_vcpu *v, u64 generation)
{
	return v->seen.generation == generation &&
	       v->seen.cpuid == vcpu->arch.cpuid_entries &&
	       v->seen.fpstate == vcpu->arch.guest_fpu.fpstate &&
	       v->seen.hyperv == vcpu->arch.hyperv &&
	       v->seen.nested == kvm_asi_nested(vcpu, v);
}

int kvm_asi_map_vm(struct kvm *kvm);
/* The lists' memory, by what this machine has. */
int kvm_asi_make_lists(struct kvm_asi_vm *vm);
void kvm_asi_free_lists(struct kvm_asi_vm *vm);
/* Does an object of this machine, or of its vCPUs, lie there?  Takes the VM's lock. */
bool kvm_asi_owns_object(void *owner, unsigned long start, unsigned long size);
/* Process context, takes the VM's lock. */
struct kvm_asi_fit kvm_asi_fit(struct kvm_asi_vm *vm);

/*
 * SVM: map the VMCB that runs next, should KVM have made it since KVM_RUN
 * began, as it does when a guest starts to use nested guests.  VM exit reads
 * it before anything else, in the critical section.  Interrupts off.  False: it is not.
 */
bool kvm_asi_map_vmcb(struct kvm_vcpu *vcpu);

/* Nothing to do for kvm_asi_map_vmcb(). */
static __always_inline bool kvm_asi_vmcb_is_mapped(struct kvm_vcpu *vcpu,
						   const struct kvm_asi_vcpu *v)
{
	return !v->svm || (container_of(vcpu, struct vcpu_svm, vcpu)->vmcb == v->vmcb_last.ptr &&
			   READ_ONCE(*v->generation) == v->vmcb_last.generation);
}

/* Everything that was counted for a VM.  Process context, takes its lock. */
void kvm_asi_sum(struct kvm_asi_vm *vm, struct kvm_asi_account *sum);

/* sysfs.c; process context, no lock of the VM held. */
void kvm_asi_add_dir(struct kvm_asi_vm *vm);
void kvm_asi_remove_dir(struct kvm_asi_vm *vm);

/* guest_memory.c */
void kvm_asi_sync_guest(struct kvm *kvm, struct kvm_asi_vm *vm);
bool kvm_asi_owns_user(void *owner, unsigned long start, unsigned long size);

/* vcpu_array.c: under kvm_asi_vm.lock.  A node for @kvm's array, if it has none by now. */
void kvm_asi_take_node(struct kvm *kvm, struct kvm_asi_vm *vm);
/* The same backwards; nobody uses the machine.  Readers may use the node a grace period. */
void kvm_asi_return_node(struct kvm *kvm, struct kvm_asi_vm *vm);

/* tables.c; in the fault path */
bool kvm_asi_translates(void *owner, unsigned long *address);
/* The same; process context.  Where the headers of a machine's nested tables lie. */
struct asi_pool *kvm_asi_make_headers(void);

static inline enum kvm_asi_vendor kvm_asi_vendor(void)
{
	return boot_cpu_has(X86_FEATURE_SVM) ? KVM_ASI_SVM : KVM_ASI_VMX;
}

/*
 * flush.c: before a guest is entered, when a taint of kvm_asi_flush_taints() is set.  noinstr,
 * interrupts off, inside.
 */
void kvm_asi_flush(struct kvm_asi_vcpu *v);
/* The taints after which it may have something to do.  Process context. */
u8 kvm_asi_flush_taints(bool svm);

/*
 * image/: what the kernel's image has of it when KVM is a module, too.  What the boot
 * parameters said; the directory of sysfs, or NULL.
 */
extern enum asi_flush_mode kvm_asi_flush_mode;
extern bool kvm_asi_flush_forced;
extern const char *const kvm_asi_mode_names[];
struct kobject *kvm_asi_dirs(void);

/* May change at run time. */
static __always_inline enum asi_l1d_use kvm_asi_l1d_use(bool svm)
{
	if (svm)
		return ASI_L1D_UNUSED;
	switch (READ_ONCE(l1tf_vmx_mitigation)) {
	case VMENTER_L1D_FLUSH_COND:
		return ASI_L1D_SOMETIMES;
	case VMENTER_L1D_FLUSH_ALWAYS:
		return ASI_L1D_ALWAYS;
	default:
		return ASI_L1D_UNUSED;
	}
}

static __always_inline enum asi_verw_use kvm_asi_verw_use(bool svm)
{
	if (boot_cpu_has(svm ? X86_FEATURE_CLEAR_CPU_BUF_VM : X86_FEATURE_CLEAR_CPU_BUF))
		return ASI_VERW_FOR_ALL;
	if (!svm && static_branch_unlikely(&mmio_stale_data_clear))
		return ASI_VERW_FOR_DEVICES;
	return ASI_VERW_UNUSED;
}

#endif /* KVM_ASI_H */
