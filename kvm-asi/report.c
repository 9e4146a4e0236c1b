// SPDX-License-Identifier: GPL-2.0-only
/* debugfs asi/kvm: what became of every VM exit. */
#include <linux/debugfs.h>
#include <linux/kallsyms.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asi/engine.h>
#include <asi/gate.h>
#include "kvm_asi.h"

static void kvm_asi_show_reason_name(struct seq_file *m, u32 code)
{
	const char *name = kvm_asi_reason_name(kvm_asi_vendor(), code);

	seq_puts(m, name ?: "unnamed");
}

static void kvm_asi_show_counts(struct seq_file *m, const u64 *count)
{
	seq_printf(m, " inside %llu left %llu user %llu first_touch %llu",
		   count[KVM_ASI_INSIDE], count[KVM_ASI_LEFT],
		   count[KVM_ASI_USER], count[KVM_ASI_FIRST_TOUCH]);
}

static void kvm_asi_show_cause(struct seq_file *m, const struct kvm_asi_cause *c)
{
	const struct asi_fault_info *fault = &c->leave.fault;

	seq_puts(m, "cause reason ");
	kvm_asi_show_reason_name(m, c->code);
	seq_printf(m, " code 0x%x how %s", c->code, kvm_asi_leave_name(c->leave.how));
	if (c->leave.how == ASI_LEAVE_FAULT)
		seq_printf(m, " kind %s cache %s access %s ip 0x%llx symbol %pS",
			   asi_kind_name(fault->kind), fault->cache[0] ? fault->cache : "-",
			   asi_access_name(fault->access), fault->ip,
			   (void *)(unsigned long)fault->ip);
	seq_printf(m, " count %llu\n", c->count);
}

static void kvm_asi_show_account(struct seq_file *m,
				 const struct kvm_asi_account *a)
{
	int i;

	seq_puts(m, "exits");
	kvm_asi_show_counts(m, a->total);
	seq_printf(m, " first_touch_left %llu no_page %llu switched %llu\n",
		   a->left_first_touch, a->left_no_page, a->left_switched);
	for (i = 0; i < ASI_NR_FLUSHES; i++)
		seq_printf(m, "flush %s done %llu avoided %llu\n", kvm_asi_flush_name(i),
			   a->flushed[i], kvm_asi_account_avoided(a, i));
	for (i = 0; i < KVM_ASI_REASONS; i++) {
		if (!a->reason[i].used)
			continue;
		seq_puts(m, "reason ");
		kvm_asi_show_reason_name(m, a->reason[i].code);
		seq_printf(m, " code 0x%x", a->reason[i].code);
		kvm_asi_show_counts(m, a->reason[i].count);
		seq_putc(m, '\n');
	}
	if (a->other.used) {
		seq_puts(m, "reason other code 0x0");
		kvm_asi_show_counts(m, a->other.count);
		seq_putc(m, '\n');
	}
	for (i = 0; i < KVM_ASI_CAUSES; i++) {
		if (a->cause[i].used)
			kvm_asi_show_cause(m, &a->cause[i]);
	}
	seq_printf(m, "causes_dropped %llu\n\n", a->causes_dropped);
}

void kvm_asi_sum(struct kvm_asi_vm *vm, struct kvm_asi_account *sum)
{
	struct kvm_asi_vcpu *v;

	mutex_lock(&vm->lock);
	memset(sum, 0, sizeof(*sum));
	list_for_each_entry(v, &vm->vcpus, list)
		kvm_asi_account_add(sum, &v->account);
	mutex_unlock(&vm->lock);
}

/*
 * A block at a time, so that nobody waits for all of a long list.  The list's head stands
 * for those that ended.
 */
static void *kvm_asi_seq_start(struct seq_file *m, loff_t *pos)
{
	struct list_head *at = &kvm_asi_vms;
	loff_t n = *pos;

	mutex_lock(&kvm_asi_vms_lock);
	do {
		at = at->next;
	} while (n-- > 0 && at != &kvm_asi_vms);
	return n < 0 ? at : NULL;
}

static void *kvm_asi_seq_next(struct seq_file *m, void *at, loff_t *pos)
{
	++*pos;
	return at == &kvm_asi_vms ? NULL : ((struct list_head *)at)->next;
}

static void kvm_asi_seq_stop(struct seq_file *m, void *at)
{
	mutex_unlock(&kvm_asi_vms_lock);
}

static int kvm_asi_seq_show(struct seq_file *m, void *at)
{
	const char *vendor = kvm_asi_vendor() == KVM_ASI_SVM ? "svm" : "vmx";
	struct kvm_asi_account *sum = m->private;
	struct kvm_asi_fit fit;
	struct kvm_asi_vm *vm;

	/* Whoever reads may be isolated. */
	guard(asi_unrestricted)();

	if (at == &kvm_asi_vms) {
		seq_puts(m, "vm ended\n");
		kvm_asi_show_account(m, &kvm_asi_ended);
		return 0;
	}
	vm = list_entry(at, struct kvm_asi_vm, list);
	kvm_asi_sum(vm, sum);
	fit = kvm_asi_fit(vm);
	seq_printf(m, "vm %u pid %d comm %s vcpus %u vendor %s\n",
		   asi_id(vm->asi), vm->pid, vm->comm, READ_ONCE(vm->nr_vcpus), vendor);
	seq_printf(m, "objects %u left_out %u\n", fit.objects, fit.left_out);
	kvm_asi_show_account(m, sum);
	return 0;
}

static const struct seq_operations kvm_asi_seq_ops = {
	.start = kvm_asi_seq_start,
	.next = kvm_asi_seq_next,
	.stop = kvm_asi_seq_stop,
	.show = kvm_asi_seq_show,
};

static int kvm_asi_open(struct inode *inode, struct file *file)
{
	struct kvm_asi_account *sum = vzalloc(sizeof(*sum));
	int err;

	if (!sum)
		return -ENOMEM;
	err = seq_open(file, &kvm_asi_seq_ops);
	if (err)
		vfree(sum);
	else
		((struct seq_file *)file->private_data)->private = sum;
	return err;
}

static int kvm_asi_release(struct inode *inode, struct file *file)
{
	vfree(((struct seq_file *)file->private_data)->private);
	return seq_release(inode, file);
}

static const struct file_operations kvm_asi_fops = {
	.owner = THIS_MODULE,
	.open = kvm_asi_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = kvm_asi_release,
};

void kvm_asi_loaded(void)
{
	if (asi_consumer_on[ASI_CLASS_KVM])
		debugfs_create_file("kvm", 0400, asi_debugfs(), NULL, &kvm_asi_fops);
}

/* Waits for readers.  No machine is left. */
void kvm_asi_unloaded(void)
{
	debugfs_lookup_and_remove("kvm", asi_debugfs());
}
