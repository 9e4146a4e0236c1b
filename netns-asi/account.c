// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of what is sent is private, for each protocol: between the two ends of a call
 * that sends, the bytes that the task's fragments took, and the others of the message.
 */
#include <linux/export.h>
#include <linux/in.h>
#include <linux/socket.h>
#include <net/sock.h>
#include "netns.h"

static enum netns_proto netns_inet_proto(const struct sock *sk)
{
	if (sk->sk_type == SOCK_RAW)
		return NETNS_PROTO_RAW;
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
		return NETNS_PROTO_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return NETNS_PROTO_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return NETNS_PROTO_RAW;
	}
	return NETNS_PROTO_OTHER;
}

enum netns_proto netns_proto_of(const struct sock *sk)
{
	switch (sk->sk_family) {
	case AF_INET:
	case AF_INET6:
		return netns_inet_proto(sk);
	case AF_UNIX:
		return NETNS_PROTO_UNIX;
	case AF_PACKET:
		return NETNS_PROTO_PACKET;
	}
	return NETNS_PROTO_OTHER;
}

void __netns_begin_send(struct netns_sending *sending, const struct sock *sk,
			struct msghdr *msg)
{
	struct netns_task *task;

	__netns_begin_call(&sending->acting, sk);
	task = sending->acting.task;
	if (!task)
		return;
	sending->sk = sk;
	sending->msg = msg;
	sending->left = msg_data_left(msg);
	/* One call may be made inside of another. */
	netns_count_frag(task);
	sending->made = task->made;
	task->made = 0;
	task->timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
}
EXPORT_SYMBOL_GPL(__netns_begin_send);

static void netns_count_sent(const struct netns_sending *sending)
{
	struct netns_task *task = sending->acting.task;
	size_t sent = sending->left - msg_data_left(sending->msg);
	struct netns_sent *count = &task->owner->sent[netns_proto_of(sending->sk)];

	netns_count_frag(task);
	if (READ_ONCE(task->owner->isolated)) {
		atomic64_add(task->made, &count->private);
		/* Headers that the sender wrote are private, too, or are read as headers. */
		if (sent > task->made)
			atomic64_add(sent - task->made, &count->spilled);
	}
	task->made = sending->made;
}

void __netns_end_send(const struct netns_sending *sending)
{
	if (sending->acting.task)
		netns_count_sent(sending);
	__netns_end_call(&sending->acting);
}
EXPORT_SYMBOL_GPL(__netns_end_send);
