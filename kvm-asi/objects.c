// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory a vCPU's loop touches, and so has to be mapped in its VM's
 * domain.  KVM replaces some of these objects while a VM lives.  Every KVM_RUN
 * compares the vCPU's list with the one before; the VM's (memslots, interrupt
 * routing, buses) is made again by kvm_asi_changed(), and when something was taken
 * out of the domain.
 */
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sort.h>
#include <linux/srcu.h>
#include "kvm_asi.h"
#include "ioapic.h"
#include "irq.h"
#include "lapic.h"
#include "i8254.h"
#include "svm/svm.h"
#include "vmx/vmx.h"

/*
 * A VM's objects, slots and SRCU apart: itself, buses, routes, the MSR filter and its
 * bitmaps, the ring of coalesced writes, three models of controllers, the APIC map, the
 * node of the array of vCPUs and the hash of shadow pages.
 */
#define KVM_ASI_VM_OBJECTS	(10 + KVM_NR_BUSES + KVM_MSR_FILTER_MAX_RANGES)
/* Of a slot: itself and what KVM remembers of its large pages. */
#define KVM_ASI_SLOT_OBJECTS	KVM_NR_PAGE_SIZES
/* KVM has two of them for each VM, and every CPU its part of each. */
#define KVM_ASI_SRCUS		2

static int kvm_asi_make_list(struct kvm_asi_list *list)
{
	list->room = KVM_ASI_VM_OBJECTS + KVM_ASI_MAX_SLOTS * KVM_ASI_SLOT_OBJECTS +
		     KVM_ASI_SRCUS * num_possible_cpus();
	list->object = kvmalloc_array(list->room, sizeof(*list->object), GFP_KERNEL_ACCOUNT);
	return list->object ? 0 : -ENOMEM;
}

int kvm_asi_make_lists(struct kvm_asi_vm *vm)
{
	return kvm_asi_make_list(&vm->objects.list) ?: kvm_asi_make_list(&vm->wanted);
}

void kvm_asi_free_lists(struct kvm_asi_vm *vm)
{
	kvfree(vm->objects.list.object);
	kvfree(vm->wanted.object);
}

static void kvm_asi_add(struct kvm_asi_list *list, const void *addr, size_t size)
{
	if (!addr || !size)
		return;
	/* It stays unmapped: touching it leaves, which is slow but correct. */
	if (list->count == list->room) {
		list->left_out++;
		return;
	}
	list->object[list->count].addr = addr;
	list->object[list->count].size = size;
	list->count++;
}

static int kvm_asi_compare(const void *a, const void *b)
{
	const struct kvm_asi_object *left = a, *right = b;

	if (left->addr != right->addr)
		return left->addr < right->addr ? -1 : 1;
	return left->size < right->size ? -1 : left->size > right->size;
}

/*
 * Take out what KVM replaced and has not freed yet.  Never what is freed: its page
 * may be in use again, as some vCPU's, and VM exit on SVM stores the guest's
 * registers there while GS is the guest's still.  No fault would be survived.
 * Both lists are sorted.
 */
static void kvm_asi_unmap_replaced(struct asi *asi, const struct kvm_asi_list *have,
				   const struct kvm_asi_list *want)
{
	unsigned int i, at = 0;

	for (i = 0; i < have->count; i++) {
		const struct kvm_asi_object *object = &have->object[i];

		while (at < want->count && kvm_asi_compare(&want->object[at], object) < 0)
			at++;
		if (at == want->count || kvm_asi_compare(&want->object[at], object))
			asi_unmap(asi, object->addr, object->size);
	}
}

/*
 * Map the objects of @want.  Pages may have been taken out when they were freed,
 * so everything is mapped again whenever something changed in the domain.
 */
static int kvm_asi_sync(struct asi *asi, struct kvm_asi_objects *have,
			const struct kvm_asi_list *want)
{
	u64 generation = asi_generation(asi);
	unsigned int i;
	int err;

	if (have->list.count == want->count && have->generation == generation &&
	    !memcmp(have->list.object, want->object, want->count * sizeof(want->object[0])))
		return 0;
	have->list.count = 0;
	have->list.left_out = want->left_out;
	have->generation = asi_generation(asi);
	for (i = 0; i < want->count; i++) {
		err = asi_map(asi, want->object[i].addr, want->object[i].size,
			      ASI_KIND_OBJECT);
		if (err) {
			if (err == -ENXIO)
				asi_refused("guest in memory that was not announced at boot");
			have->generation = 0;
			return err;
		}
		have->list.object[i] = want->object[i];
		have->list.count = i + 1;
	}
	return 0;
}

static void kvm_asi_list_svm(struct kvm_asi_list *list, struct kvm_vcpu *vcpu)
{
	struct vcpu_svm *svm = to_svm(vcpu);

	kvm_asi_add(list, svm, sizeof(*svm));
	kvm_asi_add(list, svm->vmcb01.ptr, PAGE_SIZE);
	kvm_asi_add(list, svm->msrpm, MSRPM_SIZE);
	/* Short of memory KVM frees vmcb02 and leaves the pointer: to somebody else's page. */
	if (svm->nested.initialized) {
		kvm_asi_add(list, svm->nested.vmcb02.ptr, PAGE_SIZE);
		kvm_asi_add(list, svm->nested.msrpm, MSRPM_SIZE);
	}
}

static void kvm_asi_list_vmx(struct kvm_asi_list *list, struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	kvm_asi_add(list, vmx, sizeof(*vmx));
	kvm_asi_add(list, vmx->vmcs01.vmcs, PAGE_SIZE);
	kvm_asi_add(list, vmx->vmcs01.msr_bitmap, PAGE_SIZE);
	kvm_asi_add(list, vmx->vmcs01.shadow_vmcs, PAGE_SIZE);
}

static int kvm_asi_list_vcpu(struct kvm_vcpu *vcpu, struct kvm_asi_vcpu *v)
{
	struct kvm_lapic *apic = vcpu->arch.apic;
	struct kvm_asi_object object[KVM_ASI_VCPU_OBJECTS];
	struct kvm_asi_list list = { .object = object, .room = ARRAY_SIZE(object) };

	if (kvm_asi_vendor() == KVM_ASI_SVM)
		kvm_asi_list_svm(&list, vcpu);
	else
		kvm_asi_list_vmx(&list, vcpu);
	kvm_asi_add(&list, vcpu->run, PAGE_SIZE);
	kvm_asi_add(&list, vcpu->arch.pio_data, PAGE_SIZE);
	kvm_asi_add(&list, vcpu->arch.emulate_ctxt, sizeof(struct x86_emulate_ctxt));
	kvm_asi_add(&list, vcpu->arch.guest_fpu.fpstate,
		    offsetof(struct fpstate, regs) +
		    vcpu->arch.guest_fpu.fpstate->size);
	/* As many as there may be, however many the VMM says there are. */
	kvm_asi_add(&list, vcpu->arch.mce_banks, PAGE_SIZE);
	kvm_asi_add(&list, vcpu->arch.cpuid_entries,
		    vcpu->arch.cpuid_nent * sizeof(struct kvm_cpuid_entry2));
	kvm_asi_add(&list, vcpu->arch.hyperv, sizeof(*vcpu->arch.hyperv));
	if (apic) {
		kvm_asi_add(&list, apic, sizeof(*apic));
		kvm_asi_add(&list, apic->regs, PAGE_SIZE);
	}
	/* What KVM freed of these went with its pages. */
	return kvm_asi_sync(v->run.asi, &v->objects, &list);
}

int kvm_asi_map_vcpu(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;
	/* Before anything is mapped: what goes meanwhile is missed by the next KVM_RUN. */
	struct kvm_asi_seen seen = {
		.generation = READ_ONCE(*v->generation),
		.cpuid = vcpu->arch.cpuid_entries,
		.fpstate = vcpu->arch.guest_fpu.fpstate,
		.hyperv = vcpu->arch.hyperv,
		.nested = kvm_asi_nested(vcpu, v),
	};
	int err;

	if (kvm_asi_is_seen(vcpu, v, seen.generation))
		return 0;
	err = kvm_asi_list_vcpu(vcpu, v);
	if (!err)
		v->seen = seen;
	return err;
}

bool kvm_asi_map_vmcb(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;
	u64 generation = READ_ONCE(*v->generation);
	const void *vmcb = to_svm(vcpu)->vmcb;
	bool nested = vmcb == to_svm(vcpu)->nested.vmcb02.ptr;

	if (vmcb != v->vmcb[nested].ptr || generation != v->vmcb[nested].generation) {
		/* With an empty reserve the critical section is lost, and counted. */
		if (asi_map_reserved(v->run.asi, vmcb, PAGE_SIZE, ASI_KIND_OBJECT))
			return false;
		v->vmcb[nested].ptr = vmcb;
		v->vmcb[nested].generation = generation;
	}
	v->vmcb_last = v->vmcb[nested];
	v->run.vmcb = vmcb;
	return true;
}

static void kvm_asi_add_bus(struct kvm_asi_list *list,
			    const struct kvm_io_bus *bus)
{
	if (bus)
		kvm_asi_add(list, bus, struct_size(bus, range, bus->dev_count));
}

/*
 * With what KVM remembers of a slot's large pages, and reads for each first touch.  The
 * arrays are vmalloc()ed, so nothing lies beside them.
 */
static void kvm_asi_add_slot(struct kvm_asi_list *list, const struct kvm_memory_slot *slot)
{
	int i;

	kvm_asi_add(list, slot, sizeof(*slot));
	for (i = 0; i < KVM_NR_PAGE_SIZES - 1; i++)
		kvm_asi_add(list, slot->arch.lpage_info[i],
			    (gfn_to_index(slot->base_gfn + slot->npages - 1,
					  slot->base_gfn, i + PG_LEVEL_2M) + 1) *
			    sizeof(*slot->arch.lpage_info[i]));
}

static void kvm_asi_add_slots(struct kvm_asi_list *list, struct kvm *kvm)
{
	/* Asked once: the iterator evaluates it at every step. */
	struct kvm_memslots *slots = kvm_memslots(kvm);
	struct kvm_memory_slot *slot;
	int bkt;

	kvm_for_each_memslot(slot, bkt, slots)
		kvm_asi_add_slot(list, slot);
}

/* Which MSRs the VMM wants to see. */
static void kvm_asi_add_msr_filter(struct kvm_asi_list *list, struct kvm *kvm)
{
	const struct kvm_x86_msr_filter *filter;
	unsigned int i;

	filter = srcu_dereference(kvm->arch.msr_filter, &kvm->srcu);
	if (!filter)
		return;
	kvm_asi_add(list, filter, sizeof(*filter));
	for (i = 0; i < filter->count; i++)
		kvm_asi_add(list, filter->ranges[i].bitmap,
			    BITS_TO_LONGS(filter->ranges[i].nmsrs) * sizeof(long));
}

/* Every CPU reads and writes its part. */
static void kvm_asi_add_srcu(struct kvm_asi_list *list, const struct srcu_struct *srcu)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kvm_asi_add(list, per_cpu_ptr(srcu->sda, cpu), sizeof(struct srcu_data));
}

/*
 * Memslots, routing and bus tables are replaced under SRCU.  The slots come last, as there
 * may be more of them than there is room.
 */
static void kvm_asi_list_vm(struct kvm_asi_list *list, struct kvm *kvm)
{
	struct kvm_irq_routing_table *routing;
	struct kvm_apic_map *map;
	int bus;

	kvm_asi_add(list, kvm, kvm_asi_vendor() == KVM_ASI_SVM ?
		    sizeof(struct kvm_svm) : sizeof(struct kvm_vmx));
	for (bus = 0; bus < KVM_NR_BUSES; bus++)
		kvm_asi_add_bus(list, rcu_access_pointer(kvm->buses[bus]));
	routing = srcu_dereference(kvm->irq_routing, &kvm->irq_srcu);
	/* The empty one that KVM begins with is a slab object with neighbours. */
	if (routing && routing->nr_rt_entries > 1)
		kvm_asi_add(list, routing, struct_size(routing, map, routing->nr_rt_entries));
	kvm_asi_add_msr_filter(list, kvm);
	if (kvm->coalesced_mmio_ring)
		kvm_asi_add(list, kvm->coalesced_mmio_ring, PAGE_SIZE);
	kvm_asi_add(list, kvm->arch.vpic, sizeof(struct kvm_pic));
	kvm_asi_add(list, kvm->arch.vioapic, sizeof(struct kvm_ioapic));
	kvm_asi_add(list, kvm->arch.vpit, sizeof(struct kvm_pit));
	rcu_read_lock();
	map = rcu_dereference(kvm->arch.apic_map);
	if (map)
		kvm_asi_add(list, map, sizeof(*map) +
			    (map->max_apic_id + 1) * sizeof(map->phys_map[0]));
	rcu_read_unlock();
	kvm_asi_add(list, kvm->arch.asi->node, sizeof(struct xa_node));
	/* Whole pages, from whatever allocator. */
	kvm_asi_add(list, kvm->arch.mmu_page_hash,
		    KVM_NUM_MMU_PAGES * sizeof(*kvm->arch.mmu_page_hash));
	kvm_asi_add_srcu(list, &kvm->srcu);
	kvm_asi_add_srcu(list, &kvm->irq_srcu);
	kvm_asi_add_slots(list, kvm);
	sort(list->object, list->count, sizeof(list->object[0]), kvm_asi_compare, NULL);
}

/* Called first and when KVM has replaced something: kvm_asi_changed(). */
int kvm_asi_map_vm(struct kvm *kvm)
{
	struct kvm_asi_vm *vm = kvm->arch.asi;
	struct kvm_asi_list *list = &vm->wanted;
	int err, idx, irq_idx;

	/* First, so that the list made last is the one that stays. */
	mutex_lock(&vm->lock);
	list->count = 0;
	list->left_out = 0;
	kvm_asi_take_node(kvm, vm);
	idx = srcu_read_lock(&kvm->srcu);
	irq_idx = srcu_read_lock(&kvm->irq_srcu);
	kvm_asi_list_vm(list, kvm);
	kvm_asi_sync_guest(kvm, vm);
	/* All of these are replaced with kvm_asi_changed(), before they are freed. */
	kvm_asi_unmap_replaced(vm->asi, &vm->objects.list, list);
	err = kvm_asi_sync(vm->asi, &vm->objects, list);
	srcu_read_unlock(&kvm->irq_srcu, irq_idx);
	srcu_read_unlock(&kvm->srcu, idx);
	mutex_unlock(&vm->lock);
	return err;
}

static bool kvm_asi_lists(const struct kvm_asi_list *list, unsigned long start,
			  unsigned long size)
{
	unsigned int i, count = READ_ONCE(list->count);

	for (i = 0; i < count; i++) {
		unsigned long at = (unsigned long)list->object[i].addr;

		if (at < start + size && at + list->object[i].size > start)
			return true;
	}
	return false;
}

/* A vCPU's list may be changing: then what comes or goes is missed. */
bool kvm_asi_owns_object(void *owner, unsigned long start, unsigned long size)
{
	struct kvm_asi_vm *vm = owner;
	struct kvm_asi_vcpu *v;
	bool found;

	mutex_lock(&vm->lock);
	found = kvm_asi_lists(&vm->objects.list, start, size);
	list_for_each_entry(v, &vm->vcpus, list)
		found = found || kvm_asi_lists(&v->objects.list, start, size);
	mutex_unlock(&vm->lock);
	return found;
}

struct kvm_asi_fit kvm_asi_fit(struct kvm_asi_vm *vm)
{
	struct kvm_asi_vcpu *v;
	struct kvm_asi_fit fit;

	mutex_lock(&vm->lock);
	fit.objects = vm->objects.list.count;
	fit.left_out = vm->objects.list.left_out + vm->guest.left_out;
	list_for_each_entry(v, &vm->vcpus, list) {
		fit.objects += READ_ONCE(v->objects.list.count);
		fit.left_out += READ_ONCE(v->objects.list.left_out);
	}
	mutex_unlock(&vm->lock);
	return fit;
}
