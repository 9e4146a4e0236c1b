// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read an address from inside a vCPU loop.  The tracepoint kvm_exit is called
 * there right after VM exit, by plain calls that do not step out.
 */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <asm/pgtable.h>
#include <asm/special_insns.h>
#include <asi/asi.h>
#include <asi/engine.h>
#include "asi_test.h"

struct kvm_vcpu;

static struct tracepoint *asi_kvm_exit;
static bool (*asi_shot)(void *arg);
static void *asi_shot_arg;
static int asi_target_tgid;
static atomic_t asi_armed;
static DECLARE_COMPLETION(asi_shot_done);

static void asi_read_now(unsigned long address, struct asi_attempt *attempt)
{
	attempt->domain = asi_current();
	attempt->inside_before = attempt->domain;
	attempt->root = __native_read_cr3() & CR3_ADDR_MASK;
	attempt->faulted = copy_from_kernel_nofault(&attempt->value, (void *)address,
						    sizeof(attempt->value));
	attempt->inside_after = asi_current();
}

/* Preemption is off in a tracepoint. */
static void asi_on_kvm_exit(void *data, struct kvm_vcpu *vcpu, u32 isa)
{
	int tgid = READ_ONCE(asi_target_tgid);

	if (atomic_read(&asi_armed) != 1)
		return;
	if (tgid && current->tgid != tgid)
		return;
	if (atomic_cmpxchg(&asi_armed, 1, 2) != 1)
		return;
	if (asi_shot(asi_shot_arg))
		complete(&asi_shot_done);
	else
		atomic_set(&asi_armed, 1);
}

int asi_probe_call(int tgid, bool (*fn)(void *arg), void *arg)
{
	reinit_completion(&asi_shot_done);
	asi_shot = fn;
	asi_shot_arg = arg;
	WRITE_ONCE(asi_target_tgid, tgid);
	atomic_set_release(&asi_armed, 1);
	if (!wait_for_completion_timeout(&asi_shot_done, 10 * HZ)) {
		/* While it goes off it is neither; then it is done, or armed again. */
		while (!try_wait_for_completion(&asi_shot_done)) {
			if (atomic_cmpxchg(&asi_armed, 1, 0) == 1)
				return -ETIMEDOUT;
			cpu_relax();
		}
	}
	atomic_set(&asi_armed, 0);
	return 0;
}

/* In the module's data, which every domain maps. */
static struct {
	unsigned long address;
	struct asi_attempt attempt;
} asi_reading;

static bool asi_read_shot(void *unused)
{
	asi_read_now(asi_reading.address, &asi_reading.attempt);
	return true;
}

int asi_probe_fire(int tgid, const struct asi_secret *secret,
		   struct asi_attempt *attempt)
{
	struct asi_leaf leaf;
	int err;

	memset(&asi_reading, 0, sizeof(asi_reading));
	asi_reading.address = secret->address;
	err = asi_probe_call(tgid, asi_read_shot, NULL);
	if (err)
		return err;
	*attempt = asi_reading.attempt;
	attempt->fired = true;
	attempt->reachable = asi_table_lookup(__va(attempt->root),
					      pgtable_l5_enabled() ? 5 : 4,
					      secret->address, &leaf);
	return 0;
}

void asi_probe_here(const struct asi_secret *secret, struct asi_attempt *attempt)
{
	memset(attempt, 0, sizeof(*attempt));
	preempt_disable();
	asi_read_now(secret->address, attempt);
	preempt_enable();
	attempt->fired = true;
	attempt->reachable = true;
}

static void asi_use_tracepoint(struct tracepoint *tp, void *err)
{
	if (strcmp(tp->name, "kvm_exit"))
		return;
	*(int *)err = tracepoint_probe_register(tp, asi_on_kvm_exit, NULL);
	if (!*(int *)err)
		asi_kvm_exit = tp;
}

static void asi_leave_tracepoint(void)
{
	if (!asi_kvm_exit)
		return;
	tracepoint_probe_unregister(asi_kvm_exit, asi_on_kvm_exit, NULL);
	tracepoint_synchronize_unregister();
	asi_kvm_exit = NULL;
}

/* KVM as a module comes and goes. */
static int asi_on_module(struct notifier_block *self, unsigned long action, void *data)
{
	const struct tp_module *tracepoints = data;
	struct module *module = tracepoints->mod;
	int i, err = 0;

	if (strcmp(module->name, "kvm"))
		return NOTIFY_OK;
	if (action == MODULE_STATE_GOING)
		asi_leave_tracepoint();
	for (i = 0; action == MODULE_STATE_COMING && i < module->num_tracepoints; i++)
		asi_use_tracepoint(tracepoint_ptr_deref(&module->tracepoints_ptrs[i]), &err);
	return notifier_from_errno(err);
}

static struct notifier_block asi_module_notifier = { .notifier_call = asi_on_module };

int asi_probe_init(void)
{
	int err = 0;

	for_each_kernel_tracepoint(asi_use_tracepoint, &err);
	return err ?: register_tracepoint_module_notifier(&asi_module_notifier);
}

void asi_probe_exit(void)
{
	unregister_tracepoint_module_notifier(&asi_module_notifier);
	asi_leave_tracepoint();
}
