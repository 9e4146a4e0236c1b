// SPDX-License-Identifier: GPL-2.0-only
/*
 * The array of vCPUs, which KVM walks when it sends an interrupt to several.
 *
 * Its node is a slab object among everybody's, so no domain may map it.  A copy on pages of
 * the machine's own takes the node's place in the array, until the machine ends: then KVM
 * has its node back, and frees it.  An array of several levels, of more than 64 vCPUs, is
 * left as it is: touching it leaves.
 */
#include <linux/kvm_host.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "kvm_asi.h"

/* Nobody else changes the array. */
static void kvm_asi_copy_node(struct xa_node *to, const struct xa_node *from)
{
	*to = *from;
	INIT_LIST_HEAD(&to->private_list);
}

void kvm_asi_take_node(struct kvm *kvm, struct kvm_asi_vm *vm)
{
	struct xarray *array = &kvm->vcpu_array;
	struct xa_node *copy;
	void *head;

	if (vm->node || !xa_is_node(rcu_access_pointer(array->xa_head)))
		return;
	copy = asi_zalloc_local_nonsensitive(sizeof(*copy), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return;
	xa_lock(array);
	head = xa_head_locked(array);
	if (xa_is_node(head) && !xa_to_node(head)->shift) {
		vm->kvm_node = xa_to_node(head);
		vm->node = copy;
		kvm_asi_copy_node(copy, vm->kvm_node);
		/* An array frees a node with one entry or none. */
		copy->count++;
		rcu_assign_pointer(array->xa_head, xa_mk_node(copy));
	}
	xa_unlock(array);
	if (vm->node != copy)
		kfree(copy);
}

void kvm_asi_return_node(struct kvm *kvm, struct kvm_asi_vm *vm)
{
	struct xarray *array = &kvm->vcpu_array;
	struct xa_node *parent;

	if (!vm->node)
		return;
	xa_lock(array);
	kvm_asi_copy_node(vm->kvm_node, vm->node);
	vm->kvm_node->count--;
	/* The array may have grown by a level meanwhile. */
	parent = xa_parent_locked(array, vm->node);
	if (parent)
		rcu_assign_pointer(parent->slots[vm->node->offset], xa_mk_node(vm->kvm_node));
	else
		rcu_assign_pointer(array->xa_head, xa_mk_node(vm->kvm_node));
	xa_unlock(array);
}
