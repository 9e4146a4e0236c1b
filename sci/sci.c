// SPDX-License-Identifier: GPL-2.0-only
/*
 * System-call isolation: who is isolated, and the way in and out of a call.
 *
 * A task that asked has a filter: calls, a profile and a mode.  At its first isolated
 * call it gets a domain of its own on the tables of the profile.  A bit of
 * thread_info.syscall_work brings it here at the entry and the end of each call.
 */
#define pr_fmt(fmt) "sci: " fmt

#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <asi/sci.h>
#include "code.h"
#include "sci.h"

static bool sci_boot_on __ro_after_init;
static bool sci_ready __ro_after_init;

static int __init sci_param(char *arg)
{
	asi_on_off_param("sci", "sci", arg, &sci_boot_on);
	return 0;
}
early_param("sci", sci_param);

/*
 * Calls that change what isolation stands on, or reach into other processes by
 * their nature: they are never isolated.
 */
static const u16 sci_never[] = {
	__NR_prctl, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev,
	__NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load,
	__NR_kexec_file_load, __NR_reboot, __NR_bpf, __NR_perf_event_open,
	__NR_modify_ldt, __NR_iopl, __NR_ioperm,
};

/* ---- Filters ---------------------------------------------------------- */

static void sci_put_filter(struct sci_filter *filter)
{
	if (!filter || !refcount_dec_and_test(&filter->refs))
		return;
	sci_profile_put(filter->profile);
	kfree(filter);
}

static int sci_check_config(const struct sci_config *config)
{
	if (config->size != sizeof(*config) || config->flags || config->pad ||
	    !sci_profile_name_ok(config->profile))
		return -EINVAL;
	if (config->mode != SCI_MODE_LEARN && config->mode != SCI_MODE_ENFORCE &&
	    config->mode != SCI_MODE_LOG)
		return -EINVAL;
	if (config->mode == SCI_MODE_LEARN && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return 0;
}

static struct sci_filter *sci_new_filter(const struct sci_config *config)
{
	struct sci_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	struct sci_profile *profile;
	unsigned int i;

	if (!filter)
		return ERR_PTR(-ENOMEM);
	bitmap_from_arr64(filter->calls, config->syscalls, SCI_MAX_CALLS);
	for (i = 0; i < ARRAY_SIZE(sci_never); i++)
		__clear_bit(sci_never[i], filter->calls);
	if (bitmap_empty(filter->calls, SCI_MAX_CALLS)) {
		kfree(filter);
		return ERR_PTR(-EINVAL);
	}
	profile = sci_profile_get(config->profile, config->mode);
	if (IS_ERR(profile)) {
		kfree(filter);
		return ERR_CAST(profile);
	}
	refcount_set(&filter->refs, 1);
	filter->mode = config->mode;
	filter->profile = profile;
	return filter;
}

/* ---- The running task's domain ---------------------------------------- */

static void sci_drop_domain(void)
{
	struct asi *asi = current->asi.sci;
	struct asi_tables *tables;

	if (!asi)
		return;
	current->asi.sci = NULL;
	tables = asi_tables(asi);
	asi_destroy(asi);
	atomic_dec(&current->asi.filter->profile->tasks);
	if (current->asi.filter->mode == SCI_MODE_LEARN)
		asi_destroy_tables(tables);
}

static void sci_replace_filter(struct sci_filter *filter)
{
	struct sci_filter *old = current->asi.filter;

	sci_drop_domain();
	if (filter) {
		current->asi.filter = filter;
		set_syscall_work(SYSCALL_ISOLATION);
	} else {
		clear_syscall_work(SYSCALL_ISOLATION);
		current->asi.filter = NULL;
	}
	sci_put_filter(old);
}

/*
 * What locks, the scheduler and interrupts' book-keeping use in any call: which of
 * it a call touched while it was learnt is chance.
 */
#define SCI_COMMON_KINDS						\
	(BIT(ASI_KIND_OWN_STACK) | BIT(ASI_KIND_OWN_TASK) |		\
	 BIT(ASI_KIND_OTHER_TASK) | BIT(ASI_KIND_DATA) |		\
	 BIT(ASI_KIND_PERCPU) | BIT(ASI_KIND_CPU_ENTRY) |		\
	 BIT(ASI_KIND_IRQ_STACK) | BIT(ASI_KIND_FIXMAP) |		\
	 BIT(ASI_KIND_SHADOW) | BIT(ASI_KIND_OBJECT) | BIT(ASI_KIND_VMEMMAP))

/* Does the profile have data of that kind for that access? */
static bool sci_lists_data(const struct sci_profile *profile,
			   const struct asi_fault_info *info)
{
	/* Nothing was learned: the policy decides alone. */
	if (!profile->kinds[ASI_ACCESS_READ])
		return true;
	return (profile->kinds[info->access] | SCI_COMMON_KINDS) & BIT(info->kind);
}

static bool sci_validate(void *owner, struct asi_fault *fault)
{
	const struct sci_filter *filter = current->asi.filter;
	const struct asi_fault_info *info = &fault->info;
	struct sci_profile *profile = filter->profile;
	bool is_fetch = info->access == ASI_ACCESS_EXEC;
	int page = is_fetch ? sci_text_page(info->address) : -1;

	if (filter->mode == SCI_MODE_LEARN) {
		if (page >= 0)
			sci_profile_record_text(&profile->data, current->asi.call, page);
		else if (!is_fetch)
			sci_profile_record_data(&profile->data, current->asi.call, info->kind,
						info->access);
		return true;
	}
	if (!is_fetch) {
		fault->reason = "not_in_profile";
		return sci_lists_data(profile, info);
	}
	if (page >= 0 && (sci_profile_text_word(&profile->data, page / 64) & BIT_ULL(page % 64)))
		return true;
	return sci_validate_fetch(fault);
}

static bool sci_refused(void *owner, const struct asi_fault *fault)
{
	const struct sci_filter *filter = current->asi.filter;
	bool goes_on = filter->mode != SCI_MODE_ENFORCE;

	atomic64_inc(&filter->profile->refused);
	sci_note_violation(fault, goes_on ? "logged" : fault->fixable ? "fixed" : "killed");
	return goes_on;
}

static const struct asi_ops sci_ops = {
	.validate = sci_validate,
	.refused = sci_refused,
};

static int sci_make_domain(const struct sci_filter *filter)
{
	struct asi_tables *tables = sci_profile_tables(filter->profile, filter->mode);
	struct asi *asi;

	if (IS_ERR(tables))
		return PTR_ERR(tables);
	asi = asi_create_for_task(tables, &sci_ops, NULL);
	if (IS_ERR(asi)) {
		if (filter->mode == SCI_MODE_LEARN)
			asi_destroy_tables(tables);
		return PTR_ERR(asi);
	}
	atomic_inc(&filter->profile->tasks);
	current->asi.sci = asi;
	return 0;
}

/* So that each call shows all of its text. */
static int sci_begin_learning(const struct sci_filter *filter, unsigned int call)
{
	int err = sci_profile_learn(filter->profile, call);

	if (!err && current->asi.call != call)
		asi_zap_text(asi_tables(current->asi.sci));
	return err;
}

static noinline int sci_prepare(const struct sci_filter *filter, unsigned int call)
{
	int err = 0;

	if (!current->asi.sci)
		err = sci_make_domain(filter);
	if (!err && filter->mode == SCI_MODE_LEARN)
		err = sci_begin_learning(filter, call);
	return err;
}

/* ---- A call ----------------------------------------------------------- */

/* -1 and what regs->ax has by then, ENOSYS, unless it is changed here. */
static noinline long sci_refuse_abi(long nr)
{
	pr_warn_ratelimited("%s[%d]: call %ld of another ABI than x86-64 refused: the process is isolated\n",
			    current->comm, current->pid, nr);
	return -1;
}

long sci_enter(struct pt_regs *regs, long nr)
{
	const struct sci_filter *filter = current->asi.filter;
	int err;

	if (unlikely(in_compat_syscall()))
		return sci_refuse_abi(nr);
	if ((unsigned long)nr >= SCI_MAX_CALLS || !test_bit(nr, filter->calls))
		return nr;
	if (unlikely(!current->asi.sci || filter->mode == SCI_MODE_LEARN)) {
		err = sci_prepare(filter, nr);
		if (err) {
			regs->ax = err;
			return -1;
		}
	}
	current->asi.call = nr;
	asi_begin(current->asi.sci);
	return nr;
}

/* ---- Life of a task --------------------------------------------------- */

void sci_fork(struct task_struct *child)
{
	struct sci_filter *filter = child->asi.filter;

	child->asi.inside = NULL;
	child->asi.sci = NULL;
	child->asi.sleepers = 0;
	child->asi.asleep = false;
	if (!filter)
		return;
	if (child->flags & (PF_KTHREAD | PF_USER_WORKER | PF_IO_WORKER)) {
		child->asi.filter = NULL;
		clear_task_syscall_work(child, SYSCALL_ISOLATION);
	} else {
		refcount_inc(&filter->refs);
	}
}

void sci_exit_task(void)
{
	if (likely(!current->asi.filter))
		return;
	asi_end();
	sci_drop_domain();
}

void sci_free_task(struct task_struct *task)
{
	sci_put_filter(task->asi.filter);
}

/* ---- prctl ------------------------------------------------------------ */

static long sci_enable(const struct sci_config __user *arg)
{
	const struct sci_filter *old = current->asi.filter;
	struct sci_config config;
	struct sci_filter *filter;
	int err = sci_may_enable();

	if (err)
		return err;
	if (old && old->locked)
		return -EPERM;
	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;
	err = sci_check_config(&config);
	if (err)
		return err;
	filter = sci_new_filter(&config);
	if (IS_ERR(filter))
		return PTR_ERR(filter);
	sci_replace_filter(filter);
	return 0;
}

static long sci_get(struct sci_config __user *arg)
{
	const struct sci_filter *filter = current->asi.filter;
	struct sci_config config = { .size = sizeof(config) };

	if (filter) {
		config.mode = filter->mode;
		config.flags = filter->locked ? SCI_FLAG_LOCKED : 0;
		strscpy(config.profile, filter->profile->data.name);
		bitmap_to_arr64(config.syscalls, filter->calls, SCI_MAX_CALLS);
	}
	return copy_to_user(arg, &config, sizeof(config)) ? -EFAULT : 0;
}

/* Others may share the filter: they are not locked by it. */
static long sci_lock(void)
{
	const struct sci_filter *old = current->asi.filter;
	struct sci_filter *filter;

	if (!old)
		return -EINVAL;
	if (old->locked)
		return 0;
	filter = kmemdup(old, sizeof(*old), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return -ENOMEM;
	refcount_set(&filter->refs, 1);
	filter->locked = true;
	atomic_inc(&filter->profile->users);
	current->asi.filter = filter;
	sci_put_filter((struct sci_filter *)old);
	return 0;
}

static long sci_disable(void)
{
	if (current->asi.filter && current->asi.filter->locked)
		return -EPERM;
	sci_replace_filter(NULL);
	return 0;
}

long sci_prctl(unsigned long op, unsigned long arg, unsigned long rest)
{
	if (!sci_ready)
		return -EOPNOTSUPP;
	if (rest)
		return -EINVAL;
	switch (op) {
	case PR_SCI_ENABLE:
		return sci_enable((const struct sci_config __user *)arg);
	case PR_SCI_GET:
		return sci_get((struct sci_config __user *)arg);
	case PR_SCI_LOCK:
		return arg ? -EINVAL : sci_lock();
	case PR_SCI_DISABLE:
		return arg ? -EINVAL : sci_disable();
	default:
		return -EINVAL;
	}
}

static int __init sci_init(void)
{
	int err;

	if (!sci_boot_on)
		return 0;
	if (!asi_enabled()) {
		pr_err("sci=on needs asi=on: off\n");
		return 0;
	}
	asi_prepare_strict();
	err = sci_parts_init() ?: sci_profiles_init() ?: sci_sysctl_init() ?:
	      sci_debugfs_init();
	if (err) {
		pr_err("off: error %d\n", err);
		return err;
	}
	asi_consumer_on[ASI_CLASS_SCI] = true;
	sci_ready = true;
	pr_info("system calls can be isolated\n");
	return 0;
}
late_initcall(sci_init);
