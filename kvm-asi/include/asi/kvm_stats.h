/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics of a vCPU: members of struct kvm_vcpu_stat, and their descriptions.  And what
 * the hooks in files of KVM call: all of them come by here.
 */
#ifndef ASI_KVM_STATS_H
#define ASI_KVM_STATS_H

#include <asi/kvm.h>

#define KVM_ASI_VCPU_STATS						\
	u64 asi_inside;							\
	u64 asi_left;							\
	u64 asi_user;							\
	u64 asi_first_touch;						\
	u64 asi_flushes

#define KVM_ASI_VCPU_STATS_DESC						\
	STATS_DESC_COUNTER(VCPU, asi_inside),				\
	STATS_DESC_COUNTER(VCPU, asi_left),				\
	STATS_DESC_COUNTER(VCPU, asi_user),				\
	STATS_DESC_COUNTER(VCPU, asi_first_touch),			\
	STATS_DESC_COUNTER(VCPU, asi_flushes)

#endif /* ASI_KVM_STATS_H */
