// SPDX-License-Identifier: GPL-2.0-only
/*
 * The border: private payload that leaves its namespace becomes ordinary.
 *
 * So no driver, no tap of a real device, no pipe and no other namespace ever holds any.
 * Only who acts for the owner may do that: the reading is an accessor's.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/skbuff_ref.h>
#include "netns.h"

static bool netns_is_private_skb_frag(const skb_frag_t *frag)
{
	return !skb_frag_is_net_iov(frag) &&
	       asi_is_private((unsigned long)page_address(skb_frag_page(frag)));
}

static bool netns_has_private_frags(const struct sk_buff *skb)
{
	unsigned int i;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		if (netns_is_private_skb_frag(&skb_shinfo(skb)->frags[i]))
			return true;
	}
	return false;
}

bool __netns_has_private(const struct sk_buff *skb)
{
	const struct sk_buff *part;

	if (!skb->data_len)
		return false;
	if (netns_has_private_frags(skb))
		return true;
	skb_walk_frags(skb, part) {
		if (netns_has_private_frags(part))
			return true;
	}
	return false;
}
EXPORT_SYMBOL_GPL(__netns_has_private);

static void netns_copy_out(struct page *to, const skb_frag_t *frag)
{
	guard(netns_payload)();

	memcpy(page_address(to), skb_frag_address(frag), skb_frag_size(frag));
}

static int netns_copy_frag(skb_frag_t *frag, gfp_t gfp)
{
	struct netns_owner *owner = netns_owner_at((unsigned long)skb_frag_address(frag));
	unsigned int size = skb_frag_size(frag);
	struct page *page;

	if (!owner || owner != netns_acting_for()) {
		if (owner)
			netns_add(owner, NETNS_COUNT_BORDER_REFUSED, 1);
		return -EACCES;
	}
	page = alloc_pages(gfp | __GFP_COMP | __GFP_NOWARN, get_order(size));
	if (!page)
		return -ENOMEM;
	netns_copy_out(page, frag);
	__skb_frag_unref(frag, false);
	skb_frag_fill_page_desc(frag, page, 0, size);
	netns_add(owner, NETNS_COUNT_BORDER, size);
	return 0;
}

static int netns_copy_frags(struct sk_buff *skb, gfp_t gfp)
{
	unsigned int i;
	int err = 0;

	if (!netns_has_private_frags(skb))
		return 0;
	if (skb_shared(skb))
		return -EBUSY;
	/* Others' copies of the list of fragments stay as they are. */
	if (skb_unclone(skb, gfp))
		return -ENOMEM;
	for (i = 0; !err && i < skb_shinfo(skb)->nr_frags; i++) {
		if (netns_is_private_skb_frag(&skb_shinfo(skb)->frags[i]))
			err = netns_copy_frag(&skb_shinfo(skb)->frags[i], gfp);
	}
	return err;
}

int __netns_copy_private(struct sk_buff *skb, gfp_t gfp)
{
	struct sk_buff *part;
	int err;

	if (!__netns_has_private(skb))
		return 0;
	err = netns_copy_frags(skb, gfp);
	skb_walk_frags(skb, part) {
		if (!err)
			err = netns_copy_frags(part, gfp);
	}
	return err;
}
EXPORT_SYMBOL_GPL(__netns_copy_private);

int __netns_border(struct sk_buff *skb, const struct net_device *dev)
{
	if ((dev->flags & IFF_LOOPBACK) || !__netns_copy_private(skb, GFP_ATOMIC))
		return 0;
	dev_kfree_skb_any(skb);
	return NET_XMIT_DROP;
}
