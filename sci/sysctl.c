// SPDX-License-Identifier: GPL-2.0-only
/* Who may isolate himself: sysctl kernel.unprivileged_syscall_isolation. */
#define pr_fmt(fmt) "sci: " fmt

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include "sci.h"

static int sci_unprivileged;

int sci_may_enable(void)
{
	if (capable(CAP_SYS_ADMIN))
		return 0;
	if (!READ_ONCE(sci_unprivileged))
		return -EPERM;
	return task_no_new_privs(current) ? 0 : -EACCES;
}

/* One digit; proc_dointvec() would take the first of several words. */
static int sci_read_switch(const char *text, size_t len)
{
	if (len && text[len - 1] == '\n')
		len--;
	if (len != 1 || (text[0] != '0' && text[0] != '1')) {
		pr_notice_ratelimited("kernel.unprivileged_syscall_isolation: \"%*pE\" is neither 0 nor 1: nothing changed\n",
				      (int)min(len, 32UL), text);
		return -EINVAL;
	}
	WRITE_ONCE(sci_unprivileged, text[0] - '0');
	return 0;
}

static int sci_unprivileged_handler(const struct ctl_table *table, int write, void *buffer,
				    size_t *lenp, loff_t *ppos)
{
	if (!write)
		return proc_dointvec(table, write, buffer, lenp, ppos);
	if (*ppos)
		return -EINVAL;
	return sci_read_switch(buffer, *lenp);
}

static struct ctl_table sci_table[] = {
	{
		.procname = "unprivileged_syscall_isolation",
		.data = &sci_unprivileged,
		.maxlen = sizeof(sci_unprivileged),
		.mode = 0644,
		.proc_handler = sci_unprivileged_handler,
	},
};

int __init sci_sysctl_init(void)
{
	return register_sysctl("kernel", sci_table) ? 0 : -ENOMEM;
}
