// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi_test/patch: what live patches and BPF's programs of types fentry and fexit do
 * to a kernel, by the same mechanisms of ftrace.
 *
 *   write  "replace": getppid() is another function of the same result
 *          "direct": reads, vfs_read(), come through a trampoline
 *          "none": neither
 *   read   "replaced N direct N": how often either was called since it was loaded
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/ftrace.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include "asi_test.h"
#include "attack.h"

static atomic_long_t asi_replaced_calls, asi_direct_calls;
static DEFINE_MUTEX(asi_patch_mutex);

/* ---- A function in the place of another --------------------------------- */

static noinline long asi_other_getppid(const struct pt_regs *regs)
{
	long pid;

	atomic_long_inc(&asi_replaced_calls);
	rcu_read_lock();
	pid = task_tgid_vnr(rcu_dereference(current->real_parent));
	rcu_read_unlock();
	return pid;
}

static void notrace asi_replace(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)asi_other_getppid);
}

static struct ftrace_ops asi_replace_ops = {
	.func = asi_replace,
	.flags = FTRACE_OPS_FL_DYNAMIC | FTRACE_OPS_FL_IPMODIFY,
};

/* ---- A trampoline of somebody's ------------------------------------------ */

static struct ftrace_ops asi_direct_ops;

void asi_direct(void)
{
	atomic_long_inc(&asi_direct_calls);
}

/* --------------------------------------------------------------------------- */

static int asi_filter(struct ftrace_ops *ops, const char *name)
{
	unsigned long function = (unsigned long)asi_symbol(name);

	return function ? ftrace_set_filter_ip(ops, function, 0, 0) : -ENOENT;
}

static bool asi_is_on(const struct ftrace_ops *ops)
{
	return ops->flags & FTRACE_OPS_FL_ENABLED;
}

static int asi_patch_replace(void)
{
	int err;

	if (asi_is_on(&asi_replace_ops))
		return 0;
	err = asi_filter(&asi_replace_ops, "__x64_sys_getppid");
	return err ?: register_ftrace_function(&asi_replace_ops);
}

static int asi_patch_direct(void)
{
	int err;

	if (asi_is_on(&asi_direct_ops))
		return 0;
	err = asi_filter(&asi_direct_ops, "vfs_read");
	return err ?: register_ftrace_direct(&asi_direct_ops,
					     (unsigned long)asi_direct_trampoline);
}

static int asi_patch_none(void)
{
	int err = 0;

	if (asi_is_on(&asi_replace_ops))
		err = unregister_ftrace_function(&asi_replace_ops);
	/* The filter stays for the next time. */
	if (!err && asi_is_on(&asi_direct_ops))
		err = unregister_ftrace_direct(&asi_direct_ops,
					       (unsigned long)asi_direct_trampoline, false);
	return err;
}

static ssize_t patch_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	char line[16];
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	strim(line);
	mutex_lock(&asi_patch_mutex);
	if (!strcmp(line, "replace"))
		err = asi_patch_replace();
	else if (!strcmp(line, "direct"))
		err = asi_patch_direct();
	else
		err = strcmp(line, "none") ? -EINVAL : asi_patch_none();
	mutex_unlock(&asi_patch_mutex);
	return err ?: len;
}

static int patch_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "replaced %ld direct %ld\n", atomic_long_read(&asi_replaced_calls),
		   atomic_long_read(&asi_direct_calls));
	return 0;
}

DEFINE_SHOW_STORE_ATTRIBUTE(patch);

void asi_patch_init(struct dentry *dir)
{
	debugfs_create_file("patch", 0600, dir, NULL, &patch_fops);
}

void asi_patch_exit(void)
{
	if (asi_patch_none())
		return;
	ftrace_free_filter(&asi_replace_ops);
	ftrace_free_filter(&asi_direct_ops);
}
