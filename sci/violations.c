// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi/sci/violations: what isolated calls were refused.
 *
 * Written in the fault path: the last ones in a ring, each slot taken with one
 * atomic operation; a reader drops a slot that changes under it.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/kallsyms.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/ptrace.h>
#include <asi/engine.h>
#include <asi/gate.h>
#include "sci.h"

#define SCI_VIOLATIONS	128

struct sci_violation {
	u32 sequence;			/* odd while it is written */
	u64 count;
	pid_t pid;
	unsigned int call;
	struct asi_fault_info fault;
	const char *action;
	const char *reason;
	char comm[TASK_COMM_LEN];
};

static struct sci_violation sci_violations[SCI_VIOLATIONS];
static atomic_t sci_violations_next;

/* The same as before, by the same task: counted, and no more. */
static bool sci_is_again(const struct sci_violation *v, const struct asi_fault_info *fault)
{
	return v->count && v->fault.ip == fault->ip && v->pid == current->pid &&
	       v->call == current->asi.call && v->fault.kind == fault->kind &&
	       v->fault.access == fault->access;
}

void sci_note_violation(const struct asi_fault *fault, const char *action)
{
	unsigned int n = atomic_read(&sci_violations_next);
	struct sci_violation *v = &sci_violations[(n - 1) % SCI_VIOLATIONS];

	if (n && sci_is_again(v, &fault->info)) {
		v->count++;
		return;
	}
	v = &sci_violations[(unsigned int)atomic_fetch_inc(&sci_violations_next) %
			    SCI_VIOLATIONS];
	WRITE_ONCE(v->sequence, v->sequence | 1);
	smp_wmb();	/* odd before anything changes */
	v->count = 1;
	v->pid = current->pid;
	v->call = current->asi.call;
	v->fault = fault->info;
	v->action = action;
	v->reason = fault->reason;
	asi_comm(v->comm);
	smp_wmb();	/* even when all of it is there */
	WRITE_ONCE(v->sequence, v->sequence + 1);
}

static void sci_show_violation(struct seq_file *m, const struct sci_violation *from)
{
	u32 sequence = READ_ONCE(from->sequence);
	struct sci_violation v;

	smp_rmb();	/* pairs with the writer's: what is copied is not older */
	v = *from;
	smp_rmb();	/* nor newer */
	if ((sequence & 1) || sequence != READ_ONCE(from->sequence) || !v.count)
		return;
	seq_printf(m, "violation count %llu pid %d comm %s call %u kind %s access %s address 0x%llx ip 0x%llx symbol %pS action %s reason %s\n",
		   v.count, v.pid, v.comm, v.call, asi_kind_name(v.fault.kind),
		   asi_access_name(v.fault.access), v.fault.address, v.fault.ip,
		   (void *)(unsigned long)v.fault.ip, v.action, v.reason);
}

static int sci_violations_show(struct seq_file *m, void *unused)
{
	unsigned int i, n = atomic_read(&sci_violations_next);

	guard(asi_unrestricted)();

	for (i = 0; i < SCI_VIOLATIONS; i++)
		sci_show_violation(m, &sci_violations[(n + i) % SCI_VIOLATIONS]);
	return 0;
}

/* What is written is of no matter. */
static ssize_t sci_violations_write(struct file *file, const char __user *buf, size_t len,
				    loff_t *ppos)
{
	unsigned int i;

	guard(asi_unrestricted)();

	for (i = 0; i < SCI_VIOLATIONS; i++)
		sci_violations[i].count = 0;
	return len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(sci_violations);

int __init sci_violations_init(struct dentry *dir)
{
	debugfs_create_file("violations", 0600, dir, NULL, &sci_violations_fops);
	return 0;
}
