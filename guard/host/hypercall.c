// SPDX-License-Identifier: GPL-2.0-only
/* The hypercall of a guarded guest: guard/abi.h. */
#include <linux/kvm_host.h>
#include "host.h"
#include "kvm_cache_regs.h"
#include "x86.h"

static long guard_status(struct kvm_vcpu *vcpu)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	long status = GUARD_STATUS_OFFERED;

	if (guard->manifest_data)
		status |= GUARD_STATUS_TABLE;
	if (READ_ONCE(guard->frames.count))
		status |= GUARD_STATUS_LOCKED;
	if (READ_ONCE(guard->sealed))
		status |= GUARD_STATUS_SEALED;
	if (READ_ONCE(guard->text))
		status |= GUARD_STATUS_PATCH;
	if (guard_vcpu_of(vcpu))
		status |= GUARD_STATUS_PINNED;
	return status;
}

static long guard_patch_by_registers(struct kvm_vcpu *vcpu)
{
	struct guard_patch patch = {
		.gpa = kvm_rcx_read(vcpu),
		.length = (kvm_rbx_read(vcpu) >> 8) & 0xff,
	};
	u64 bytes[2] = { kvm_rdx_read(vcpu), kvm_rsi_read(vcpu) };

	BUILD_BUG_ON(sizeof(bytes) != GUARD_PATCH_MAX);
	memcpy(patch.bytes, bytes, sizeof(bytes));
	return guard_make_patch(vcpu, &patch);
}

static long guard_answer(struct kvm_vcpu *vcpu)
{
	switch (kvm_rbx_read(vcpu) & 0xff) {
	case GUARD_OP_STATUS:
		return guard_status(vcpu);
	case GUARD_OP_LOCK:
		return guard_lock(vcpu, kvm_rcx_read(vcpu), kvm_rdx_read(vcpu),
				  kvm_rsi_read(vcpu));
	case GUARD_OP_PIN:
		return guard_pin(vcpu);
	case GUARD_OP_IMAGE:
		return guard_find_image(vcpu, kvm_rcx_read(vcpu), kvm_rdx_read(vcpu));
	case GUARD_OP_PATCH:
		return guard_patch_by_registers(vcpu);
	default:
		return -EINVAL;
	}
}

bool __guard_host_hypercall(struct kvm_vcpu *vcpu)
{
	long answer = -EPERM;

	if (!guard_of(vcpu->kvm) || !is_64_bit_hypercall(vcpu) ||
	    kvm_rax_read(vcpu) != KVM_HC_GUARD)
		return false;
	if (!kvm_x86_call(get_cpl)(vcpu))
		answer = guard_answer(vcpu);
	kvm_rax_write(vcpu, answer);
	return true;
}
