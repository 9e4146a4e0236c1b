/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the places of linux/6.12/guarded.list ask.  While no machine is guarded each asks by
 * one NOP.
 */
#ifndef ASI_GUARD_H
#define ASI_GUARD_H

#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/types.h>

struct desc_ptr;
struct gfn_to_hva_cache;
struct guard_vm;
struct kvm;
struct kvm_memory_slot;
struct kvm_vcpu;
struct x86_exception;

#ifdef CONFIG_KVM_GUARD

/* A VMM has opened the guard's device for a machine. */
DECLARE_STATIC_KEY_FALSE(guard_host_key);
#define guard_host_on()	static_branch_unlikely(&guard_host_key)

bool __guard_host_read_only(struct kvm *kvm, u64 gfn);
bool __guard_host_fault(struct kvm_vcpu *vcpu, u64 gpa, u64 error, int *result);
bool __guard_host_refuses_emulated(struct kvm_vcpu *vcpu, u64 gpa, unsigned int bytes,
				   struct x86_exception *exception);
bool __guard_host_emulates_whole(struct kvm_vcpu *vcpu, u64 gpa);
bool __guard_host_refuses_write(struct kvm *kvm, u64 gpa, unsigned long bytes);
bool __guard_host_refuses_slot(struct kvm *kvm, const struct kvm_memory_slot *old,
			       const struct kvm_memory_slot *new);
bool __guard_host_refuses_cr(struct kvm_vcpu *vcpu, int cr, unsigned long value);
bool __guard_host_refuses_msr(struct kvm_vcpu *vcpu, u32 msr, u64 value, bool by_host);
bool __guard_host_refuses_idt(struct kvm_vcpu *vcpu, const struct desc_ptr *idt);
bool __guard_host_refuses_smm(struct kvm_vcpu *vcpu);
bool __guard_host_hypercall(struct kvm_vcpu *vcpu);
void __guard_host_destroy_vm(struct kvm *kvm);

/* KVM's first and last words.  Process context. */
void guard_host_loaded(void);
void guard_host_unloaded(void);

/* In kvm-amd: intercept what pinned registers need.  The vCPU is loaded. */
void guard_svm_arm(struct kvm_vcpu *vcpu);

/* Is an entry for this frame in a nested table read-only?  Under mmu_lock. */
static __always_inline bool guard_host_read_only(struct kvm *kvm, u64 gfn)
{
	return guard_host_on() && __guard_host_read_only(kvm, gfn);
}

/* A nested page fault that was answered here; *result is what the exit handler returns. */
static __always_inline bool guard_host_fault(struct kvm_vcpu *vcpu, u64 gpa, u64 error,
					     int *result)
{
	return guard_host_on() && __guard_host_fault(vcpu, gpa, error, result);
}

/* An emulated write of at most a page.  True: *exception is to be delivered. */
static __always_inline bool guard_host_refuses_emulated(struct kvm_vcpu *vcpu, u64 gpa,
							unsigned int bytes,
							struct x86_exception *exception)
{
	return guard_host_on() && __guard_host_refuses_emulated(vcpu, gpa, bytes, exception);
}

/* An emulated exchange goes the way of a write, which is refused. */
static __always_inline bool guard_host_emulates_whole(struct kvm_vcpu *vcpu, u64 gpa)
{
	return guard_host_on() && __guard_host_emulates_whole(vcpu, gpa);
}

/* KVM writes to guest memory.  srcu held. */
static __always_inline bool guard_host_refuses_write(struct kvm *kvm, u64 gpa,
						     unsigned long bytes)
{
	return guard_host_on() && __guard_host_refuses_write(kvm, gpa, bytes);
}

/*
 * KVM walks a guest's table in this frame, at @hva: it sets accessed and dirty bits if
 * *writable.
 */
static __always_inline unsigned long guard_host_walk(struct kvm *kvm, u64 gfn, bool *writable,
						     unsigned long hva)
{
	if (writable && guard_host_on() && __guard_host_read_only(kvm, gfn))
		*writable = false;
	return hva;
}

/* Under slots_lock, before anything changed. */
static __always_inline bool guard_host_refuses_slot(struct kvm *kvm,
						    const struct kvm_memory_slot *old,
						    const struct kvm_memory_slot *new)
{
	return guard_host_on() && __guard_host_refuses_slot(kvm, old, new);
}

/* A guest writes to CR0 or CR4. */
static __always_inline bool guard_host_refuses_cr(struct kvm_vcpu *vcpu, int cr,
						  unsigned long value)
{
	return guard_host_on() && __guard_host_refuses_cr(vcpu, cr, value);
}

/* A guest, or the VMM (@by_host), writes to an MSR. */
static __always_inline bool guard_host_refuses_msr(struct kvm_vcpu *vcpu, u32 msr, u64 value,
						   bool by_host)
{
	return guard_host_on() && __guard_host_refuses_msr(vcpu, msr, value, by_host);
}

/* A guest executes LIDT. */
static __always_inline bool guard_host_refuses_idt(struct kvm_vcpu *vcpu,
						   const struct desc_ptr *idt)
{
	return guard_host_on() && __guard_host_refuses_idt(vcpu, idt);
}

static __always_inline bool guard_host_refuses_smm(struct kvm_vcpu *vcpu)
{
	return guard_host_on() && __guard_host_refuses_smm(vcpu);
}

/* The guard's hypercall: it was answered. */
static __always_inline bool guard_host_hypercall(struct kvm_vcpu *vcpu)
{
	return guard_host_on() && __guard_host_hypercall(vcpu);
}

/* No virtual CPU runs any more. */
static __always_inline void guard_host_destroy_vm(struct kvm *kvm)
{
	if (guard_host_on())
		__guard_host_destroy_vm(kvm);
}

static __always_inline void guard_host_arm(struct kvm_vcpu *vcpu)
{
	if (guard_host_on())
		guard_svm_arm(vcpu);
}

#else

static __always_inline bool guard_host_read_only(struct kvm *kvm, u64 gfn) { return false; }
static __always_inline bool guard_host_fault(struct kvm_vcpu *vcpu, u64 gpa, u64 error,
					     int *result) { return false; }
static __always_inline bool guard_host_refuses_emulated(struct kvm_vcpu *vcpu, u64 gpa,
							unsigned int bytes,
							struct x86_exception *exception)
{
	return false;
}

static __always_inline bool guard_host_emulates_whole(struct kvm_vcpu *vcpu, u64 gpa)
{
	return false;
}

static __always_inline bool guard_host_refuses_write(struct kvm *kvm, u64 gpa,
						     unsigned long bytes) { return false; }
static __always_inline unsigned long guard_host_walk(struct kvm *kvm, u64 gfn, bool *writable,
						     unsigned long hva) { return hva; }
static __always_inline bool guard_host_refuses_slot(struct kvm *kvm,
						    const struct kvm_memory_slot *old,
						    const struct kvm_memory_slot *new)
{
	return false;
}

static __always_inline bool guard_host_refuses_cr(struct kvm_vcpu *vcpu, int cr,
						  unsigned long value) { return false; }
static __always_inline bool guard_host_refuses_msr(struct kvm_vcpu *vcpu, u32 msr, u64 value,
						   bool by_host) { return false; }
static __always_inline bool guard_host_refuses_idt(struct kvm_vcpu *vcpu,
						   const struct desc_ptr *idt) { return false; }
static __always_inline bool guard_host_refuses_smm(struct kvm_vcpu *vcpu) { return false; }
static __always_inline bool guard_host_hypercall(struct kvm_vcpu *vcpu) { return false; }
static __always_inline void guard_host_destroy_vm(struct kvm *kvm) { }
static __always_inline void guard_host_arm(struct kvm_vcpu *vcpu) { }
static inline void guard_host_loaded(void) { }
static inline void guard_host_unloaded(void) { }

#endif /* CONFIG_KVM_GUARD */

#ifdef CONFIG_KERNEL_GUARD_GUEST

/* The kernel's text and constants are locked by the host. */
DECLARE_STATIC_KEY_FALSE(guard_guest_key);

/* Text and constants are final: have the host lock them.  Process context, all CPUs up. */
void guard_guest_lock(void);
bool __guard_guest_poke(void *addr, const void *src, size_t len);

/* A write to text that the host made, or refused, instead. */
static __always_inline bool guard_guest_poke(void *addr, const void *src, size_t len)
{
	return static_branch_unlikely(&guard_guest_key) && __guard_guest_poke(addr, src, len);
}

#else

static inline void guard_guest_lock(void) { }
static __always_inline bool guard_guest_poke(void *addr, const void *src, size_t len)
{
	return false;
}

#endif /* CONFIG_KERNEL_GUARD_GUEST */

#endif /* ASI_GUARD_H */
