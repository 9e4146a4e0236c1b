/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the loop itself includes: arch/x86/kvm/x86.c only.
 *
 * With its hooks the loop is a little too large for the compiler to go on inlining these two,
 * which cost every KVM_RUN 25 instructions more, isolated or not.
 */
#ifndef ASI_KVM_X86_H
#define ASI_KVM_X86_H

#include <asi/kvm_run.h>

#ifdef CONFIG_KVM_ASI
static __always_inline void kvm_put_guest_fpu(struct kvm_vcpu *vcpu);
static __always_inline void record_steal_time(struct kvm_vcpu *vcpu);
#endif

#endif /* ASI_KVM_X86_H */
