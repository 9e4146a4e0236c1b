/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What wakes sleeping tasks, off their stacks.
 *
 * A sleeping task links a timer on its stack into the CPU's queue, and whoever
 * changes that queue later reads and writes it: every tick would touch other
 * tasks' stacks.  A task in poll() links entries on its stack into the queues of
 * all it waits for: a guest that kicks a device would touch the VMM's.  Once the
 * first domain exists these come from slab caches that hold nothing else and that
 * domains may map.  Without memory the stack does: slow but correct.
 */
#ifndef ASI_SLEEPER_H
#define ASI_SLEEPER_H

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/timer.h>
#include <asi/hooks.h>

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

void *__asi_sleeper(void *on_stack, size_t size);
struct hrtimer_sleeper *__asi_move_sleeper(struct hrtimer_sleeper *on_stack);
void __asi_return_sleeper(struct hrtimer_sleeper *on_stack, struct hrtimer_sleeper *moved);

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
	if (asi_hook_active() && sleeper && !object_is_on_stack(sleeper)) {
		current->asi.sleepers--;
		kfree(sleeper);
	}
}

/* A page of the same sort, or of any while there is no domain.  May sleep. */
static inline void *asi_sleeper_page(void)
{
	if (asi_hook_active())
		return __asi_zalloc_global_nonsensitive(PAGE_SIZE, GFP_KERNEL, NUMA_NO_NODE);
	return (void *)__get_free_page(GFP_KERNEL);
}

static inline void asi_free_sleeper_page(void *page)
{
	if (asi_hook_active() && folio_test_slab(virt_to_folio(page)))
		kfree(page);
	else
		free_page((unsigned long)page);
}

#else

static inline struct hrtimer_sleeper *__asi_move_sleeper(struct hrtimer_sleeper *on_stack)
{
	return on_stack;
}

static inline void __asi_return_sleeper(struct hrtimer_sleeper *on_stack,
					struct hrtimer_sleeper *moved) { }
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

/* The same when @needed is not NULL, else NULL. */
#define asi_sleeper_for(needed, on_stack)	((needed) ? asi_sleeper(on_stack) : NULL)

/* Declares @name, a pointer to storage for a @type, until the function returns. */
DEFINE_FREE(asi_sleeper, void *, asi_free_sleeper(_T))
#define ASI_SLEEPER(type, name)						\
	type __##name##_on_stack, *name __free(asi_sleeper) = asi_sleeper(&__##name##_on_stack)

/*
 *	guard(asi_sleeper)(&sleeper);
 *
 * @sleeper points to a timer on the stack that is initialised, has its expiry and is
 * not queued.  Until the function returns it points to the same off the stack; then
 * the one on the stack has the task and the expiry that the other ended with.  It must
 * not be queued at that time.  Process context; does not sleep.
 */
typedef struct {
	struct hrtimer_sleeper *on_stack;
	struct hrtimer_sleeper *moved;	/* or NULL */
} class_asi_sleeper_t;

static __always_inline class_asi_sleeper_t
class_asi_sleeper_constructor(struct hrtimer_sleeper **sleeper)
{
	class_asi_sleeper_t both = { .on_stack = *sleeper };

	if (asi_hook_active()) {
		both.moved = __asi_move_sleeper(*sleeper);
		*sleeper = both.moved;
	}
	return both;
}

static __always_inline void class_asi_sleeper_destructor(const class_asi_sleeper_t *both)
{
	if (asi_hook_active() && both->moved)
		__asi_return_sleeper(both->on_stack, both->moved);
}

/* Start @sleeper, sleep, cancel it: as the kernel does where it sleeps once. */
static __always_inline void asi_sleep_hrtimer(struct hrtimer_sleeper *sleeper,
					      enum hrtimer_mode mode)
{
	guard(asi_sleeper)(&sleeper);

	hrtimer_sleeper_start_expires(sleeper, mode);
	if (likely(sleeper->task))
		schedule();
	hrtimer_cancel(&sleeper->timer);
}

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

/* @sleeper is what asi_sleeper() gave, @timer the timer in it.  Not queued. */
static inline void asi_destroy_sleep_timer(struct timer_list *timer, void *sleeper)
{
	destroy_timer_on_stack(timer);
	asi_free_sleeper(sleeper);
}

#endif /* ASI_SLEEPER_H */
