// SPDX-License-Identifier: GPL-2.0-only
/*
 * The image of a guest's kernel: is its text what the manifest says, and what may it become?
 *
 * The host keeps a copy of it.  A patch is judged by the copy, made there, and then in the
 * guest's memory: both have to be equal at any time, which the report compares.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <guard/memory.h>
#include "host.h"

/* A manifest has a few megabytes. */
#define GUARD_MANIFEST_MAX	(64 << 20)

int guard_take_manifest(struct guard_vm *guard, u64 address, u64 bytes)
{
	const char *why;

	if (!address)
		return bytes ? -EINVAL : 0;
	if (!bytes || bytes > GUARD_MANIFEST_MAX)
		return -EFBIG;
	guard->manifest_data = __vmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!guard->manifest_data)
		return -ENOMEM;
	guard->manifest_bytes = bytes;
	if (copy_from_user(guard->manifest_data, u64_to_user_ptr(address), bytes))
		return -EFAULT;
	why = guard_manifest_open(&guard->manifest, guard->manifest_data, bytes);
	if (!why)
		return 0;
	pr_warn_ratelimited("guard: a manifest was refused: %s\n", why);
	return -ENOEXEC;
}

void guard_free_image(struct guard_vm *guard)
{
	vfree(guard->text);
	vfree(guard->manifest_data);
}

static long guard_compare_image(struct kvm_vcpu *vcpu, struct guard_image *image, u8 *text,
				u32 size)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	u32 unexplained, compared;

	if (kvm_read_guest(vcpu->kvm, image->gpa, text, size))
		return -EFAULT;
	unexplained = guard_image_compare(&guard->manifest, image, &guard->frames, text,
					  &compared);
	if (!compared)
		return -ENOENT;
	if (unexplained && !asi_breaks(ASI_BREAK_GUARD_JUDGE)) {
		guard_refuse(guard, vcpu, GUARD_WAY_IMAGE, image->gpa, unexplained);
		return -EBADMSG;
	}
	return 0;
}

long guard_find_image(struct kvm_vcpu *vcpu, u64 gpa, u64 address)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	struct guard_image image = { .gpa = gpa };
	long err = 0;
	u32 size;
	u8 *text;

	if (!guard->manifest_data)
		return -ENODATA;
	size = guard_manifest_size(&guard->manifest);
	if (!PAGE_ALIGNED(gpa) || gpa + size < gpa)
		return -EINVAL;
	image.delta = guard_image_delta(&guard->manifest, address);
	text = __vmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!text)
		return -ENOMEM;
	mutex_lock(&guard->image_lock);
	if (guard->text)
		err = -EEXIST;
	else
		err = guard_compare_image(vcpu, &image, text, size);
	if (!err) {
		guard->image = image;
		guard->text = text;
	}
	mutex_unlock(&guard->image_lock);
	if (err)
		vfree(text);
	return err;
}

/* To memory that others cannot write to; it may lie in two pages. */
static int guard_write_frames(struct kvm *kvm, const struct guard_patch *patch)
{
	u64 gpa = patch->gpa;
	u32 done = 0;

	while (done < patch->length) {
		struct kvm_memory_slot *slot = gfn_to_memslot(kvm, gpa_to_gfn(gpa));
		u32 part = min_t(u32, patch->length - done, PAGE_SIZE - offset_in_page(gpa));
		unsigned long hva = gfn_to_hva_memslot(slot, gpa_to_gfn(gpa));
		int err;

		if (kvm_is_error_hva(hva))
			return -EFAULT;
		err = guard_mem_write(kvm->mm, hva + offset_in_page(gpa), patch->bytes + done,
				      part);
		if (err)
			return err;
		mark_page_dirty_in_slot(kvm, slot, gpa_to_gfn(gpa));
		gpa += part;
		done += part;
	}
	return 0;
}

static long guard_judge_patch(struct kvm_vcpu *vcpu, const struct guard_patch *patch)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	u32 size = guard_manifest_size(&guard->manifest);
	u64 offset = patch->gpa - guard->image.gpa;
	u32 verdict;
	long err;

	if (patch->gpa < guard->image.gpa || offset >= size || patch->length > size - offset ||
	    !guard_is_locked(guard, patch->gpa, patch->length))
		return -EINVAL;
	verdict = guard_image_judge(&guard->manifest, &guard->image, guard->text, offset,
				    patch->bytes, patch->length);
	if (verdict && !asi_breaks(ASI_BREAK_GUARD_JUDGE)) {
		guard_refuse(guard, vcpu, GUARD_WAY_PATCH, patch->gpa, verdict);
		return -EPERM;
	}
	err = guard_write_frames(vcpu->kvm, patch);
	if (err)
		return err;
	memcpy(guard->text + offset, patch->bytes, patch->length);
	guard->patches++;
	return 0;
}

long guard_make_patch(struct kvm_vcpu *vcpu, const struct guard_patch *patch)
{
	struct guard_vm *guard = guard_of(vcpu->kvm);
	long err;

	if (!patch->length || patch->length > GUARD_PATCH_MAX)
		return -EINVAL;
	mutex_lock(&guard->image_lock);
	err = guard->text ? guard_judge_patch(vcpu, patch) : -ENOENT;
	mutex_unlock(&guard->image_lock);
	return err;
}
