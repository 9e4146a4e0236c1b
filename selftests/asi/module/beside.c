// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a guest run while this CPU executes kernel code?
 *
 * debugfs asi_test/beside: write "PID ADDRESS US": look at the 64-bit count at the guest's
 * physical ADDRESS, of process PID's guest, at the beginning and the end of US microseconds
 * in this system call; read it: what was found, as "count N advanced N".
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include "asi_test.h"

#define ASI_BESIDE_MAX_US	100000U

static DEFINE_MUTEX(asi_beside_mutex);
static u64 asi_beside_count, asi_beside_advanced;

/* One page of the guest's memory, pinned. */
static struct page *asi_guest_page(struct kvm *kvm, gpa_t gpa)
{
	struct page *page = ERR_PTR(-EFAULT);
	unsigned long hva;
	int idx;

	idx = srcu_read_lock(&kvm->srcu);
	hva = gfn_to_hva(kvm, gpa_to_gfn(gpa));
	srcu_read_unlock(&kvm->srcu, idx);
	if (kvm_is_error_hva(hva))
		return page;
	mmap_read_lock(kvm->mm);
	if (pin_user_pages_remote(kvm->mm, hva, 1, 0, &page, NULL) != 1)
		page = ERR_PTR(-EFAULT);
	mmap_read_unlock(kvm->mm);
	return page;
}

static void asi_look_twice(const u64 *count, unsigned int us)
{
	u64 end = ktime_get_ns() + us * NSEC_PER_USEC;
	u64 first = READ_ONCE(*count);

	do
		cpu_relax();
	while (ktime_get_ns() < end);
	asi_beside_count = READ_ONCE(*count);
	asi_beside_advanced = asi_beside_count - first;
}

static ssize_t beside_write(struct file *file, const char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	unsigned long long gpa;
	struct file *vcpu_file;
	struct kvm_vcpu *vcpu;
	struct page *page;
	unsigned int us;
	char line[48];
	int pid;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	if (sscanf(line, "%d %llx %u", &pid, &gpa, &us) != 3 || us > ASI_BESIDE_MAX_US ||
	    gpa % sizeof(u64))
		return -EINVAL;
	vcpu_file = asi_guest_of(pid);
	if (IS_ERR(vcpu_file))
		return PTR_ERR(vcpu_file);
	vcpu = vcpu_file->private_data;
	page = asi_guest_page(vcpu->kvm, gpa);
	if (!IS_ERR(page)) {
		mutex_lock(&asi_beside_mutex);
		preempt_disable();
		asi_look_twice(page_address(page) + offset_in_page(gpa), us);
		preempt_enable();
		mutex_unlock(&asi_beside_mutex);
		unpin_user_page(page);
	}
	fput(vcpu_file);
	return PTR_ERR_OR_ZERO(page) ?: len;
}

static int beside_show(struct seq_file *m, void *unused)
{
	mutex_lock(&asi_beside_mutex);
	seq_printf(m, "count %llu advanced %llu\n", asi_beside_count, asi_beside_advanced);
	mutex_unlock(&asi_beside_mutex);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(beside);

void asi_beside_init(struct dentry *dir)
{
	debugfs_create_file("beside", 0600, dir, NULL, &beside_fops);
}
