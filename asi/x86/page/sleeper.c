// SPDX-License-Identifier: GPL-2.0-only
/* What wakes sleeping tasks, off their stacks: see asi/sleeper.h. */
#include <linux/init.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <asi/sleeper.h>

/* Timers with the task to wake; and what poll() waits by. */
#define ASI_SLEEPER_SIZE	128
#define ASI_POLLER_SIZE		768

static struct kmem_cache *asi_sleepers __ro_after_init;
static struct kmem_cache *asi_pollers __ro_after_init;

void *__asi_sleeper(void *on_stack, size_t size)
{
	struct kmem_cache *cache = size <= ASI_SLEEPER_SIZE ? asi_sleepers : asi_pollers;
	void *sleeper = NULL;

	if (cache && size <= ASI_POLLER_SIZE)
		sleeper = kmem_cache_alloc(cache, GFP_NOWAIT | __GFP_NOWARN);
	return sleeper ?: on_stack;
}

static int __init asi_sleeper_init(void)
{
	BUILD_BUG_ON(sizeof(struct hrtimer_sleeper) > ASI_SLEEPER_SIZE);
	BUILD_BUG_ON(sizeof(struct poll_wqueues) > ASI_POLLER_SIZE);
	if (!asi_boot_enabled)
		return 0;
	asi_sleepers = kmem_cache_create("asi_sleeper", ASI_SLEEPER_SIZE, 0,
					 SLAB_NO_MERGE | SLAB_PANIC, NULL);
	asi_pollers = kmem_cache_create("asi_poller", ASI_POLLER_SIZE, 0,
					SLAB_NO_MERGE | SLAB_PANIC, NULL);
	return 0;
}
core_initcall(asi_sleeper_init);
