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
	if (!sleeper)
		return on_stack;
	current->asi.sleepers++;
	return sleeper;
}

/* @from's task and expiry for @to; neither is queued. */
static void asi_copy_sleeper(struct hrtimer_sleeper *to, const struct hrtimer_sleeper *from)
{
	to->task = from->task;
	to->timer._softexpires = from->timer._softexpires;
	to->timer.node.expires = from->timer.node.expires;
}

struct hrtimer_sleeper *__asi_move_sleeper(struct hrtimer_sleeper *on_stack)
{
	struct hrtimer_sleeper *moved = __asi_sleeper(on_stack, sizeof(*on_stack));
	enum hrtimer_mode mode = HRTIMER_MODE_ABS;

	if (moved == on_stack)
		return on_stack;
	if (on_stack->timer.is_soft)
		mode |= HRTIMER_MODE_SOFT;
	if (on_stack->timer.is_hard)
		mode |= HRTIMER_MODE_HARD;
	hrtimer_init_sleeper(moved, on_stack->timer.base->clockid, mode);
	asi_copy_sleeper(moved, on_stack);
	return moved;
}

void __asi_return_sleeper(struct hrtimer_sleeper *on_stack, struct hrtimer_sleeper *moved)
{
	if (moved == on_stack)
		return;
	asi_copy_sleeper(on_stack, moved);
	asi_destroy_sleeper(moved);
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
