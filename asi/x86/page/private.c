// SPDX-License-Identifier: GPL-2.0-only
/* Which blocks of the direct map are private: a bit for each 2 MiB of memory. */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include "page/private.h"

DEFINE_STATIC_KEY_FALSE(asi_private_key);
EXPORT_SYMBOL_GPL(asi_private_key);

atomic64_t asi_direct_map_gen = ATOMIC64_INIT(0);

const struct asi_private_ops *asi_private_ops __ro_after_init;
static unsigned long *asi_private_blocks __ro_after_init;
static unsigned long asi_private_limit __ro_after_init;

int __init asi_private_init(const struct asi_private_ops *ops)
{
	unsigned long blocks = DIV_ROUND_UP(PFN_PHYS(max_pfn), PMD_SIZE);
	size_t size = BITS_TO_LONGS(blocks) * sizeof(long);

	if (!asi_enabled())
		return -EOPNOTSUPP;
	asi_private_blocks = vzalloc(size);
	if (!asi_private_blocks)
		return -ENOMEM;
	/* Every domain's faults ask. */
	asi_share(asi_private_blocks, size);
	asi_private_limit = blocks;
	asi_private_ops = ops;
	static_branch_enable(&asi_private_key);
	return 0;
}

void asi_private_add(unsigned long address)
{
	set_bit(__pa(address) / PMD_SIZE, asi_private_blocks);
}

static __always_inline bool asi_is_private_block(unsigned long block)
{
	return block < asi_private_limit && arch_test_bit(block, asi_private_blocks);
}

/* An address of the direct map: what lies above it gives a block beyond the limit. */
noinstr bool asi_is_private(unsigned long address)
{
	return static_branch_unlikely(&asi_private_key) && address >= PAGE_OFFSET &&
	       asi_is_private_block((address - PAGE_OFFSET) / PMD_SIZE);
}
EXPORT_SYMBOL_GPL(asi_is_private);

bool __asi_keeps_private(struct page *page, unsigned int order)
{
	if (!asi_is_private_block(PFN_PHYS(page_to_pfn(page)) / PMD_SIZE))
		return false;
	asi_private_ops->freed(page, order);
	return true;
}
