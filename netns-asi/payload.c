// SPDX-License-Identifier: GPL-2.0-only
/*
 * Payload in private memory: fragments for TCP, and buffers for UNIX sockets.
 *
 * Both come from the task's fragment, so that small messages share a piece.  What cannot
 * be private is counted: nothing becomes ordinary unnoticed.  When a namespace has all
 * that it may have its senders wait, and nobody else does.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/sched/signal.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/sock.h>
#include "netns.h"

/* As skb_page_frag_refill() asks for, with sk_page_frag_refill(). */
#define NETNS_FRAG_LEAST	32U

/*
 * The namespace, if payload of @sk is to be private and the running task may make it so:
 * there may be no piece yet, and then it sleeps.
 */
static struct netns_owner *netns_owner_to_send(const struct sock *sk)
{
	struct netns_owner *owner = in_task() && gfpflags_allow_blocking(sk->sk_allocation) ?
					    current->asi.acting : NULL;

	return owner && READ_ONCE(owner->isolated) && netns_owner_of(sock_net(sk)) == owner ?
		       owner : NULL;
}

/* What was filled since the last look. */
static void netns_count_frag(struct netns_task *task, enum netns_count what)
{
	netns_add(task->owner, what, task->frag.offset - task->counted);
	task->counted = task->frag.offset;
}

static bool netns_fill(struct netns_task *task)
{
	struct page_frag *frag = &task->frag;

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

/* ---- TCP -------------------------------------------------------------------- */

/* Others than accessors read what goes through these. */
static bool netns_has_other_readers(const struct sock *sk)
{
	return inet_csk(sk)->icsk_ulp_ops || sk_is_mptcp(sk) ||
	       rcu_access_pointer(sk->sk_user_data);
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
	netns_count_frag(task, NETNS_COUNT_TCP_PRIVATE);
	return &task->frag;
}

bool __netns_is_private_frag(const struct page_frag *pfrag)
{
	struct netns_task *task;

	for (task = in_task() ? current->asi.netns : NULL; task; task = task->next) {
		if (&task->frag == pfrag)
			return true;
	}
	return false;
}

bool __netns_frag_refill(struct sock *sk, struct page_frag *pfrag)
{
	struct netns_task *task = container_of(pfrag, struct netns_task, frag);

	if (likely(netns_fill(task)))
		return true;
	sk_stream_moderate_sndbuf(sk);
	return false;
}

/* ---- UNIX --------------------------------------------------------------------- */

/* A receiver in another namespace acts for that one, and may not read this one's. */
size_t __netns_unix_len(const struct sock *sk, const struct sock *peer, size_t len,
			size_t data_len)
{
	struct netns_owner *owner = netns_owner_to_send(sk);
	struct netns_task *task = owner ? netns_task_find(owner) : NULL;

	if (!owner)
		return data_len;
	if (task)
		task->unix_next = peer && net_eq(sock_net(peer), sock_net(sk));
	if (task && task->unix_next)
		return len;
	netns_add(owner, NETNS_COUNT_NOT_PRIVATE, 1);
	return data_len;
}

/* Who has just asked for the length of a message allocates it now. */
bool __netns_takes(const struct sock *sk, size_t header_len, size_t data_len)
{
	struct netns_owner *owner;
	struct netns_task *task;

	if (sk->sk_family != AF_UNIX || header_len || !data_len)
		return false;
	owner = netns_owner_to_send(sk);
	task = owner ? netns_task_find(owner) : NULL;
	return task && task->unix_next;
}

/* Until there is a piece; 0, or what the call returns. */
static int netns_wait_to_fill(struct netns_task *task, long *timeo)
{
	struct netns_owner *owner = task->owner;

	while (!netns_fill(task)) {
		if (!*timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(*timeo);
		/* Others' pieces come back to the pool without a word: look again. */
		*timeo -= min(*timeo, HZ / 10);
		wait_event_interruptible_timeout(owner->wait, READ_ONCE(owner->free_pieces),
						 HZ / 10);
	}
	return 0;
}

static int netns_add_frag(struct sk_buff *skb, struct netns_task *task, size_t *left,
			  long *timeo)
{
	struct page_frag *frag = &task->frag;
	unsigned int n = skb_shinfo(skb)->nr_frags, chunk;
	int err;

	if (n == MAX_SKB_FRAGS)
		return -EMSGSIZE;
	err = netns_wait_to_fill(task, timeo);
	if (err)
		return err;
	chunk = min_t(size_t, *left, frag->size - frag->offset);
	skb_fill_page_desc(skb, n, frag->page, frag->offset, chunk);
	get_page(frag->page);
	frag->offset += chunk;
	skb->truesize += ALIGN(chunk, SMP_CACHE_BYTES);
	*left -= chunk;
	netns_count_frag(task, NETNS_COUNT_UNIX_PRIVATE);
	return 0;
}

struct sk_buff *__netns_alloc_skb(struct sock *sk, size_t data_len, long timeo, int *err)
{
	struct netns_task *task = netns_task_find(current->asi.acting);
	struct sk_buff *skb = alloc_skb(0, sk->sk_allocation);

	*err = -ENOBUFS;
	task->unix_next = false;
	if (!skb)
		return NULL;
	while (data_len) {
		*err = netns_add_frag(skb, task, &data_len, &timeo);
		if (*err) {
			kfree_skb(skb);
			return NULL;
		}
	}
	return skb;
}
