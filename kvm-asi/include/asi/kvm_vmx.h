/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMX side of kvm.h.  Included by arch/x86/kvm/vmx/vmx.c only: VM exit
 * loads CR3 from the VMCS, so entering has to write it there.
 */
#ifndef ASI_KVM_VMX_H
#define ASI_KVM_VMX_H

#include <asi/flush.h>
#include <asi/kvm_run.h>
#include "vmx/vmx.h"

#ifdef CONFIG_KVM_ASI

/*
 * Does isolation flush the L1 data cache in the kernel's place?  Asked before each entry on
 * processors that need it, so that a demand for all entries holds at once.
 */
static __always_inline bool kvm_asi_flushes_l1d(void)
{
	if (!kvm_asi_on())
		return false;
	if (READ_ONCE(l1tf_vmx_mitigation) == VMENTER_L1D_FLUSH_ALWAYS)
		raw_cpu_or(asi_taints, ASI_TAINT_ALWAYS);
	return true;
}

static __always_inline void kvm_asi_vmx_enter(struct vcpu_vmx *vmx)
{
	unsigned long cr3;

	if (!kvm_asi_on_path())
		return;
	cr3 = kvm_asi_run_enter(&vmx->vcpu);
	if (unlikely(cr3 && cr3 != vmx->loaded_vmcs->host_state.cr3)) {
		vmcs_writel(HOST_CR3, cr3);
		vmx->loaded_vmcs->host_state.cr3 = cr3;
	}
}

static __always_inline void kvm_asi_vmx_vmexit(struct vcpu_vmx *vmx)
{
	if (kvm_asi_on_path()) {
		kvm_asi_run_exit(&vmx->vcpu, vmx->fail ? U16_MAX :
				 (u16)vmcs_read32(VM_EXIT_REASON));
		kvm_asi_count_verw(&vmx->vcpu, X86_FEATURE_CLEAR_CPU_BUF);
	}
}

#else

static __always_inline bool kvm_asi_flushes_l1d(void) { return false; }
static __always_inline void kvm_asi_vmx_enter(struct vcpu_vmx *vmx) { }
static __always_inline void kvm_asi_vmx_vmexit(struct vcpu_vmx *vmx) { }

#endif /* CONFIG_KVM_ASI */
#endif /* ASI_KVM_VMX_H */
