/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers of sleeping tasks, off their stacks.
 *
 * A sleeping task links a timer on its stack into the CPU's queue, and whoever
 * changes that queue later reads and writes it: every tick would touch other
 * tasks' stacks.  Once the first domain exists these timers come from a slab
 * cache that holds nothing else and that domains may map.  Without memory the
 * stack does: slower, not wrong.
 */
#ifndef ASI_SLEEPER_H
#define ASI_SLEEPER_H

#include <linux/hrtimer.h>
#include <linux/sched/task_stack.h>
#include <linux/timer.h>
#include <asi/hooks.h>

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

void *__asi_sleeper(void *on_stack, size_t size);
void __asi_free_sleeper(void *sleeper);

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

/* No timer in it is queued or running any more. */
static inline void asi_free_sleeper(void *sleeper)
{
	if (asi_hook_active() && !object_is_on_stack(sleeper))
		__asi_free_sleeper(sleeper);
}

#else

#define asi_sleeper(on_stack)	(on_stack)
static inline void asi_free_sleeper(void *sleeper) { }

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
