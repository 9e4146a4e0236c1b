// SPDX-License-Identifier: GPL-2.0-only
/* Timers of sleeping tasks, off their stacks: see asi/sleeper.h. */
#include <linux/init.h>
#include <linux/slab.h>
#include <asi/sleeper.h>

static struct kmem_cache *asi_sleepers __ro_after_init;

/* Room for the largest user: a timer and the task to wake. */
#define ASI_SLEEPER_SIZE	128

void *__asi_sleeper(void *on_stack, size_t size)
{
	void *sleeper = NULL;

	if (asi_sleepers && size <= ASI_SLEEPER_SIZE)
		sleeper = kmem_cache_alloc(asi_sleepers, GFP_NOWAIT | __GFP_NOWARN);
	return sleeper ?: on_stack;
}

void __asi_free_sleeper(void *sleeper)
{
	kmem_cache_free(asi_sleepers, sleeper);
}

static int __init asi_sleeper_init(void)
{
	BUILD_BUG_ON(sizeof(struct hrtimer_sleeper) > ASI_SLEEPER_SIZE);
	if (asi_boot_enabled)
		asi_sleepers = kmem_cache_create("asi_sleeper", ASI_SLEEPER_SIZE, 0,
						 SLAB_NO_MERGE | SLAB_PANIC, NULL);
	return 0;
}
core_initcall(asi_sleeper_init);
