// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that a guest has pinned, and MSRs by which it names areas for KVM to write to.
 *
 * What is pinned is intercepted by kvm-amd (svm.c), which a request tells.
 */
#include <linux/kvm_host.h>
#include <linux/slab.h>
#include <asm/desc_defs.h>
#include <asm/kvm_para.h>
#include "host.h"
#include "kvm_cache_regs.h"
#include "lapic.h"
#include "smm.h"
#include "x86.h"

static u64 guard_read_msr(struct kvm_vcpu *vcpu, u32 msr)
{
	u64 value = 0;

	return __kvm_get_msr(vcpu, msr, &value, true) ? 0 : value;
}

static void guard_read_registers(struct kvm_vcpu *vcpu, u64 *value)
{
	struct desc_ptr idt;
	u32 i, msr;

	value[GUARD_CR0] = kvm_read_cr0(vcpu);
	value[GUARD_CR4] = kvm_read_cr4(vcpu);
	for (i = 0; (msr = guard_pins_msr(i)) != 0; i++)
		value[guard_pins_register(msr)] = guard_read_msr(vcpu, msr);
	kvm_x86_call(get_idt)(vcpu, &idt);
	value[GUARD_IDT_BASE] = idt.address;
	value[GUARD_IDT_LIMIT] = idt.size;
}

/* Once: later calls are for those that INIT has reset, and pin the same. */
static struct guard_vcpu *guard_make_vcpu(struct kvm_vcpu *vcpu)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	struct guard_vcpu *v = guard_vcpu_of(vcpu);

	if (v || vcpu->vcpu_idx >= KVM_MAX_VCPUS)
		return v;
	v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	if (!v)
		return NULL;
	guard_read_registers(vcpu, v->pins.value);
	v->pins.armed = 1;
	WRITE_ONCE(guard->vcpus[vcpu->vcpu_idx], v);
	guard->nr_vcpus++;
	return v;
}

long guard_pin(struct kvm_vcpu *vcpu)
{
	if (is_guest_mode(vcpu) || (vcpu->arch.efer & EFER_SVME) || is_smm(vcpu))
		return -EPERM;
	if (!guard_make_vcpu(vcpu))
		return -ENOMEM;
	/* Before the next entry. */
	kvm_make_request(KVM_REQ_MSR_FILTER_CHANGED, vcpu);
	return 0;
}

static bool guard_refuses(struct kvm_vcpu *vcpu, enum guard_register reg, u64 old, u64 value,
			  enum guard_way way, u64 where, u64 tried)
{
	struct guard_vcpu *v = guard_vcpu_of(vcpu);

	if (!v || asi_breaks(ASI_BREAK_GUARD_PIN) ||
	    !guard_pins_refuse(&v->pins, reg, old, value))
		return false;
	guard_refuse(guard_of(vcpu->kvm), vcpu, way, where, tried);
	return true;
}

bool __guard_host_refuses_cr(struct kvm_vcpu *vcpu, int cr, unsigned long value)
{
	return cr == 0 ? guard_refuses(vcpu, GUARD_CR0, kvm_read_cr0(vcpu), value, GUARD_WAY_CR0,
				       0, value) :
			 guard_refuses(vcpu, GUARD_CR4, kvm_read_cr4(vcpu), value, GUARD_WAY_CR4,
				       0, value);
}

bool __guard_host_refuses_idt(struct kvm_vcpu *vcpu, const struct desc_ptr *idt)
{
	struct desc_ptr old;

	kvm_x86_call(get_idt)(vcpu, &old);
	return guard_refuses(vcpu, GUARD_IDT_BASE, old.address, idt->address, GUARD_WAY_IDT,
			     idt->size, idt->address) ||
	       guard_refuses(vcpu, GUARD_IDT_LIMIT, old.size, idt->size, GUARD_WAY_IDT,
			     idt->size, idt->address);
}

bool __guard_host_refuses_smm(struct kvm_vcpu *vcpu)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);

	if (!guard || !READ_ONCE(guard->frames.count) || asi_breaks(ASI_BREAK_GUARD_PIN))
		return false;
	guard_refuse(guard, vcpu, GUARD_WAY_SMM, 0, 0);
	return true;
}

/* ---- areas ------------------------------------------------------------ */

/* An area of 64 bytes is as large as any of these. */
#define GUARD_AREA	64

/* The area that @msr names by @value, or false. */
static bool guard_area(u32 msr, u64 value, u64 *gpa)
{
	switch (msr) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*gpa = value;
		return true;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*gpa = value & ~1ULL;
		return value & 1;
	case MSR_KVM_STEAL_TIME:
		*gpa = value & KVM_STEAL_VALID_BITS;
		return value & KVM_MSR_ENABLED;
	case MSR_KVM_PV_EOI_EN:
		*gpa = value & ~3ULL;
		return value & KVM_MSR_ENABLED;
	case MSR_KVM_ASYNC_PF_EN:
		*gpa = value & ~0x3fULL;
		return value & KVM_ASYNC_PF_ENABLED;
	default:
		return false;
	}
}

static bool guard_refuses_area(struct kvm_vcpu *vcpu, u32 msr, u64 value)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	u64 gpa;

	if (!guard || asi_breaks(ASI_BREAK_GUARD_KVM) || !guard_area(msr, value, &gpa) ||
	    !guard_is_locked(guard, gpa, GUARD_AREA))
		return false;
	guard_refuse(guard, vcpu, GUARD_WAY_AREA, gpa, msr);
	return true;
}

static bool guard_vcpu_areas_are_locked(struct guard_vm *guard, struct kvm_vcpu *vcpu)
{
	static const u32 msrs[] = {
		MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_STEAL_TIME, MSR_KVM_PV_EOI_EN,
		MSR_KVM_ASYNC_PF_EN
	};
	u64 value[ARRAY_SIZE(msrs)] = {
		vcpu->arch.time, vcpu->arch.st.msr_val, vcpu->arch.pv_eoi.msr_val,
		vcpu->arch.apf.msr_en_val
	};
	unsigned int i;
	u64 gpa;

	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		if (guard_area(msrs[i], value[i], &gpa) && guard_is_locked(guard, gpa, GUARD_AREA))
			return true;
	}
	return false;
}

bool guard_areas_are_locked(struct kvm *kvm)
{
	struct guard_vm *guard = guard_of(kvm);
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		if (guard_vcpu_areas_are_locked(guard, vcpu))
			return true;
	}
	return false;
}

/* A nested guest's exit loads registers from memory that the guest writes. */
static bool guard_refuses_nesting(struct kvm_vcpu *vcpu, u32 msr, u64 value)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);

	if (!guard || msr != MSR_EFER || !(value & EFER_SVME) ||
	    !READ_ONCE(guard->frames.count) || asi_breaks(ASI_BREAK_GUARD_PIN))
		return false;
	guard_refuse(guard, vcpu, GUARD_WAY_MSR, msr, value);
	return true;
}

bool __guard_host_refuses_msr(struct kvm_vcpu *vcpu, u32 msr, u64 value, bool by_host)
{
	int reg = guard_pins_register(msr);

	if (guard_refuses_area(vcpu, msr, value) ||
	    (!by_host && guard_refuses_nesting(vcpu, msr, value)))
		return true;
	/* The VMM sets registers from outside. */
	return !by_host && reg >= 0 && guard_vcpu_of(vcpu) &&
	       guard_refuses(vcpu, reg, guard_read_msr(vcpu, msr), value, GUARD_WAY_MSR, msr,
			     value);
}
