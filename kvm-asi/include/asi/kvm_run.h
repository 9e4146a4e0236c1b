/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Around the low-level run of a guest, for kvm_svm.h and kvm_vmx.h: noinstr,
 * interrupts off.  In the usual case a dozen instructions, inline.
 */
#ifndef ASI_KVM_RUN_H
#define ASI_KVM_RUN_H

#include <linux/kvm_host.h>
#include <asi/kvm.h>

#ifdef CONFIG_KVM_ASI

#include <asi/cpu.h>

/* No exit is waiting to be booked. */
#define KVM_ASI_NO_EXIT		(~0U)

/* Codes below are counted by index: account.h has them as KVM_ASI_DIRECT. */
#define KVM_ASI_COUNTED		0x404

/* The head of struct kvm_asi_vcpu. */
struct kvm_asi_run {
	struct asi *asi;
	u64 age;			/* of the domain, before @vmcb was found to be mapped */
	/* SVM: where KVM keeps the VMCB that runs next, and which is mapped; VMX: equal. */
	const void *const *vmcb_at;
	const void *vmcb;
	u64 pf_fixed;			/* stat.pf_fixed, as far as it is booked */
	u32 exit_code;			/* of the exit that is being handled */
	u8 flush_taints;		/* what kvm_asi_flush() has to be told of */
	u64 inside[];			/* of struct kvm_asi_account, which follows */
};

/* VERW was executed by VM entry: 1 or 0, if the CPU has a use for it. */
DECLARE_PER_CPU(u8, asi_cleared);

void __kvm_asi_prepare(struct kvm_vcpu *vcpu);
void __kvm_asi_prepare_touched(struct kvm_vcpu *vcpu);
unsigned long __kvm_asi_enter(struct kvm_vcpu *vcpu);
void kvm_asi_entry_cleared(struct kvm_vcpu *vcpu);

/*
 * Just before VM entry, interrupts off, instrumentable code.  Inline is what nearly every
 * exit finds that the kernel handled: it never left, and nothing changed.
 */
static __always_inline void kvm_asi_prepare(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_run *run;

	if (!kvm_asi_on_path())
		return;
	run = (void *)vcpu->arch.asi;
	if (unlikely(!asi_is_unchanged(run->asi, run->age) || *run->vmcb_at != run->vmcb ||
		     run->exit_code >= KVM_ASI_COUNTED)) {
		__kvm_asi_prepare(vcpu);
		return;
	}
	if (unlikely(vcpu->stat.pf_fixed != run->pf_fixed)) {
		__kvm_asi_prepare_touched(vcpu);
		return;
	}
	run->inside[run->exit_code]++;
	vcpu->stat.asi_inside++;
	run->exit_code = KVM_ASI_NO_EXIT;
}

/* After that.  Returns what CR3 is now. */
static __always_inline unsigned long kvm_asi_run_enter(struct kvm_vcpu *vcpu)
{
	if (!asi_enter_again())
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

#else

static __always_inline void kvm_asi_prepare(struct kvm_vcpu *vcpu) { }

#endif /* CONFIG_KVM_ASI */
#endif /* ASI_KVM_RUN_H */
