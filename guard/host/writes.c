// SPDX-License-Identifier: GPL-2.0-only
/* Who wants to write to a locked frame, on each of the ways there are. */
#include <linux/kvm_host.h>
#include "host.h"
#include "kvm_emulate.h"
#include "x86.h"

void guard_refuse(struct guard_vm *guard, struct kvm_vcpu *vcpu, enum guard_way way, u64 where,
		  u64 value)
{
	struct guard_refusal one = { .way = way, .where = where, .value = value };
	unsigned long flags;

	if (vcpu) {
		one.vcpu = vcpu->vcpu_idx;
		one.ip = kvm_rip_read(vcpu);
	}
	spin_lock_irqsave(&guard->lock, flags);
	guard_refusals_note(&guard->refusals, &one);
	spin_unlock_irqrestore(&guard->lock, flags);
}

bool __guard_host_read_only(struct kvm *kvm, u64 gfn)
{
	struct guard_vm *guard = guard_of(kvm);

	return guard && !asi_breaks(ASI_BREAK_GUARD_NPT) &&
	       guard_frames_find(&guard->frames, gfn, gfn + 1);
}

/* There is no instruction whose fault would tell the guest: the VMM is told. */
static int guard_stop(struct kvm_vcpu *vcpu, enum guard_way way, u64 gpa)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run->system_event.type = KVM_SYSTEM_EVENT_CRASH;
	run->system_event.ndata = 4;
	run->system_event.data[0] = GUARD_EVENT;
	run->system_event.data[1] = way;
	run->system_event.data[2] = gpa;
	run->system_event.data[3] = kvm_rip_read(vcpu);
	return 0;
}

static bool guard_delivers_event(struct kvm_vcpu *vcpu)
{
	return vcpu->arch.exception.injected || vcpu->arch.interrupt.injected ||
	       vcpu->arch.nmi_injected;
}

bool __guard_host_fault(struct kvm_vcpu *vcpu, u64 gpa, u64 error, int *result)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	enum guard_way way = GUARD_WAY_WRITE;

	if (!guard || !(error & PFERR_WRITE_MASK) || !vcpu->arch.mmu->root_role.direct ||
	    asi_breaks(ASI_BREAK_GUARD_NPT) || !guard_is_locked(guard, gpa, 1))
		return false;
	/* [amd/vol2]: 15.25.6: the walk of the guest's table writes. */
	if (error & PFERR_GUEST_PAGE_MASK)
		way = GUARD_WAY_WALK;
	else if (guard_delivers_event(vcpu))
		way = GUARD_WAY_EVENT;
	guard_refuse(guard, vcpu, way, gpa, 0);
	if (way == GUARD_WAY_WRITE) {
		kvm_inject_gp(vcpu, 0);
		*result = 1;
	} else {
		*result = guard_stop(vcpu, way, gpa);
	}
	return true;
}

bool __guard_host_refuses_emulated(struct kvm_vcpu *vcpu, u64 gpa, unsigned int bytes,
				   struct x86_exception *exception)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);

	if (!guard || asi_breaks(ASI_BREAK_GUARD_EMULATOR) || !guard_is_locked(guard, gpa, bytes))
		return false;
	guard_refuse(guard, vcpu, GUARD_WAY_EMULATED, gpa, 0);
	exception->vector = GP_VECTOR;
	exception->error_code_valid = true;
	exception->error_code = 0;
	return true;
}

bool __guard_host_emulates_whole(struct kvm_vcpu *vcpu, u64 gpa)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);

	return guard && !asi_breaks(ASI_BREAK_GUARD_EMULATOR) && guard_is_locked(guard, gpa, 1);
}

bool __guard_host_refuses_write(struct kvm *kvm, u64 gpa, unsigned long bytes)
{
	struct guard_vm *guard = guard_of(kvm);

	if (!guard || asi_breaks(ASI_BREAK_GUARD_KVM) || !guard_is_locked(guard, gpa, bytes))
		return false;
	guard_refuse(guard, NULL, GUARD_WAY_KVM, gpa, bytes);
	return true;
}

bool __guard_host_refuses_slot(struct kvm *kvm, const struct kvm_memory_slot *old,
			       const struct kvm_memory_slot *new)
{
	struct guard_vm *guard = guard_of(kvm);
	u64 where;

	if (!guard || asi_breaks(ASI_BREAK_GUARD_SLOT))
		return false;
	/* Flags may change: dirty logging. */
	if (old && new && old->base_gfn == new->base_gfn && old->npages == new->npages &&
	    old->userspace_addr == new->userspace_addr)
		return false;
	if (old && guard_is_locked(guard, gfn_to_gpa(old->base_gfn), old->npages << PAGE_SHIFT))
		where = gfn_to_gpa(old->base_gfn);
	else if (new && guard_is_locked(guard, gfn_to_gpa(new->base_gfn),
					new->npages << PAGE_SHIFT))
		where = gfn_to_gpa(new->base_gfn);
	else
		return false;
	guard_refuse(guard, NULL, GUARD_WAY_SLOT, where, old && !new);
	return true;
}
