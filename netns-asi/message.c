// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole messages whose size is known: of UNIX sockets, of packet sockets, and of raw
 * sockets that bring their own IP header.  Headers lie in the linear part, where others
 * read and write them; the rest in pieces of the task's fragment.
 */
#include <linux/export.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <net/sock.h>
#include "netns.h"

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
	*left -= chunk;
	netns_count_frag(task);
	return 0;
}

static int netns_add_frags(struct sk_buff *skb, struct netns_task *task, size_t len,
			   long *timeo)
{
	int err = 0;

	while (len && !err)
		err = netns_add_frag(skb, task, &len, timeo);
	return err;
}

/* ---- Sockets that allocate by sock_alloc_send_pskb() ------------------------------ */

/* The task's record, if the next buffer of @sk is to be private. */
static struct netns_task *netns_task_to_send(const struct sock *sk, bool may)
{
	struct netns_owner *owner = netns_owner_to_send(sk);
	struct netns_task *task = owner ? netns_task_find(owner) : NULL;

	if (!owner)
		return NULL;
	if (task)
		task->takes = may ? sk : NULL;
	if (task && may)
		return task;
	netns_add(owner, NETNS_COUNT_NOT_PRIVATE, 1);
	return NULL;
}

/* A receiver in another namespace acts for that one, and may not read this one's. */
size_t __netns_unix_len(const struct sock *sk, const struct sock *peer, size_t len,
			size_t data_len)
{
	return netns_task_to_send(sk, peer && net_eq(sock_net(peer), sock_net(sk))) ? len :
										    data_len;
}

bool __netns_packet(const struct sock *sk, size_t len, size_t linear)
{
	return len > linear && netns_task_to_send(sk, true);
}
EXPORT_SYMBOL_GPL(__netns_packet);

/* Who has just asked for the length of a message allocates it now. */
bool __netns_takes(const struct sock *sk, size_t data_len)
{
	struct netns_owner *owner = netns_owner_to_send(sk);
	struct netns_task *task = owner ? netns_task_find(owner) : NULL;

	return data_len && task && task->takes == sk;
}

struct sk_buff *__netns_alloc_skb(struct sock *sk, size_t header_len, size_t data_len,
				  long timeo, int *err)
{
	struct netns_task *task = netns_task_find(current->asi.acting);
	struct sk_buff *skb = alloc_skb(header_len, sk->sk_allocation);

	*err = -ENOBUFS;
	task->takes = NULL;
	if (!skb)
		return NULL;
	*err = netns_add_frags(skb, task, data_len, &timeo);
	if (*err) {
		kfree_skb(skb);
		return NULL;
	}
	skb->truesize += ALIGN(data_len, SMP_CACHE_BYTES);
	return skb;
}

/* ---- Raw sockets with their own header ------------------------------------------------ */

/*
 * Bytes that the kernel reads itself: the header of IP, and of ICMP.  What it is comes
 * from the kernel's copy, which the sender cannot change any more.
 */
static size_t netns_raw_header(const struct sock *sk, const struct sk_buff *skb)
{
	return (sk->sk_family == AF_INET6 ? sizeof(struct ipv6hdr) : ip_hdr(skb)->ihl * 4) + 8;
}

/* From [@from, @to) of the message on; the buffer is linear there. */
static int netns_copy_header(struct sk_buff *skb, struct msghdr *msg, size_t from, size_t to)
{
	return from < to ? memcpy_from_msg(skb_network_header(skb) + from, msg, to - from) : 0;
}

int __netns_raw_from_msg(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t len)
{
	size_t least = sk->sk_family == AF_INET6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	struct netns_owner *owner = netns_owner_to_send(sk);
	struct netns_task *task = owner ? netns_task_find(owner) : NULL;
	unsigned int truesize = skb->truesize;
	size_t header;
	int err;

	if (!task)
		return netns_copy_header(skb, msg, 0, len);
	err = netns_copy_header(skb, msg, 0, least);
	if (err)
		return err;
	header = clamp(netns_raw_header(sk, skb), least, len);
	err = netns_copy_header(skb, msg, least, header);
	if (err || header == len)
		return err;
	/* What comes into fragments was accounted for when the linear part was made. */
	skb_trim(skb, header);
	err = netns_add_frags(skb, task, len - header, &task->timeo);
	if (err)
		return err;
	skb->len += len - header;
	skb->data_len = len - header;
	skb->truesize = truesize;
	return skb_copy_datagram_from_iter(skb, header, &msg->msg_iter, len - header);
}
EXPORT_SYMBOL_GPL(__netns_raw_from_msg);
