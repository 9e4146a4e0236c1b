/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What wakes sleeping tasks, off their stacks.
 *
 * A sleeping task links a timer on its stack into the CPU's queue, and whoever
 * changes that queue later reads and writes it: every tick would touch other
 * tasks' stacks.  A task in poll() links entries on its stack into the queues of
 * all it waits for: a guest that kicks a device would touch the VMM's.  Once the
 * first domain exists these come from slab caches that hold nothing else and that
 * domains may map.  Without memory the stack does: slower, not wrong.
 */
#ifndef ASI_SLEEPER_H
#define ASI_SLEEPER_H

#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/timer.h>
#include <asi/hooks.h>

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

void *__asi_sleeper(void *on_stack, size_t size);

/*
 * Storage for what @on_stack was meant for, until asi_free_sleeper().  Does not
 * sleep and leaves the task's state alone.  Process context.
 */
#define asi_sleeper(on_stack)					\
({								\
	typeof(on_stack) __sleeper = (on_stack);		\
								\
	if (asi_hook_active())					\
		__sleeper = __asi_sleeper(__sleeper, sizeof(*__sleeper)); \
	__sleeper;						\
})

/* No timer in it is queued or running, and nobody can be waking by it any more. */
static inline void asi_free_sleeper(void *sleeper)
{
	if (asi_hook_active() && !object_is_on_stack(sleeper))
		kfree(sleeper);
}

/* A page of the same sort, or of any while there is no domain.  May sleep. */
static inline void *asi_sleeper_page(void)
{
	return asi_hook_active() ? __asi_zalloc_global_nonsensitive(PAGE_SIZE, GFP_KERNEL, NUMA_NO_NODE) :
				   (void *)__get_free_page(GFP_KERNEL);
}

static inline void asi_free_sleeper_page(void *page)
{
	if (asi_hook_active() && folio_test_slab(virt_to_folio(page)))
		kfree(page);
	else
		free_page((unsigned long)page);
}

#else

#define asi_sleeper(on_stack)	(on_stack)
static inline void asi_free_sleeper(void *sleeper) { }

static inline void *asi_sleeper_page(void)
{
	return (void *)__get_free_page(GFP_KERNEL);
}

static inline void asi_free_sleeper_page(void *page)
{
	free_page((unsigned long)page);
}

#endif

/* hrtimer_init_sleeper_on_stack() for either place. */
static inline void asi_init_sleeper(struct hrtimer_sleeper *sleeper, clockid_t clock,
				    enum hrtimer_mode mode)
{
	if (object_is_on_stack(sleeper))
		hrtimer_init_sleeper_on_stack(sleeper, clock, mode);
	else
		hrtimer_init_sleeper(sleeper, clock, mode);
}

static inline void asi_destroy_sleeper(struct hrtimer_sleeper *sleeper)
{
	destroy_hrtimer_on_stack(&sleeper->timer);
	asi_free_sleeper(sleeper);
}

/* timer_setup_on_stack() for either place. */
static inline void asi_setup_sleep_timer(struct timer_list *timer,
					 void (*callback)(struct timer_list *timer))
{
	if (object_is_on_stack(timer))
		timer_setup_on_stack(timer, callback, 0);
	else
		timer_setup(timer, callback, 0);
}

#endif /* ASI_SLEEPER_H */
