// SPDX-License-Identifier: GPL-2.0-only
/*
 * Touches of payload that were refused, or admitted: whose it was and for whom the CPU
 * acted, beside what the core's fault log keeps.
 *
 * Written in the fault path: each of the last ones in a slot of a ring, taken with one
 * atomic operation; a reader drops a slot that changes under it.
 */
#include <linux/atomic.h>
#include <linux/preempt.h>
#include <linux/seq_file.h>
#include <asi/engine.h>
#include "netns.h"

#define NETNS_REFUSED	128

struct netns_refused {
	u32 sequence;			/* odd while it is written */
	bool valid;
	bool admitted;
	const char *context;
	unsigned int owner, acting;	/* as in /proc/PID/ns/net; 0: nobody */
	pid_t pid;
	struct asi_fault_info fault;
	char comm[TASK_COMM_LEN];
};

static struct netns_refused netns_refused[NETNS_REFUSED];
static atomic_t netns_refused_next;

static const char *netns_context(unsigned int count)
{
	if (count & (NMI_MASK | HARDIRQ_MASK))
		return "interrupt";
	if (count & SOFTIRQ_OFFSET)
		return "softirq";
	return current->flags & PF_KTHREAD ? "kthread" : "task";
}

static unsigned int netns_acting_inum(unsigned int count)
{
	const struct netns_owner *acting = netns_acting_in(count);

	return acting ? acting->inum : 0;
}

void netns_note_refused(const struct asi_fault *fault, bool admitted)
{
	struct netns_owner *owner = netns_owner_at(fault->info.address);
	/* The fault itself counts as an NMI: what it interrupted was in this context. */
	unsigned int count = preempt_count() - (NMI_OFFSET + HARDIRQ_OFFSET);
	unsigned int n = atomic_fetch_inc(&netns_refused_next);
	struct netns_refused *r = &netns_refused[n % NETNS_REFUSED];

	if (owner)
		netns_add(owner, admitted ? NETNS_COUNT_ADMITTED : NETNS_COUNT_REFUSED, 1);
	WRITE_ONCE(r->sequence, r->sequence | 1);
	smp_wmb();	/* odd before anything changes */
	r->valid = true;
	r->admitted = admitted;
	r->context = netns_context(count);
	r->owner = owner ? owner->inum : 0;
	r->acting = netns_acting_inum(count);
	r->pid = current->pid;
	r->fault = fault->info;
	asi_comm(r->comm);
	smp_wmb();	/* even when all of it is there */
	WRITE_ONCE(r->sequence, r->sequence + 1);
}

static void netns_show_one(struct seq_file *m, const struct netns_refused *from)
{
	u32 sequence = READ_ONCE(from->sequence);
	struct netns_refused r;

	smp_rmb();	/* pairs with the writer's: what is copied is not older */
	r = *from;
	smp_rmb();	/* nor newer */
	if ((sequence & 1) || sequence != READ_ONCE(from->sequence) || !r.valid)
		return;
	seq_printf(m, "refused action %s owner %u acting %u context %s pid %d comm %s access %s address 0x%llx ip 0x%llx symbol %pS\n",
		   r.admitted ? "admit" : "deny", r.owner, r.acting, r.context, r.pid, r.comm,
		   asi_access_name(r.fault.access), r.fault.address, r.fault.ip,
		   (void *)(unsigned long)r.fault.ip);
}

void netns_show_refused(struct seq_file *m)
{
	unsigned int i, n = atomic_read(&netns_refused_next);

	for (i = 0; i < NETNS_REFUSED; i++)
		netns_show_one(m, &netns_refused[(n + i) % NETNS_REFUSED]);
}

void netns_clear_refused(void)
{
	unsigned int i;

	for (i = 0; i < NETNS_REFUSED; i++)
		netns_refused[i].valid = false;
}
