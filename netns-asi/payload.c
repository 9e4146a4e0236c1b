// SPDX-License-Identifier: GPL-2.0-only
/*
 * The task's private fragment, which TCP and the datagrams of IP fill as they would the
 * ordinary one.  Small messages share a piece.
 *
 * What cannot be private is counted: nothing becomes ordinary unnoticed.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/sock.h>
#include "netns.h"

/* As skb_page_frag_refill() asks for, with sk_page_frag_refill(). */
#define NETNS_FRAG_LEAST	32U

/* There may be no piece yet, and then the task sleeps. */
struct netns_owner *netns_owner_to_send(const struct sock *sk)
{
	struct netns_owner *owner = in_task() && gfpflags_allow_blocking(sk->sk_allocation) ?
					    current->asi.acting : NULL;

	return owner && READ_ONCE(owner->isolated) && netns_owner_of(sock_net(sk)) == owner ?
		       owner : NULL;
}

void netns_count_frag(struct netns_task *task)
{
	task->made += task->frag.offset - task->counted;
	task->counted = task->frag.offset;
}

bool netns_fill(struct netns_task *task)
{
	struct page_frag *frag = &task->frag;

	netns_count_frag(task);
	if (frag->page) {
		if (page_ref_count(frag->page) == 1) {
			frag->offset = 0;
			task->counted = 0;
			return true;
		}
		if (frag->offset + NETNS_FRAG_LEAST <= frag->size)
			return true;
		put_page(frag->page);
	}
	frag->offset = 0;
	task->counted = 0;
	frag->size = NETNS_PIECE;
	frag->page = netns_alloc_piece(task->owner);
	return frag->page;
}

/* Others than accessors read what goes through these. */
static bool netns_has_other_readers(const struct sock *sk)
{
	return sk_is_tcp(sk) && (inet_csk(sk)->icsk_ulp_ops || sk_is_mptcp(sk) ||
				 rcu_access_pointer(sk->sk_user_data));
}

struct page_frag *__netns_page_frag(struct sock *sk, struct page_frag *other)
{
	struct netns_owner *owner = netns_owner_to_send(sk);
	struct netns_task *task;

	if (!owner)
		return other;
	task = netns_task_find(owner);
	if (!task || netns_has_other_readers(sk)) {
		netns_add(owner, NETNS_COUNT_NOT_PRIVATE, 1);
		return other;
	}
	return &task->frag;
}
EXPORT_SYMBOL_GPL(__netns_page_frag);

bool __netns_is_private_frag(const struct page_frag *pfrag)
{
	struct netns_task *task;

	for (task = in_task() ? current->asi.netns : NULL; task; task = task->next) {
		if (&task->frag == pfrag)
			return true;
	}
	return false;
}
EXPORT_SYMBOL_GPL(__netns_is_private_frag);

bool __netns_frag_refill(struct sock *sk, struct page_frag *pfrag)
{
	struct netns_task *task = container_of(pfrag, struct netns_task, frag);

	if (likely(netns_fill(task)))
		return true;
	sk_stream_moderate_sndbuf(sk);
	return false;
}

int __netns_append_refill(struct page_frag *pfrag)
{
	struct netns_task *task = container_of(pfrag, struct netns_task, frag);

	return netns_wait_to_fill(task, &task->timeo);
}
EXPORT_SYMBOL_GPL(__netns_append_refill);
