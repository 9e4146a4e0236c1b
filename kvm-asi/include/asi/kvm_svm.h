/* SPDX-License-Identifier: GPL-2.0-only */
/* The SVM side of kvm.h.  Included by arch/x86/kvm/svm/svm.c only. */
#ifndef ASI_KVM_SVM_H
#define ASI_KVM_SVM_H

#include <asi/kvm_run.h>
#include "svm/svm.h"

#ifdef CONFIG_KVM_ASI

static __always_inline void kvm_asi_svm_enter(struct vcpu_svm *svm)
{
	if (kvm_asi_on_path())
		kvm_asi_run_enter(&svm->vcpu);
}

static __always_inline void kvm_asi_svm_vmexit(struct vcpu_svm *svm)
{
	if (kvm_asi_on_path()) {
		kvm_asi_run_exit(&svm->vcpu, svm->vmcb->control.exit_code);
		kvm_asi_count_verw(&svm->vcpu, X86_FEATURE_CLEAR_CPU_BUF_VM);
	}
}

#else

static __always_inline void kvm_asi_svm_enter(struct vcpu_svm *svm) { }
static __always_inline void kvm_asi_svm_vmexit(struct vcpu_svm *svm) { }

#endif /* CONFIG_KVM_ASI */
#endif /* ASI_KVM_SVM_H */
