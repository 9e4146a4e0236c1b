// SPDX-License-Identifier: GPL-2.0-only
/* What waits for the return to user mode while a task is in the vCPU loop. */
#include <linux/sched.h>
#include <linux/task_work.h>
#include "kvm_asi.h"

bool __kvm_asi_defer_user_work(struct kvm_vcpu *vcpu)
{
	struct kvm_asi_vcpu *v = vcpu->arch.asi;

	if (!current->rseq)
		return false;
#ifdef CONFIG_BLK_CGROUP
	if (current->throttle_disk)
		return false;
#endif
#ifdef CONFIG_MEMCG
	if (current->memcg_nr_pages_over_high)
		return false;
#endif
	clear_thread_flag(TIF_NOTIFY_RESUME);
	/* Pairs with the order of task_work_add(): work first, then the flag. */
	smp_mb__after_atomic();
	if (task_work_pending(current))
		task_work_run();
	v->user_work = true;
	return true;
}
