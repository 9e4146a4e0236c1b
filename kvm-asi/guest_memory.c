// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own memory, seen through the VMM's user addresses.
 *
 * It is no secret to the guest, and emulation reads it all the time, so faults
 * on it may grow the domain, by one page or one large page and never with more than
 * the process has itself.  What goes away in the process goes away here: the MMU
 * notifier takes the range out before the process's own entry changes, and no
 * page is added until the change is over.  The TLB flush that follows makes
 * every CPU leave that is inside with what was taken out, idle CPUs among them.
 */
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include "kvm_asi.h"

/* Returns how many bytes. */
static u64 kvm_asi_collect(struct kvm *kvm, struct kvm_asi_guest *guest)
{
	struct kvm_memory_slot *slot;
	struct kvm_memslots *slots;
	u64 bytes = 0;
	int as, bkt;

	guest->ranges = 0;
	guest->left_out = 0;
	for (as = 0; as < kvm_arch_nr_memslot_as_ids(kvm); as++) {
		/* Asked once: the iterator evaluates it at every step. */
		slots = __kvm_memslots(kvm, as);
		kvm_for_each_memslot(slot, bkt, slots) {
			unsigned long start = slot->userspace_addr;

			/* Without room the slot stays unmapped: slow but correct. */
			bytes += slot->npages << PAGE_SHIFT;
			if (guest->ranges == KVM_ASI_MAX_RANGES) {
				guest->left_out++;
				continue;
			}
			guest->range[guest->ranges].start = start;
			guest->range[guest->ranges].end = start +
				(slot->npages << PAGE_SHIFT);
			guest->range[guest->ranges].gpa = slot->base_gfn << PAGE_SHIFT;
			guest->ranges++;
		}
	}
	return bytes;
}

static u64 kvm_asi_generation(struct kvm *kvm)
{
	u64 sum = 0;
	int as;

	for (as = 0; as < kvm_arch_nr_memslot_as_ids(kvm); as++)
		sum += __kvm_memslots(kvm, as)->generation;
	return sum;
}

/* Follow the memslots.  Under kvm_asi_vm.lock and kvm->srcu. */
void kvm_asi_sync_guest(struct kvm *kvm, struct kvm_asi_vm *vm)
{
	struct kvm_asi_guest *guest = &vm->guest;
	u64 generation = kvm_asi_generation(kvm);
	bool had_ranges = guest->ranges;

	if (generation == guest->generation)
		return;
	preempt_disable();
	write_seqcount_begin(&guest->seq);
	asi_limit(vm->asi, kvm_asi_collect(kvm, guest));
	guest->generation = generation;
	write_seqcount_end(&guest->seq);
	preempt_enable();
	/*
	 * Memory of slots that are gone has no business here.  A fault looks at the ranges
	 * under the domain's lock: it sees the new ones, or its page is taken out here.
	 */
	if (had_ranges)
		asi_unmap(vm->asi, NULL, TASK_SIZE_MAX);
}

/* In the fault path: one look, and any doubt means no. */
bool kvm_asi_owns_user(void *owner, unsigned long start, unsigned long size)
{
	struct kvm_asi_vm *vm = owner;
	struct kvm_asi_guest *guest = &vm->guest;
	unsigned int seq = raw_read_seqcount(&guest->seq);
	unsigned int i, n = READ_ONCE(guest->ranges);
	bool found = false;

	if ((seq & 1) || READ_ONCE(vm->kvm->mn_active_invalidate_count) ||
	    current->mm != vm->kvm->mm)
		return false;
	for (i = 0; i < n && i < KVM_ASI_MAX_RANGES; i++) {
		if (start >= READ_ONCE(guest->range[i].start) &&
		    start + size <= READ_ONCE(guest->range[i].end))
			found = true;
	}
	return found && !read_seqcount_retry(&guest->seq, seq);
}

/*
 * From the MMU notifier; may not sleep.  KVM has counted the change before it
 * calls here, and a fault looks at that count under the domain's lock: either
 * it sees the count, or its page is taken out here.
 */
void __kvm_asi_invalidate(struct kvm *kvm, unsigned long start,
			  unsigned long end)
{
	struct kvm_asi_vm *vm;

	/* Destroying the VM waits for this section. */
	rcu_read_lock();
	vm = READ_ONCE(kvm->arch.asi);
	if (vm)
		asi_zap_user(vm->asi, start, end);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(__kvm_asi_invalidate);
