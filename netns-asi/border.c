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

/* Bytes of @skb that are private; those of another namespace are an error. */
static int netns_private_bytes(const struct sk_buff *skb, struct netns_owner *acting)
{
	const skb_frag_t *frag = skb_shinfo(skb)->frags, *end = frag + skb_shinfo(skb)->nr_frags;
	struct netns_owner *owner;
	int bytes = 0;

	for (; frag < end; frag++) {
		if (!netns_is_private_skb_frag(frag))
			continue;
		owner = netns_owner_at((unsigned long)skb_frag_address(frag));
		if (!owner || owner != acting) {
			if (owner)
				netns_add(owner, NETNS_COUNT_BORDER_REFUSED, 1);
			return -EACCES;
		}
		bytes += skb_frag_size(frag);
	}
	return bytes;
}

/* Pages that hold all fragments of a buffer, one behind the other. */
struct netns_packed {
	struct page *page[MAX_SKB_FRAGS];
	unsigned int order, pages;
};

static void netns_free_packed(struct netns_packed *packed)
{
	while (packed->pages)
		__free_pages(packed->page[--packed->pages], packed->order);
}

/* Single pages, but for buffers of more than 64 KiB. */
static int netns_alloc_packed(struct netns_packed *packed, size_t bytes, gfp_t gfp)
{
	struct page *page;

	packed->order = 0;
	packed->pages = 0;
	while ((PAGE_SIZE << packed->order) * MAX_SKB_FRAGS < bytes)
		packed->order++;
	while ((PAGE_SIZE << packed->order) * packed->pages < bytes) {
		page = alloc_pages(gfp | __GFP_COMP | __GFP_NOWARN, packed->order);
		if (!page) {
			netns_free_packed(packed);
			return -ENOMEM;
		}
		packed->page[packed->pages++] = page;
	}
	return 0;
}

static int netns_fill_packed(const struct sk_buff *skb, const struct netns_packed *packed,
			     size_t bytes)
{
	size_t size = PAGE_SIZE << packed->order, at = 0;
	unsigned int i;
	int err = 0;

	/* The page is ordinary, and so is what follows: one way in for all of them. */
	guard(netns_payload)();

	for (i = 0; !err && i < packed->pages; i++, at += size)
		err = skb_copy_bits(skb, skb_headlen(skb) + at, page_address(packed->page[i]),
				    min(bytes - at, size));
	return err;
}

static void netns_install_packed(struct sk_buff *skb, const struct netns_packed *packed,
				 size_t bytes)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	size_t size = PAGE_SIZE << packed->order;
	unsigned int i;

	for (i = 0; i < shinfo->nr_frags; i++)
		__skb_frag_unref(&shinfo->frags[i], false);
	for (i = 0; i < packed->pages; i++)
		__skb_fill_page_desc_noacc(shinfo, i, packed->page[i], 0,
					   min(bytes - i * size, size));
	shinfo->nr_frags = packed->pages;
}

/* All fragments, so that no memory need be contiguous. */
static int netns_pack(struct sk_buff *skb, gfp_t gfp)
{
	size_t bytes = __skb_pagelen(skb);
	struct netns_packed packed;
	int err;

	if (!skb_frags_readable(skb))
		return -EFAULT;
	err = netns_alloc_packed(&packed, bytes, gfp);
	if (err)
		return err;
	err = netns_fill_packed(skb, &packed, bytes);
	if (err)
		netns_free_packed(&packed);
	else
		netns_install_packed(skb, &packed, bytes);
	return err;
}

static int netns_copy_frags(struct sk_buff *skb, gfp_t gfp)
{
	struct netns_owner *acting = netns_acting_for();
	int bytes = netns_private_bytes(skb, acting);
	int err;

	if (bytes <= 0)
		return bytes;
	if (skb_shared(skb))
		return -EBUSY;
	/* Others' copies of the list of fragments stay as they are. */
	if (skb_unclone(skb, gfp))
		return -ENOMEM;
	err = netns_pack(skb, gfp);
	if (!err)
		netns_add(acting, NETNS_COUNT_BORDER, bytes);
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

int __netns_copy_or_free(struct sk_buff *skb)
{
	int err = __netns_copy_private(skb, GFP_ATOMIC);

	if (err)
		kfree_skb(skb);
	return err;
}
EXPORT_SYMBOL_GPL(__netns_copy_or_free);

int __netns_leave(struct sk_buff *skb, const struct net_device *dev)
{
	return dev->flags & IFF_LOOPBACK || netns_breaks(NETNS_BREAK_BORDER) ?
		       0 : __netns_copy_private(skb, GFP_ATOMIC);
}

int __netns_border(struct sk_buff *skb, const struct net_device *dev)
{
	if (!__netns_leave(skb, dev))
		return 0;
	dev_kfree_skb_any(skb);
	return NET_XMIT_DROP;
}
