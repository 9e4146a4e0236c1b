/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hook patches in arch/x86/kvm call.  While isolation of KVM is off
 * each site executes one NOP.
 */
#ifndef ASI_KVM_H
#define ASI_KVM_H

#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/types.h>

struct kvm;
struct kvm_vcpu;

#ifdef CONFIG_KVM_ASI

DECLARE_STATIC_KEY_FALSE(kvm_asi_key);

int __kvm_asi_run_begin(struct kvm_vcpu *vcpu);
void __kvm_asi_run_end(struct kvm_vcpu *vcpu);
void __kvm_asi_prepare(struct kvm_vcpu *vcpu);
unsigned long __kvm_asi_enter(struct kvm_vcpu *vcpu);
void __kvm_asi_svm_vmexit(struct kvm_vcpu *vcpu);
void __kvm_asi_vmexit(struct kvm_vcpu *vcpu, u32 code);
void __kvm_asi_destroy_vcpu(struct kvm_vcpu *vcpu);
void __kvm_asi_destroy_vm(struct kvm *kvm);
void __kvm_asi_invalidate(struct kvm *kvm, unsigned long start,
			  unsigned long end);

#define kvm_asi_on()	static_branch_unlikely(&kvm_asi_key)

/*
 * Start of KVM_RUN, process context, may sleep: the VM's domain exists and
 * holds what the vCPU loop needs when this returns 0.  -ENOMEM fails KVM_RUN:
 * a vCPU never runs unisolated for want of memory.
 */
static __always_inline int kvm_asi_run_begin(struct kvm_vcpu *vcpu)
{
	return kvm_asi_on() ? __kvm_asi_run_begin(vcpu) : 0;
}

/* The vCPU loop is over: back to the kernel's own address space. */
static __always_inline void kvm_asi_run_end(struct kvm_vcpu *vcpu)
{
	if (kvm_asi_on())
		__kvm_asi_run_end(vcpu);
}

/* Just before VM entry, interrupts off, instrumentable code. */
static __always_inline void kvm_asi_prepare(struct kvm_vcpu *vcpu)
{
	if (kvm_asi_on())
		__kvm_asi_prepare(vcpu);
}

/* Around the low-level run; noinstr, interrupts off. */
static __always_inline void kvm_asi_enter(struct kvm_vcpu *vcpu)
{
	if (kvm_asi_on())
		__kvm_asi_enter(vcpu);
}

static __always_inline void kvm_asi_svm_vmexit(struct kvm_vcpu *vcpu)
{
	if (kvm_asi_on())
		__kvm_asi_svm_vmexit(vcpu);
}

static __always_inline void kvm_asi_destroy_vcpu(struct kvm_vcpu *vcpu)
{
	if (kvm_asi_on())
		__kvm_asi_destroy_vcpu(vcpu);
}

static __always_inline void kvm_asi_destroy_vm(struct kvm *kvm)
{
	if (kvm_asi_on())
		__kvm_asi_destroy_vm(kvm);
}

/*
 * The VMM's mapping of [start, end) is about to change, and KVM has counted
 * that change as active; or the VMM has no threads left.  From the MMU
 * notifier; atomic.
 */
static __always_inline void kvm_asi_invalidate(struct kvm *kvm, unsigned long start,
					       unsigned long end)
{
	if (kvm_asi_on())
		__kvm_asi_invalidate(kvm, start, end);
}

#else

static __always_inline int kvm_asi_run_begin(struct kvm_vcpu *vcpu) { return 0; }
static __always_inline void kvm_asi_run_end(struct kvm_vcpu *vcpu) { }
static __always_inline void kvm_asi_prepare(struct kvm_vcpu *vcpu) { }
static __always_inline void kvm_asi_enter(struct kvm_vcpu *vcpu) { }
static __always_inline void kvm_asi_svm_vmexit(struct kvm_vcpu *vcpu) { }
static __always_inline void kvm_asi_destroy_vcpu(struct kvm_vcpu *vcpu) { }
static __always_inline void kvm_asi_destroy_vm(struct kvm *kvm) { }
static __always_inline void kvm_asi_invalidate(struct kvm *kvm, unsigned long start,
					       unsigned long end) { }

#endif /* CONFIG_KVM_ASI */
#endif /* ASI_KVM_H */
