// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clearing buffers before a guest runs: the kernel's own mitigations, done on
 * the way back in after an excursion instead of at every entry.
 *
 * The decision is asi/flush.h's.  Here is what the CPU needs at all, and how it
 * is done.  Everything runs with the restricted table loaded, so what it reads
 * itself is no secret.
 */
#include <linux/cpufeature.h>
#include <asm/nospec-branch.h>
#include <asm/vmx.h>
#include "kvm_asi.h"

/* Twice the largest L1 data cache that L1TF affects, as arch/x86/kvm/vmx has it. */
#define ASI_L1D_SIZE	(64 * 1024)

static u8 kvm_asi_l1d_fill[ASI_L1D_SIZE] __aligned(PAGE_SIZE);

static __always_inline void kvm_asi_flush_l1d(void)
{
	unsigned int i;

	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
		return;
	}
	/* The TLB first, so that the page walks do not disturb the fill. */
	for (i = 0; i < ASI_L1D_SIZE; i += PAGE_SIZE)
		(void)READ_ONCE(kvm_asi_l1d_fill[i]);
	/* All of the first round before any of the second. */
	rmb();
	for (i = 0; i < ASI_L1D_SIZE; i += L1_CACHE_BYTES)
		(void)READ_ONCE(kvm_asi_l1d_fill[i]);
	/* The cache is full before the guest runs. */
	rmb();
}

static __always_inline void kvm_asi_did(struct kvm_asi_vcpu *v, enum asi_flush which)
{
	WRITE_ONCE(v->account.flushed[which], v->account.flushed[which] + 1);
	v->vcpu->stat.asi_flushes++;
}

noinstr void kvm_asi_flush(struct kvm_asi_vcpu *v)
{
	/* An NMI from here on taints anew. */
	unsigned int taints = this_cpu_xchg(asi_taints, kvm_asi_flush_mode == ASI_FLUSH_ALWAYS ?
					    ASI_TAINT_ALWAYS : 0);
	unsigned int needed = asi_flush_needed(kvm_asi_flush_mode, taints & ASI_TAINT_ALL);

	/* Not by force: without the feature there is no instruction. */
	if ((needed & BIT(ASI_FLUSH_IBPB)) && boot_cpu_has(X86_FEATURE_USE_IBPB)) {
		/* indirect_branch_prediction_barrier(), always inline. */
		alternative_msr_write(MSR_IA32_PRED_CMD, x86_pred_cmd, X86_FEATURE_USE_IBPB);
		kvm_asi_did(v, ASI_FLUSH_IBPB);
	}
	if (asi_l1d_wanted(needed & BIT(ASI_FLUSH_L1D), kvm_asi_l1d_use(v->svm),
			   kvm_asi_flush_forced)) {
		kvm_asi_flush_l1d();
		kvm_asi_did(v, ASI_FLUSH_L1D);
	}
	switch (asi_verw_by(needed & BIT(ASI_FLUSH_BUFFERS), kvm_asi_verw_use(v->svm),
			    kvm_arch_has_assigned_device(v->vcpu->kvm), kvm_asi_flush_forced)) {
	case ASI_VERW_HERE:
		x86_clear_cpu_buffers();
		kvm_asi_did(v, ASI_FLUSH_BUFFERS);
		break;
	case ASI_VERW_AT_ENTRY:
		/* Counted by kvm_asi_entry_cleared(). */
		raw_cpu_or(asi_taints, ASI_TAINT_VERW);
		break;
	case ASI_VERW_NOBODY:
		break;
	}
}

/*
 * What may change while the guest runs counts as useful: how the administrator has L1TF
 * dealt with, and whether the guest has a device assigned.
 */
u8 kvm_asi_flush_taints(bool svm)
{
	unsigned int useful = 0;

	if (kvm_asi_flush_forced)
		return asi_flush_taints(kvm_asi_flush_mode, BIT(ASI_NR_FLUSHES) - 1);
	if (boot_cpu_has(X86_FEATURE_USE_IBPB))
		useful |= BIT(ASI_FLUSH_IBPB);
	if (!svm && (boot_cpu_has_bug(X86_BUG_L1TF) || kvm_asi_l1d_use(svm) != ASI_L1D_UNUSED))
		useful |= BIT(ASI_FLUSH_L1D);
	if (kvm_asi_verw_use(svm) != ASI_VERW_UNUSED)
		useful |= BIT(ASI_FLUSH_BUFFERS);
	return asi_flush_taints(kvm_asi_flush_mode, useful);
}

noinstr void kvm_asi_entry_cleared(struct kvm_vcpu *vcpu)
{
	kvm_asi_did(vcpu->arch.asi, ASI_FLUSH_BUFFERS);
}
EXPORT_SYMBOL_GPL(kvm_asi_entry_cleared);
