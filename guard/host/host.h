/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of guard/host; nothing outside includes it.  They are part of KVM. */
#ifndef GUARD_HOST_H
#define GUARD_HOST_H

#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <asi/break.h>
#include <asi/guard.h>
#include <guard/abi.h>
#include <guard/engine.h>

/* A patch that the guest asks for, as it is judged and made. */
struct guard_patch {
	u64 gpa;
	u32 length;
	u8 bytes[GUARD_PATCH_MAX];
};

/* Pins of one virtual CPU; written by the thread that runs it. */
struct guard_vcpu {
	struct guard_pins pins;
};

/*
 * What the host keeps of a machine that was offered the guard.  On pages of its own where
 * the vCPU loop is isolated, as it looks here.
 */
struct guard_vm {
	struct guard_frames frames;	/* written under slots_lock; read by anybody */
	bool sealed;			/* every range is; the same */
	spinlock_t lock;		/* @refusals */
	struct guard_refusals refusals;
	struct list_head list;		/* in guard_vms */
	struct kvm *kvm;
	pid_t pid;
	char comm[TASK_COMM_LEN];

	/* What the VMM gave.  Read-only once a virtual CPU exists. */
	void *manifest_data;
	u64 manifest_bytes;
	struct guard_manifest manifest;

	/* The image that was found as its manifest says, and its patches. */
	struct mutex image_lock;
	struct guard_image image;
	u8 *text;			/* as memory has to be; NULL: no image */
	u64 patches;

	unsigned int nr_vcpus;
	struct guard_vcpu *vcpus[KVM_MAX_VCPUS];
};

extern struct list_head guard_vms;
extern struct mutex guard_vms_lock;

/* NULL: the machine is not guarded.  Stays as long as one of its vCPUs may run. */
static inline struct guard_vm *guard_of(struct kvm *kvm)
{
	/* Pairs with guard_offer(). */
	return smp_load_acquire(&kvm->arch.guard);
}

/* NULL: nothing is pinned. */
static inline struct guard_vcpu *guard_vcpu_of(struct kvm_vcpu *vcpu)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);

	return guard && vcpu->vcpu_idx < KVM_MAX_VCPUS ? READ_ONCE(guard->vcpus[vcpu->vcpu_idx]) :
							 NULL;
}

/* Is one of these bytes in a locked frame? */
static inline bool guard_is_locked(const struct guard_vm *guard, u64 gpa, u64 bytes)
{
	return bytes && guard_frames_find(&guard->frames, gpa >> PAGE_SHIFT,
					  ((gpa + bytes - 1) >> PAGE_SHIFT) + 1);
}

/* Record a refusal.  @vcpu: who tried, or NULL.  Any context but NMI. */
void guard_refuse(struct guard_vm *guard, struct kvm_vcpu *vcpu, enum guard_way way, u64 where,
		  u64 value);

/*
 * lock.c.  Called in the vCPU loop with srcu held, which is dropped meanwhile.  Returns what
 * the hypercall does.
 */
long guard_lock(struct kvm_vcpu *vcpu, u64 gpa, u64 bytes, u64 asset);
/* Under slots_lock: the VMM cannot write to [gfn, end) any more.  -EBUSY: somebody may. */
int guard_seal(struct kvm *kvm, u64 gfn, u64 end, bool *sealed);

/* registers.c: pin what the registers of @vcpu have now.  In the vCPU loop. */
long guard_pin(struct kvm_vcpu *vcpu);
/* Would KVM write to locked frames by an MSR of a vCPU? */
bool guard_areas_are_locked(struct kvm *kvm);

/* image.c; in the vCPU loop */
long guard_find_image(struct kvm_vcpu *vcpu, u64 gpa, u64 address);
long guard_make_patch(struct kvm_vcpu *vcpu, const struct guard_patch *patch);
/* What the VMM gave; before there is a vCPU. */
int guard_take_manifest(struct guard_vm *guard, u64 address, u64 bytes);
void guard_free_image(struct guard_vm *guard);

/* report.c */
void guard_report_init(void);
void guard_report_exit(void);

#endif /* GUARD_HOST_H */
