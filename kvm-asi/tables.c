// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables that a nested page fault needs: the VMM's, which say where the
 * guest's memory is, and the guest's nested ones.
 *
 * Of the VMM's tables a domain sees, read-only, those on the way to an address
 * that a guest of its touched.  They tell where the VMM's own memory lies and
 * nothing of what is in it.  Nested tables are objects of the machine, and so are their
 * headers.  KVM has one slab cache for the headers of all machines; a machine with a domain
 * takes them from pages of its own.
 */
#include <linux/kvm_host.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <asi/pool.h>
#include "kvm_asi.h"
#include "kvm_cache_regs.h"
#include "mmu/mmu_internal.h"
#include "svm/svm.h"
#include "vmx/vmx.h"

/* The vCPU that the running task runs, with an exit being handled. */
static struct kvm_asi_vcpu *kvm_asi_running(const struct kvm_asi_vm *vm)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();
	struct kvm_asi_vcpu *v;

	if (!vcpu || vcpu->kvm != vm->kvm)
		return NULL;
	v = vcpu->arch.asi;
	return v && v->task == current && v->run.exit_code != KVM_ASI_NO_EXIT ? v : NULL;
}

/* The address of a guest's first level that it touched in vain. */
static bool kvm_asi_faulting_gpa(const struct kvm_asi_vcpu *v, u64 *gpa)
{
	if (is_guest_mode(v->vcpu))
		return false;
	if (v->svm) {
		*gpa = to_svm(v->vcpu)->vmcb->control.exit_info_2;
		return v->run.exit_code == SVM_EXIT_NPF;
	}
	if (v->run.exit_code != EXIT_REASON_EPT_VIOLATION)
		return false;
	/* vmcs_read64() has its error path in kvm-intel.ko.  The VMCS is loaded: no error. */
	asm("vmread %1, %0" : "=rm" (*gpa) : "r" ((u64)GUEST_PHYSICAL_ADDRESS) : "cc");
	return true;
}

bool kvm_asi_translates(void *owner, unsigned long *address)
{
	struct kvm_asi_vm *vm = owner;
	struct kvm_asi_guest *guest = &vm->guest;
	struct kvm_asi_vcpu *v = kvm_asi_running(vm);
	unsigned int seq = raw_read_seqcount(&guest->seq);
	unsigned int i, n = READ_ONCE(guest->ranges);
	unsigned long start, size;
	bool found = false;
	u64 gpa, base;

	if (!v || (seq & 1) || current->mm != vm->kvm->mm || !kvm_asi_faulting_gpa(v, &gpa))
		return false;
	for (i = 0; !found && i < n && i < KVM_ASI_MAX_RANGES; i++) {
		start = READ_ONCE(guest->range[i].start);
		size = READ_ONCE(guest->range[i].end) - start;
		base = READ_ONCE(guest->range[i].gpa);
		found = gpa >= base && gpa - base < size;
		*address = start + (gpa - base);
	}
	return found && !read_seqcount_retry(&guest->seq, seq);
}

struct asi_pool *kvm_asi_make_headers(void)
{
	return asi_pool_create(sizeof(struct kvm_mmu_page));
}

void *__kvm_asi_alloc_object(struct kvm_mmu_memory_cache *mc, gfp_t gfp)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();
	struct kvm_asi_vm *vm = vcpu ? READ_ONCE(vcpu->kvm->arch.asi) : NULL;

	if (vm && mc == &vcpu->arch.mmu_page_header_cache)
		return asi_pool_alloc(vm->headers, gfp);
	return kmem_cache_alloc(mc->kmem_cache, gfp);
}
EXPORT_SYMBOL_GPL(__kvm_asi_alloc_object);

/*
 * Pages that will be nested tables, and their headers, many at once: the fault that made
 * KVM allocate them was outside already, and those that use them up stay inside.  What is
 * of a slab cache has others' objects beside it; touching it leaves.
 */
void __kvm_asi_topped_up(struct kvm_mmu_memory_cache *mc)
{
	struct kvm_vcpu *vcpu = kvm_get_running_vcpu();
	struct kvm_asi_vcpu *v = vcpu ? vcpu->arch.asi : NULL;
	unsigned long page, last = 0;
	int i;

	if (!v)
		return;
	for (i = 0; i < mc->nobjs; i++) {
		/* No object crosses a page, and headers come a page full in a row. */
		page = (unsigned long)mc->objects[i] & PAGE_MASK;
		if (page == last || folio_test_slab(virt_to_folio((void *)page)))
			continue;
		/* Touching what cannot be mapped leaves. */
		(void)asi_map(v->run.asi, (void *)page, PAGE_SIZE, ASI_KIND_OBJECT);
		last = page;
	}
}
EXPORT_SYMBOL_GPL(__kvm_asi_topped_up);
