// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a task has of the namespaces that it acts for: a domain, which shows the process's
 * user addresses too, and the fragment that its next payload goes to.  One fragment for a
 * task, not for a socket: a server has many sockets.
 *
 * Written by the task alone.  A task that ends leaves its records behind; a worker frees
 * them, as a domain's end has to wait.
 */
#include <linux/err.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <asi/gate.h>
#include "netns.h"

/* Records that no call uses, for each task; one more takes the oldest's place. */
#define NETNS_TASK_MAX	4

struct netns_task *netns_task_find(const struct netns_owner *owner)
{
	struct netns_task *task;

	for (task = current->asi.netns; task; task = task->next) {
		if (task->owner == owner)
			return task;
	}
	return NULL;
}

static void netns_task_free(struct netns_task *task)
{
	asi_destroy_whole(task->asi);
	if (task->frag.page)
		put_page(task->frag.page);
	netns_owner_put(task->owner);
	kfree(task);
}

/* The last one is the oldest.  What a call uses stays. */
static void netns_task_make_room(void)
{
	struct netns_task **at = &current->asi.netns, *task;
	unsigned int n = 0;

	while ((task = *at)) {
		if (!task->calls && (READ_ONCE(task->owner->dying) || n >= NETNS_TASK_MAX - 1)) {
			*at = task->next;
			netns_task_free(task);
		} else {
			at = &task->next;
			n++;
		}
	}
}

static struct netns_task *netns_task_create(struct netns_owner *owner)
{
	struct netns_task *task = kzalloc(sizeof(*task), GFP_KERNEL_ACCOUNT);
	struct asi *asi = NULL;

	if (!task)
		return ERR_PTR(-ENOMEM);
	/* Without user addresses there is nothing that a visit does not do. */
	if (current->mm) {
		asi = asi_create_whole(owner->tables, ASI_WHOLE_TASK, &netns_domain_ops, owner);
		if (IS_ERR(asi)) {
			kfree(task);
			return ERR_CAST(asi);
		}
	}
	netns_owner_get(owner);
	task->owner = owner;
	task->asi = asi;
	task->next = current->asi.netns;
	current->asi.netns = task;
	return task;
}

struct netns_task *netns_task_prepare(struct netns_owner *owner)
{
	struct netns_task *task = netns_task_find(owner);

	if (task || (current->flags & PF_EXITING))
		return task;

	/* Domains are made and destroyed. */
	guard(asi_unrestricted)();

	netns_task_make_room();
	/* As a fault on user memory waits: the call cannot do without. */
	for (;;) {
		task = netns_task_create(owner);
		if (!IS_ERR(task))
			return task;
		if (PTR_ERR(task) != -ENOMEM || fatal_signal_pending(current))
			return NULL;
		schedule_timeout_killable(HZ / 50);
	}
}

/* ---- The end of tasks ---------------------------------------------------- */

/* The first record of each. */
static LLIST_HEAD(netns_dead);

static void netns_bury(struct work_struct *work)
{
	struct llist_node *node = llist_del_all(&netns_dead);
	struct netns_task *task, *next, *more;

	while (node) {
		task = llist_entry(node, struct netns_task, dead);
		node = node->next;
		for (next = task; next; next = more) {
			more = next->next;
			netns_task_free(next);
		}
	}
}

static DECLARE_WORK(netns_bury_work, netns_bury);

void __netns_free_task(struct task_struct *dead)
{
	struct netns_task *task = dead->asi.netns;

	if (!task)
		return;
	dead->asi.netns = NULL;
	if (llist_add(&task->dead, &netns_dead))
		queue_work(system_unbound_wq, &netns_bury_work);
}
