// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a guest run while this CPU executes kernel code?
 *
 * debugfs asi_test/beside: write "PID ADDRESS US [interrupt CPU|thread CPU]": look at the
 * 64-bit count at the guest's physical ADDRESS, of process PID's guest, at the beginning and
 * the end of US microseconds in this system call, or in an interrupt or a kernel thread on
 * that CPU; read it: what was found, as "count N advanced N".
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include "asi_test.h"

#define ASI_BESIDE_MAX_US	100000U

static DEFINE_MUTEX(asi_beside_mutex);
static u64 asi_beside_count, asi_beside_advanced;

/* One page of the guest's memory, pinned. */
static struct page *asi_guest_page(struct kvm *kvm, gpa_t gpa)
{
	struct page *page = ERR_PTR(-EFAULT);
	gfn_t gfn = gpa_to_gfn(gpa);
	struct kvm_memory_slot *slot;
	unsigned long hva = 0;
	int idx;

	/* Inline functions only: this module is loaded while KVM, as one, goes. */
	idx = srcu_read_lock(&kvm->srcu);
	slot = search_memslots(kvm_memslots(kvm), gfn, true);
	if (slot && gfn >= slot->base_gfn && gfn < slot->base_gfn + slot->npages)
		hva = __gfn_to_hva_memslot(slot, gfn);
	srcu_read_unlock(&kvm->srcu, idx);
	if (!hva)
		return page;
	mmap_read_lock(kvm->mm);
	if (pin_user_pages_remote(kvm->mm, hva, 1, 0, &page, NULL) != 1)
		page = ERR_PTR(-EFAULT);
	mmap_read_unlock(kvm->mm);
	return page;
}

struct asi_look {
	const u64 *count;
	unsigned int us;
};

static void asi_look_twice(void *arg)
{
	const struct asi_look *look = arg;
	u64 end = ktime_get_ns() + look->us * NSEC_PER_USEC;
	u64 first = READ_ONCE(*look->count);

	do
		cpu_relax();
	while (ktime_get_ns() < end);
	asi_beside_count = READ_ONCE(*look->count);
	asi_beside_advanced = asi_beside_count - first;
}

static long asi_look_in_thread(void *arg)
{
	preempt_disable();
	asi_look_twice(arg);
	preempt_enable();
	return 0;
}

static int asi_look_where(struct asi_look *look, const char *where, unsigned int cpu)
{
	if (!*where) {
		asi_look_in_thread(look);
		return 0;
	}
	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -ENXIO;
	if (!strcmp(where, "interrupt"))
		return smp_call_function_single(cpu, asi_look_twice, look, true);
	if (!strcmp(where, "thread"))
		return work_on_cpu(cpu, asi_look_in_thread, look);
	return -EINVAL;
}

static ssize_t beside_write(struct file *file, const char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	char line[64], where[16] = "";
	unsigned long long gpa;
	struct asi_look look;
	struct file *vcpu_file;
	struct kvm_vcpu *vcpu;
	unsigned int cpu = 0;
	struct page *page;
	int pid, err = 0;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	if (sscanf(line, "%d %llx %u %15s %u", &pid, &gpa, &look.us, where, &cpu) < 3 ||
	    look.us > ASI_BESIDE_MAX_US || gpa % sizeof(u64))
		return -EINVAL;
	vcpu_file = asi_guest_of(pid);
	if (IS_ERR(vcpu_file))
		return PTR_ERR(vcpu_file);
	vcpu = vcpu_file->private_data;
	page = asi_guest_page(vcpu->kvm, gpa);
	if (IS_ERR(page)) {
		err = PTR_ERR(page);
	} else {
		look.count = page_address(page) + offset_in_page(gpa);
		mutex_lock(&asi_beside_mutex);
		err = asi_look_where(&look, where, cpu);
		mutex_unlock(&asi_beside_mutex);
		unpin_user_page(page);
	}
	fput(vcpu_file);
	return err ?: len;
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
