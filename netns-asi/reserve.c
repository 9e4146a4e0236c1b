// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reserve: memory that the kernel's own table does not map, and who has it.
 *
 * Blocks are taken at boot and stay.  The records of granules and pieces lie outside: the
 * memory itself can be reached in its owner's domain only.  A granule in the pool is
 * zeroed; it was when it was taken at boot, and is before it comes back.
 */
#define pr_fmt(fmt) "netns_asi: " fmt

#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "internal.h"
#include "netns.h"

#define NETNS_BLOCK_PIECES	(NETNS_BLOCK / NETNS_PIECE)

static unsigned int netns_block_count __ro_after_init;
static unsigned long *netns_block_address __ro_after_init;
/* For each 2 MiB of memory: which block it is. */
static u16 *netns_block_index __ro_after_init;
static struct netns_granule *netns_granules __ro_after_init;
static struct list_head *netns_pieces __ro_after_init;

static DEFINE_SPINLOCK(netns_pool_lock);
static LIST_HEAD(netns_pool);
static unsigned int netns_pool_free;
/* Of these, how many are set aside for floors that are not reached yet. */
static unsigned int netns_promised;

unsigned int netns_blocks(void)
{
	return netns_block_count;
}

unsigned long netns_block(unsigned int i)
{
	return netns_block_address[i];
}

/* ---- From addresses to records and back --------------------------------- */

static unsigned long netns_offset(unsigned long address)
{
	return netns_block_index[__pa(address) / NETNS_BLOCK] * NETNS_BLOCK +
	       address % NETNS_BLOCK;
}

static unsigned long netns_address(unsigned long offset)
{
	return netns_block_address[offset / NETNS_BLOCK] + offset % NETNS_BLOCK;
}

struct netns_granule *netns_granule_at(unsigned long address)
{
	return &netns_granules[netns_offset(address) / NETNS_GRANULE];
}

unsigned long netns_granule_address(const struct netns_granule *granule)
{
	return netns_address((granule - netns_granules) * NETNS_GRANULE);
}

struct list_head *netns_piece_list(unsigned long address)
{
	return &netns_pieces[netns_offset(address) / NETNS_PIECE];
}

unsigned long netns_piece_address(const struct list_head *list)
{
	return netns_address((list - netns_pieces) * NETNS_PIECE);
}

/* ---- Pieces -------------------------------------------------------------- */

struct page *netns_open_piece(unsigned long address)
{
	struct page *page = virt_to_page((void *)address);

	set_page_refcounted(page);
	return page;
}

/* As the page allocator would leave it, but for its being compound. */
void netns_close_piece(struct page *page)
{
	struct folio *folio = page_folio(page);

	clear_page_pfmemalloc(page);
	folio->mapping = NULL;
	folio->private = NULL;
	folio->flags &= ~PAGE_FLAGS_CHECK_AT_FREE;
}

/* ---- The pool ------------------------------------------------------------ */

/* Under the pool's lock: is it short of its floor? */
static bool netns_below_floor(const struct netns_owner *owner)
{
	return owner->granules < NETNS_FLOOR;
}

int netns_reserve_floor(void)
{
	int err = -ENOSPC;

	spin_lock(&netns_pool_lock);
	if (netns_pool_free >= netns_promised + NETNS_FLOOR) {
		netns_promised += NETNS_FLOOR;
		err = 0;
	}
	spin_unlock(&netns_pool_lock);
	return err;
}

/* Of an owner without granules. */
void netns_release_floor(const struct netns_owner *owner)
{
	spin_lock(&netns_pool_lock);
	netns_promised -= NETNS_FLOOR;
	spin_unlock(&netns_pool_lock);
}

/* A quarter of all is more than anybody's share. */
static bool netns_may_take(const struct netns_owner *owner)
{
	if (netns_below_floor(owner))
		return netns_pool_free;
	return owner->granules < netns_block_count * NETNS_GRANULES / 4 &&
	       netns_pool_free > netns_promised;
}

struct netns_granule *netns_take_granule(struct netns_owner *owner)
{
	struct netns_granule *granule = NULL;

	lockdep_assert_held(&owner->mutex);
	spin_lock(&netns_pool_lock);
	if (netns_may_take(owner)) {
		granule = list_first_entry(&netns_pool, struct netns_granule, list);
		list_del(&granule->list);
		netns_pool_free--;
		if (netns_below_floor(owner))
			netns_promised--;
		owner->granules++;
	}
	spin_unlock(&netns_pool_lock);
	return granule;
}

struct netns_granule *netns_take_any(void)
{
	struct netns_granule *granule;

	spin_lock(&netns_pool_lock);
	granule = list_first_entry_or_null(&netns_pool, struct netns_granule, list);
	if (granule) {
		list_del(&granule->list);
		netns_pool_free--;
	}
	spin_unlock(&netns_pool_lock);
	return granule;
}

void netns_give_granule(struct netns_granule *granule, struct netns_owner *owner)
{
	lockdep_assert_held(&owner->mutex);
	spin_lock(&netns_pool_lock);
	list_add_tail(&granule->list, &netns_pool);
	netns_pool_free++;
	owner->granules--;
	if (netns_below_floor(owner))
		netns_promised++;
	spin_unlock(&netns_pool_lock);
}

void netns_pool_state(struct netns_pool_state *state)
{
	spin_lock(&netns_pool_lock);
	state->granules = netns_block_count * NETNS_GRANULES;
	state->free = netns_pool_free;
	state->promised = netns_promised;
	spin_unlock(&netns_pool_lock);
}

/* ---- Boot ---------------------------------------------------------------- */

static void __init netns_make_pieces(struct page *block)
{
	unsigned int i;

	/* It was allocated as pages of no compound one; nobody else has seen it. */
	set_page_count(block, 0);
	for (i = 0; i < NETNS_BLOCK_PIECES; i++)
		prep_compound_page(block + (i << NETNS_PIECE_ORDER), NETNS_PIECE_ORDER);
}

/* The tables that lead to a block have to be one part of every table of the top level. */
static bool __init netns_is_near(unsigned long address)
{
	return !netns_block_count || (address ^ netns_block_address[0]) >> 39 == 0;
}

/* What the kernel has there afterwards must be one entry that is not present. */
static bool __init netns_is_hole(unsigned long address)
{
	unsigned int level;
	pte_t *pte = lookup_address(address, &level);

	return pte && level == PG_LEVEL_2M && !(pte_val(*pte) & _PAGE_PRESENT);
}

static bool __init netns_take_block(const char **why)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN |
					__GFP_NORETRY, NETNS_BLOCK_ORDER);
	unsigned long address;

	if (!page) {
		*why = "no blocks of 2 MiB are free";
		return false;
	}
	address = (unsigned long)page_address(page);
	if (!netns_is_near(address)) {
		*why = "memory lies too far apart";
		__free_pages(page, NETNS_BLOCK_ORDER);
		return false;
	}
	if (set_memory_np(address, 1 << NETNS_BLOCK_ORDER) || !netns_is_hole(address)) {
		/* The block is lost: nobody knows how much of it is mapped. */
		*why = "the direct map has no large pages";
		return false;
	}
	netns_make_pieces(page);
	netns_block_index[__pa(address) / NETNS_BLOCK] = netns_block_count;
	netns_block_address[netns_block_count++] = address;
	asi_private_add(address);
	return true;
}

static int __init netns_alloc_records(unsigned int blocks)
{
	netns_block_address = kvcalloc(blocks, sizeof(*netns_block_address), GFP_KERNEL);
	netns_block_index = vzalloc((PFN_PHYS(max_pfn) / NETNS_BLOCK + 1) *
				    sizeof(*netns_block_index));
	netns_granules = kvcalloc(blocks * NETNS_GRANULES, sizeof(*netns_granules), GFP_KERNEL);
	netns_pieces = kvcalloc(blocks * NETNS_BLOCK_PIECES, sizeof(*netns_pieces), GFP_KERNEL);
	return netns_block_address && netns_block_index && netns_granules && netns_pieces ?
		       0 : -ENOMEM;
}

int __init netns_reserve_init(u64 size, const char **why)
{
	unsigned int blocks = min_t(u64, size / NETNS_BLOCK, U16_MAX);
	unsigned int i;

	*why = "out of memory";
	if (!blocks || netns_alloc_records(blocks))
		return -ENOMEM;
	while (netns_block_count < blocks && netns_take_block(why))
		;
	if (!netns_block_count)
		return -ENOMEM;
	if (netns_block_count < blocks)
		pr_warn("%u of %u blocks: %s\n", netns_block_count, blocks, *why);
	for (i = 0; i < netns_block_count * NETNS_GRANULES; i++)
		list_add_tail(&netns_granules[i].list, &netns_pool);
	netns_pool_free = i;
	return 0;
}
