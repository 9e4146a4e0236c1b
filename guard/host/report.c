// SPDX-License-Identifier: GPL-2.0-only
/* debugfs asi/guard: machines that were offered the guard, what they locked, what was refused. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asi/asi.h>
#include <asi/gate.h>
#include "host.h"

static const char *guard_text_state(const struct guard_vm *guard)
{
	if (guard->text)
		return "patched";
	return guard->manifest_data ? "table" : "none";
}

static void guard_show_refusals(struct seq_file *m, struct guard_vm *guard,
				struct guard_refusals *copy)
{
	u32 i;

	spin_lock_irq(&guard->lock);
	*copy = guard->refusals;
	spin_unlock_irq(&guard->lock);
	for (i = 0; i < copy->used; i++) {
		const struct guard_refusal *one = &copy->refusal[i];

		seq_printf(m, "refused %s where 0x%llx value 0x%llx vcpu %u ip 0x%llx count %llu\n",
			   guard_way_name(one->way), one->where, one->value, one->vcpu, one->ip,
			   one->count);
	}
	seq_printf(m, "refusals %llu dropped %llu\n", copy->total, copy->dropped);
}

static void guard_show_vm(struct seq_file *m, struct guard_vm *guard,
			  struct guard_refusals *copy)
{
	u32 i, count = READ_ONCE(guard->frames.count);

	seq_printf(m, "vm %d comm %s pinned %u text %s patches %llu\n", guard->pid, guard->comm,
		   guard->nr_vcpus, guard_text_state(guard), READ_ONCE(guard->patches));
	for (i = 0; i < count; i++) {
		const struct guard_range *range = &guard->frames.range[i];

		seq_printf(m, "locked %s start 0x%llx end 0x%llx vmm %s\n",
			   guard_asset_name(range->asset), range->first << PAGE_SHIFT,
			   range->end << PAGE_SHIFT, range->sealed ? "sealed" : "writes");
	}
	guard_show_refusals(m, guard, copy);
}

static int guard_show(struct seq_file *m, void *unused)
{
	struct guard_refusals *copy;
	struct guard_vm *guard;

	/* Whoever reads may be isolated. */
	guard(asi_unrestricted)();

	copy = vmalloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	mutex_lock(&guard_vms_lock);
	list_for_each_entry(guard, &guard_vms, list)
		guard_show_vm(m, guard, copy);
	mutex_unlock(&guard_vms_lock);
	vfree(copy);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(guard);

void guard_report_init(void)
{
	debugfs_create_file("guard", 0400, asi_debugfs(), NULL, &guard_fops);
}

/* Waits for readers. */
void guard_report_exit(void)
{
	debugfs_lookup_and_remove("guard", asi_debugfs());
}
