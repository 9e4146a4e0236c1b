/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Around the low-level run of a guest, for kvm_svm.h and kvm_vmx.h: noinstr,
 * interrupts off.  In the usual case a dozen instructions, inline.
 */
#ifndef ASI_KVM_RUN_H
#define ASI_KVM_RUN_H

#include <linux/kvm_host.h>
#include <asi/cpu.h>
#include <asi/kvm.h>

#ifdef CONFIG_KVM_ASI

/* No exit is waiting to be booked. */
#define KVM_ASI_NO_EXIT		(~0U)

/* The head of struct kvm_asi_vcpu. */
struct kvm_asi_run {
	struct asi *asi;
	u32 exit_code;			/* of the exit that is being handled */
	u8 flush_taints;		/* what kvm_asi_flush() has to be told of */
};

/* VERW was executed by VM entry: 1 or 0, if the CPU has a use for it. */
DECLARE_PER_CPU(u8, asi_cleared);

unsigned long __kvm_asi_enter(struct kvm_vcpu *vcpu);
void kvm_asi_entry_cleared(struct kvm_vcpu *vcpu);

/* Returns what CR3 is now. */
static __always_inline unsigned long kvm_asi_run_enter(struct kvm_vcpu *vcpu)
{
	const struct kvm_asi_run *run = (const void *)vcpu->arch.asi;

	if (!asi_enter_again(run->asi) || unlikely(raw_cpu_read(asi_taints)))
		return __kvm_asi_enter(vcpu);
	asi_smt_guest();
	return raw_cpu_read(asi_cpu.restricted_cr3);
}

static __always_inline void kvm_asi_run_exit(struct kvm_vcpu *vcpu, u32 code)
{
	struct kvm_asi_run *run = (void *)vcpu->arch.asi;

	run->exit_code = code;
	asi_relax_inline();
}

/* After that; @feature has VM entry execute VERW. */
#define kvm_asi_count_verw(vcpu, feature)					\
do {										\
	if (cpu_feature_enabled(feature) && raw_cpu_read(asi_cleared))		\
		kvm_asi_entry_cleared(vcpu);					\
} while (0)

#endif /* CONFIG_KVM_ASI */
#endif /* ASI_KVM_RUN_H */
