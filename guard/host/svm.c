// SPDX-License-Identifier: GPL-2.0-only
/* The part of kvm-amd: writes of pinned registers leave the guest. */
#include <linux/kvm_host.h>
#include "host.h"
#include "svm/svm.h"

/* CR0 and CR4 leave it always, as far as pinned bits change. */
void guard_svm_arm(struct kvm_vcpu *vcpu)
{
	static const u32 msrs[] = {
		MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_IA32_SYSENTER_CS,
		MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP
	};
	struct vcpu_svm *svm = to_svm(vcpu);
	unsigned int i;

	if (!guard_vcpu_of(vcpu))
		return;
	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		set_msr_interception(vcpu, svm->msrpm, msrs[i], 1, 0);
	svm_set_intercept(svm, INTERCEPT_LOAD_IDTR);
}
