// SPDX-License-Identifier: GPL-2.0-only
/*
 * Brackets and accessors: for whom a CPU acts, and the way to the payload.
 *
 * Who is acted for is a record, no more: a soft interrupt's lies with the CPU, a task's
 * with the task, and hard interrupts act for nobody.  By default nobody is acted for,
 * whatever namespace the task is in.
 */
#include <linux/export.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include "netns.h"

DEFINE_STATIC_KEY_FALSE(netns_asi_key);
EXPORT_SYMBOL_GPL(netns_asi_key);

static DEFINE_PER_CPU(struct netns_owner *, netns_softirq_acting);

/* NULL: nobody is acted for in a context with that preempt_count(). */
static struct netns_owner **netns_slot_in(unsigned int count)
{
	if (count & (HARDIRQ_MASK | NMI_MASK))
		return NULL;
	return count & SOFTIRQ_OFFSET ? this_cpu_ptr(&netns_softirq_acting) :
					&current->asi.acting;
}

static struct netns_owner **netns_acting_slot(void)
{
	return netns_slot_in(preempt_count());
}

struct netns_owner *netns_acting_in(unsigned int count)
{
	struct netns_owner **slot = netns_slot_in(count);

	return slot ? *slot : NULL;
}

struct netns_owner *netns_acting_for(void)
{
	return netns_acting_in(preempt_count());
}

static void netns_act_for(struct netns_acting *acting, struct netns_owner *owner)
{
	struct netns_owner **slot = netns_acting_slot();

	if (!slot || *slot == owner)
		return;
	acting->before = *slot;
	acting->set = true;
	*slot = owner;
}

void __netns_begin(struct netns_acting *acting, const struct net *net)
{
	netns_act_for(acting, net ? netns_owner_of(net) : NULL);
}
EXPORT_SYMBOL_GPL(__netns_begin);

void __netns_begin_call(struct netns_acting *acting, const struct sock *sk)
{
	struct netns_owner *owner = sk ? netns_owner_of(sock_net(sk)) : NULL;

	netns_act_for(acting, owner);
	if (owner && !preempt_count() && !irqs_disabled())
		acting->task = netns_task_prepare(owner);
	if (acting->task)
		acting->task->calls++;
}
EXPORT_SYMBOL_GPL(__netns_begin_call);

void __netns_end(const struct netns_acting *acting)
{
	struct netns_owner **slot = netns_acting_slot();

	if (slot)
		*slot = acting->before;
}
EXPORT_SYMBOL_GPL(__netns_end);

void __netns_end_call(const struct netns_acting *acting)
{
	if (acting->task)
		acting->task->calls--;
	if (acting->set)
		__netns_end(acting);
}
EXPORT_SYMBOL_GPL(__netns_end_call);

static void netns_open_nested(struct netns_access *access, struct netns_owner *owner,
			      struct asi *asi)
{
	access->owner = owner;
	/* Before the tables are compared: whoever changes the kernel's looks for such tasks. */
	atomic_inc(&owner->nested);
	smp_mb__after_atomic();	/* pairs with netns_tables_changed() */
	netns_tables_follow(owner);
	asi_nest(&access->nest, asi);
	access->how = NETNS_NESTED;
}

static void netns_open_visit(struct netns_access *access, struct netns_owner *owner)
{
	netns_tables_follow(owner);
	/* User memory is not there: whoever wants it fails, and does not wait for it. */
	pagefault_disable();
	preempt_disable();
	asi_visit(&access->nest, owner->visit);
	access->how = NETNS_VISIT;
}

void __netns_open(struct netns_access *access)
{
	struct netns_owner *owner = netns_acting_for();
	struct netns_task *task;

	if (!netns_may_open(&owner, _RET_IP_))
		return;
	task = in_serving_softirq() ? NULL : netns_task_find(owner);
	/* A task that ends, or a kernel thread, may be without a process by now. */
	if (task && task->asi && current->mm)
		netns_open_nested(access, owner, task->asi);
	else
		netns_open_visit(access, owner);
}
EXPORT_SYMBOL_GPL(__netns_open);

void __netns_close(const struct netns_access *access)
{
	if (access->how == NETNS_NESTED) {
		asi_unnest(&access->nest);
		atomic_dec(&access->owner->nested);
		return;
	}
	asi_leave_visit(&access->nest);
	preempt_enable();
	pagefault_enable();
}
EXPORT_SYMBOL_GPL(__netns_close);
