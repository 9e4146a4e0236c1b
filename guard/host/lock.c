// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locking frames of a guest.
 *
 *	publish ── wait for who looked before ── small pages ── zap ── seal
 *
 * From the first step on nobody who looks makes a frame writable; after the last nobody has
 * it writable: a nested fault looks and installs under mmu_lock, which the zap takes, and
 * KVM's own writes look and write under srcu.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <guard/memory.h>
#include "host.h"
#include "cpuid.h"
#include "mmu.h"
#include "mmu/mmu_internal.h"
#include "smm.h"
#include "x86.h"

/* All frames are memory that the guest may write to. */
static int guard_check_slots(struct kvm *kvm, u64 gfn, u64 end)
{
	while (gfn < end) {
		struct kvm_memory_slot *slot = gfn_to_memslot(kvm, gfn);

		if (!slot || (slot->flags & (KVM_MEMSLOT_INVALID | KVM_MEM_READONLY)))
			return -EFAULT;
		gfn = slot->base_gfn + slot->npages;
	}
	return 0;
}

/* A nested entry is for a locked frame or not: none of both. */
static void guard_small_pages(struct kvm *kvm, u64 gfn, u64 end)
{
	write_lock(&kvm->mmu_lock);
	for (; gfn < end; gfn++)
		kvm_mmu_gfn_disallow_lpage(gfn_to_memslot(kvm, gfn), gfn);
	write_unlock(&kvm->mmu_lock);
}

static void guard_big_pages(struct kvm *kvm, u64 gfn, u64 end)
{
	write_lock(&kvm->mmu_lock);
	for (; gfn < end; gfn++)
		kvm_mmu_gfn_allow_lpage(gfn_to_memslot(kvm, gfn), gfn);
	write_unlock(&kvm->mmu_lock);
}

/* A piece of one slot that lies in one mapping of the VMM's. */
static int guard_seal_piece(struct kvm *kvm, const struct kvm_memory_slot *slot, u64 gfn,
			    u64 *pages, bool *sealed)
{
	unsigned long hva = __gfn_to_hva_memslot(slot, gfn);
	struct vm_area_struct *vma;
	struct file *file = NULL;
	pgoff_t first = 0;
	int err;

	mmap_read_lock(kvm->mm);
	vma = vma_lookup(kvm->mm, hva);
	if (vma) {
		*pages = min(*pages, (u64)(vma->vm_end - hva) >> PAGE_SHIFT);
		if (vma->vm_file && guard_mem_is(vma->vm_file)) {
			first = linear_page_index(vma, hva);
			file = get_file(vma->vm_file);
		}
	}
	mmap_read_unlock(kvm->mm);
	if (!vma)
		return -EFAULT;
	if (!file) {
		*sealed = false;
		return 0;
	}
	err = guard_mem_seal(file, first, first + *pages);
	fput(file);
	return err;
}

/* What was sealed before an error stays so: the VMM is told by SIGBUS, the guest by an error. */
int guard_seal(struct kvm *kvm, u64 gfn, u64 end, bool *sealed)
{
	*sealed = true;
	while (gfn < end) {
		struct kvm_memory_slot *slot = gfn_to_memslot(kvm, gfn);
		u64 pages = min(end, slot->base_gfn + slot->npages) - gfn;
		int err = guard_seal_piece(kvm, slot, gfn, &pages, sealed);

		if (err)
			return err;
		gfn += pages;
	}
	return 0;
}

/* Under slots_lock, without srcu. */
static int guard_lock_frames(struct kvm *kvm, struct guard_vm *guard, u64 gfn, u64 end,
			     u32 asset)
{
	struct guard_range *range;
	bool sealed;
	int err;

	err = guard_check_slots(kvm, gfn, end);
	if (err)
		return err;
	err = guard_frames_add(&guard->frames, gfn, end, asset);
	if (err)
		return err;
	range = &guard->frames.range[guard->frames.count - 1];
	/* Whoever looked before has written, or stored the MSR that names an area. */
	synchronize_srcu(&kvm->srcu);
	if (guard_areas_are_locked(kvm)) {
		err = -EBUSY;
		goto drop;
	}
	guard_small_pages(kvm, gfn, end);
	kvm_zap_gfn_range(kvm, gfn, end);
	err = guard_seal(kvm, gfn, end, &sealed);
	if (err)
		goto allow;
	range->sealed = sealed;
	guard->sealed = sealed && (guard->sealed || guard->frames.count == 1);
	return 0;
allow:
	guard_big_pages(kvm, gfn, end);
drop:
	guard_frames_drop(&guard->frames);
	synchronize_srcu(&kvm->srcu);
	return err;
}

long guard_lock(struct kvm_vcpu *vcpu, u64 gpa, u64 bytes, u64 asset)
{
	struct kvm *kvm = vcpu->kvm;
	struct guard_vm *guard = guard_of(kvm);
	u64 limit = 1ULL << cpuid_maxphyaddr(vcpu);
	int err;

	if (!bytes || !PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(bytes) || asset >= GUARD_NR_ASSETS ||
	    gpa >= limit || bytes > limit - gpa)
		return -EINVAL;
	/* Both would load registers, and write to memory, past what is refused here. */
	if (is_guest_mode(vcpu) || (vcpu->arch.efer & EFER_SVME) || is_smm(vcpu))
		return -EPERM;

	kvm_vcpu_srcu_read_unlock(vcpu);
	mutex_lock(&kvm->slots_lock);
	err = guard_lock_frames(kvm, guard, gpa >> PAGE_SHIFT, (gpa + bytes) >> PAGE_SHIFT,
				asset);
	mutex_unlock(&kvm->slots_lock);
	kvm_vcpu_srcu_read_lock(vcpu);
	if (err)
		guard_refuse(guard, vcpu, GUARD_WAY_LOCK, gpa, -err);
	return err;
}
