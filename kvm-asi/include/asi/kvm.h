/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hooks in KVM call.  While isolation of KVM is off each site executes one
 * instruction: a NOP, or around the run of a guest a jump.
 */
#ifndef ASI_KVM_H
#define ASI_KVM_H

#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/types.h>
#include <asi/hooks.h>
#include <asi/pool.h>

struct kvm;
struct kvm_mmu_memory_cache;
struct kvm_vcpu;

#ifdef CONFIG_KVM_ASI

DECLARE_STATIC_KEY_FALSE(kvm_asi_key);

int __kvm_asi_run_begin(struct kvm_vcpu *vcpu);
void __kvm_asi_run_end(struct kvm_vcpu *vcpu);
bool __kvm_asi_hold(struct kvm_vcpu *vcpu);
void __kvm_asi_destroy_vcpu(struct kvm_vcpu *vcpu);
void __kvm_asi_destroy_vm(struct kvm *kvm);
void __kvm_asi_invalidate(struct kvm *kvm, unsigned long start,
			  unsigned long end);

void __kvm_asi_changed(struct kvm *kvm);

/* KVM's first and last words: as a module it comes and goes.  Process context. */
void kvm_asi_loaded(void);
void kvm_asi_unloaded(void);

bool __kvm_asi_defer_user_work(struct kvm_vcpu *vcpu);
void *__kvm_asi_alloc_object(struct kvm_mmu_memory_cache *mc, gfp_t gfp);
void __kvm_asi_topped_up(struct kvm_mmu_memory_cache *mc);
ssize_t kvm_asi_show_flush(char *buf, ssize_t len);
ssize_t kvm_asi_show_l1d(char *buf, ssize_t len);

#define kvm_asi_on()	static_branch_unlikely(&kvm_asi_key)
/* The same for what each exit of an isolated guest passes: in line, without a jump. */
#define kvm_asi_on_path()	static_branch_likely(&kvm_asi_key)

/* Isolation decides what is flushed before the guest runs: see kvm-asi/flush.c. */
static __always_inline bool kvm_asi_flushes(void)
{
	return kvm_asi_on();
}

/*
 * Is the host's page looked for in the page table first?  KVM does that for pages that the
 * guest may write (@write); isolation for those that it may only read, such as firmware,
 * as well.  What KVM does otherwise looks at the VMA, which leaves.
 */
static __always_inline bool kvm_asi_looks_fast(bool write)
{
	return write || kvm_asi_on();
}

/*
 * Start of KVM_RUN, process context, may sleep: the VM's domain exists and
 * holds what the vCPU loop needs when this returns 0.  An error fails
 * KVM_RUN: a vCPU never runs unisolated for want of memory.
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

/*
 * Is there a sibling thread beside which the guest must not run now?  Before each VM entry,
 * interrupts off.  True: back to the vCPU loop, where others may use the CPU.
 */
static __always_inline bool kvm_asi_hold(struct kvm_vcpu *vcpu)
{
	return asi_smt_on() && __kvm_asi_hold(vcpu);
}

/* After that, but there was no VM entry. */
static __always_inline void kvm_asi_not_run(void)
{
	asi_smt_reach();
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

/*
 * KVM replaced an object that vCPU loops use, or made a new one.  Before the old
 * one is freed: it is taken out of the domain by its address.  Process context,
 * may sleep; KVM's locks may be held.
 */
static __always_inline void kvm_asi_changed(struct kvm *kvm)
{
	if (kvm_asi_on())
		__kvm_asi_changed(kvm);
}

/*
 * In the vCPU loop with TIF_NOTIFY_RESUME set.  True: all that is left to do is
 * to tell user mode which CPU it runs on.  That would touch user memory and can
 * wait until user mode runs; the flag is clear until then.
 */
static __always_inline bool kvm_asi_defer_user_work(struct kvm_vcpu *vcpu)
{
	return kvm_asi_on() && __kvm_asi_defer_user_work(vcpu);
}

/*
 * An object of @cache for @mc: the header of a nested table of the running vCPU's
 * machine comes from pages of that machine.
 */
static __always_inline void *kvm_asi_alloc_object(struct kvm_mmu_memory_cache *mc,
						  struct kmem_cache *cache, gfp_t gfp)
{
	return kvm_asi_on() ? __kvm_asi_alloc_object(mc, gfp) : kmem_cache_alloc(cache, gfp);
}

/* An object of kvm_asi_alloc_object(), or of @cache. */
static __always_inline void kvm_asi_free_object(struct kmem_cache *cache, void *object)
{
	if (kvm_asi_on())
		asi_pool_free(object);
	else
		kmem_cache_free(cache, object);
}

/*
 * KVM has allocated objects for tables, of a vCPU if one is loaded.  Process
 * context, may sleep.
 */
static __always_inline void kvm_asi_topped_up(struct kvm_mmu_memory_cache *mc)
{
	if (kvm_asi_on())
		__kvm_asi_topped_up(mc);
}

#else

static __always_inline void *kvm_asi_alloc_object(struct kvm_mmu_memory_cache *mc,
						  struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc(cache, gfp);
}

static __always_inline void kvm_asi_free_object(struct kmem_cache *cache, void *object)
{
	kmem_cache_free(cache, object);
}

static __always_inline void kvm_asi_loaded(void) { }
static __always_inline void kvm_asi_unloaded(void) { }
static __always_inline void kvm_asi_topped_up(struct kvm_mmu_memory_cache *mc) { }
static __always_inline bool kvm_asi_flushes(void) { return false; }
static __always_inline bool kvm_asi_looks_fast(bool write) { return write; }
static __always_inline void kvm_asi_changed(struct kvm *kvm) { }
static __always_inline bool kvm_asi_defer_user_work(struct kvm_vcpu *vcpu) { return false; }
static inline ssize_t kvm_asi_show_flush(char *buf, ssize_t len) { return len; }
static inline ssize_t kvm_asi_show_l1d(char *buf, ssize_t len) { return len; }
static __always_inline int kvm_asi_run_begin(struct kvm_vcpu *vcpu) { return 0; }
static __always_inline void kvm_asi_run_end(struct kvm_vcpu *vcpu) { }
static __always_inline bool kvm_asi_hold(struct kvm_vcpu *vcpu) { return false; }
static __always_inline void kvm_asi_not_run(void) { }
static __always_inline void kvm_asi_destroy_vcpu(struct kvm_vcpu *vcpu) { }
static __always_inline void kvm_asi_destroy_vm(struct kvm *kvm) { }
static __always_inline void kvm_asi_invalidate(struct kvm *kvm, unsigned long start,
					       unsigned long end) { }

#endif /* CONFIG_KVM_ASI */

/* The flags for get_user_page_fast_only(): FOLL_WRITE honours NUMA faults by itself. */
#define kvm_asi_fast_flags(write)	((write) ? FOLL_WRITE : FOLL_HONOR_NUMA_FAULT)

#endif /* ASI_KVM_H */
