// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accessors of payload, called one by one on a buffer that waits in a socket: by who acts for
 * its namespace, and by a stranger.  The buffer is left as it was.
 *
 * Each says whether it reached the eight bytes at a place, which are not zero: whether it read
 * them, or changed them.
 */
#include <linux/err.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/textsearch.h>
#include <linux/uio.h>
#include <net/checksum.h>
#include <net/sock.h>
#include <asi/netns.h>
#include "asi_test.h"

bool asi_accessor_reached;

static u64 asi_read_bits(struct sk_buff *skb, int at)
{
	u64 word = 0;

	skb_copy_bits(skb, at, &word, sizeof(word));
	return word;
}

static u64 asi_read_sum(struct sk_buff *skb, int at)
{
	return (__force u32)skb_checksum(skb, at, sizeof(u64), 0);
}

static u64 asi_read_and_sum(struct sk_buff *skb, int at)
{
	u64 word = 0;

	(void)skb_copy_and_csum_bits(skb, at, (u8 *)&word, sizeof(word));
	return word;
}

static u64 asi_read_datagram(struct sk_buff *skb, int at)
{
	u64 word = 0;
	struct kvec vec = { &word, sizeof(word) };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, sizeof(word));
	if (skb_copy_datagram_iter(skb, at, &iter, sizeof(word)))
		return 0;
	return word;
}

/* Finds a word that is not zero; its offset is where. */
static unsigned int asi_find_nonzero(struct ts_config *conf, struct ts_state *state)
{
	unsigned int n, i, consumed = 0;
	const u8 *block;

	while ((n = conf->get_next_block(consumed, &block, conf, state)) != 0) {
		for (i = 0; i < n; i++) {
			if (block[i])
				return consumed + i;
		}
		consumed += n;
	}
	return UINT_MAX;
}

static unsigned int asi_pattern_len(struct ts_config *conf)
{
	return 1;
}

static u64 asi_read_text(struct sk_buff *skb, int at)
{
	static struct ts_ops ops = {
		.find = asi_find_nonzero,
		.get_pattern_len = asi_pattern_len,
	};
	struct ts_config conf = { .ops = &ops };

	return skb_find_text(skb, at, at + sizeof(u64), &conf) != UINT_MAX;
}

static void asi_write_bits(struct sk_buff *skb, int at, u64 word)
{
	skb_store_bits(skb, at, &word, sizeof(word));
}

static void asi_write_datagram(struct sk_buff *skb, int at, u64 word)
{
	struct kvec vec = { &word, sizeof(word) };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, sizeof(word));
	if (skb_copy_datagram_from_iter(skb, at, &iter, sizeof(word)))
		pr_warn("asi_test: no datagram of eight bytes\n");
}

static const struct asi_accessor {
	const char *name;
	u64 (*read)(struct sk_buff *skb, int at);
	void (*write)(struct sk_buff *skb, int at, u64 word);
} asi_accessors[] = {
	{ "skb_copy_bits", asi_read_bits },
	{ "__skb_checksum", asi_read_sum },
	{ "skb_copy_and_csum_bits", asi_read_and_sum },
	{ "__skb_datagram_iter", asi_read_datagram },
	{ "skb_find_text", asi_read_text },
	{ "skb_store_bits", .write = asi_write_bits },
	{ "skb_copy_datagram_from_iter", .write = asi_write_datagram },
};

/* As the owner, by an accessor that is not looked at. */
static u64 asi_word_of_owner(struct sk_buff *skb, const struct net *net, int at)
{
	guard(netns_acting)(net);

	return asi_read_bits(skb, at);
}

static void asi_restore_word(struct sk_buff *skb, const struct net *net, int at, u64 word)
{
	guard(netns_acting)(net);

	asi_write_bits(skb, at, word);
}

static u64 asi_read_as(bool owner, const struct asi_accessor *accessor, struct sk_buff *skb,
		       const struct net *net, int at)
{
	guard(netns_acting)(owner ? net : NULL);

	return accessor->read(skb, at);
}

static void asi_write_as(bool owner, const struct asi_accessor *accessor, struct sk_buff *skb,
			 const struct net *net, int at, u64 word)
{
	guard(netns_acting)(owner ? net : NULL);

	accessor->write(skb, at, word);
}

static bool asi_reaches(bool owner, const struct asi_accessor *accessor, struct sk_buff *skb,
			const struct net *net, int at)
{
	bool changed;
	u64 before;

	if (accessor->read)
		return asi_read_as(owner, accessor, skb, net, at) != 0;
	before = asi_word_of_owner(skb, net, at);
	asi_write_as(owner, accessor, skb, net, at, ~before);
	changed = asi_word_of_owner(skb, net, at) == ~before;
	asi_restore_word(skb, net, at, before);
	return changed;
}

static const struct asi_accessor *asi_find_accessor(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(asi_accessors); i++) {
		if (!strcmp(asi_accessors[i].name, name))
			return &asi_accessors[i];
	}
	return NULL;
}

static int asi_call_on(const struct asi_accessor *accessor, bool owner, int fd, int at)
{
	struct socket *sock;
	struct sk_buff *skb;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	spin_lock_bh(&sock->sk->sk_receive_queue.lock);
	skb = skb_peek(&sock->sk->sk_receive_queue);
	if (skb)
		skb_get(skb);
	spin_unlock_bh(&sock->sk->sk_receive_queue.lock);
	if (skb) {
		asi_accessor_reached = asi_reaches(owner, accessor, skb, sock_net(sock->sk), at);
		kfree_skb(skb);
	}
	sockfd_put(sock);
	return skb ? 0 : -ENOENT;
}

int asi_call_accessor(const char *line)
{
	const struct asi_accessor *accessor;
	char who[16], name[48];
	int fd, at;

	if (sscanf(line, "%15s %47s %d %d", who, name, &fd, &at) != 4)
		return -EINVAL;
	accessor = asi_find_accessor(name);
	if (!accessor || (strcmp(who, "owner") && strcmp(who, "stranger")))
		return -EINVAL;
	return asi_call_on(accessor, !strcmp(who, "owner"), fd, at);
}
