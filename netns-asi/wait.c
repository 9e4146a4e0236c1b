// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a namespace has all that it may have, its senders wait, and nobody else does: in
 * the call, or in poll(), which says that their sockets are not writable.
 *
 * Who found no piece says so in the owner's record; who frees one, or gives a granule back
 * to the pool, wakes.
 */
#include <linux/poll.h>
#include <net/sock.h>
#include "netns.h"

static void netns_wake_now(struct netns_owner *owner)
{
	WRITE_ONCE(owner->wanted, false);
	wake_up_all(&owner->wait);
}

void netns_wake_work(struct irq_work *work)
{
	netns_wake_now(container_of(work, struct netns_owner, wake));
}

void netns_wake_all(void)
{
	struct netns_owner *owner;

	mutex_lock(&netns_owners_mutex);
	list_for_each_entry(owner, &netns_owners, list) {
		if (READ_ONCE(owner->wanted))
			netns_wake_now(owner);
	}
	mutex_unlock(&netns_owners_mutex);
}

int netns_wait_to_fill(struct netns_task *task, long *timeo)
{
	struct netns_owner *owner = task->owner;
	long slice, left;

	while (!netns_fill(task)) {
		if (!*timeo)
			return -EAGAIN;
		/* Somebody else may get what was woken for: look again, in any case. */
		slice = min_t(long, *timeo, HZ);
		left = wait_event_interruptible_timeout(owner->wait, !READ_ONCE(owner->wanted),
							slice);
		if (left < 0)
			return sock_intr_errno(*timeo);
		if (*timeo != MAX_SCHEDULE_TIMEOUT)
			*timeo -= slice - left;
	}
	return 0;
}

/* Sockets that fill the task's private fragment. */
static bool netns_sends_private(const struct sock *sk)
{
	return netns_proto_of(sk) != NETNS_PROTO_OTHER;
}

__poll_t __netns_poll(struct file *file, const struct sock *sk, poll_table *wait, __poll_t mask)
{
	struct netns_owner *owner = netns_owner_of(sock_net(sk));

	if (!owner || !READ_ONCE(owner->isolated) || !netns_sends_private(sk))
		return mask;
	/* The file holds the namespace, and so the owner's record. */
	poll_wait(file, &owner->wait, wait);
	return READ_ONCE(owner->wanted) && !netns_breaks(NETNS_BREAK_POLL) ?
		       mask & ~(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND) : mask;
}
