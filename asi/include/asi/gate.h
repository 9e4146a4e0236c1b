/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gates: functions of the kernel that touch, for a system call, what no isolated
 * call may have mapped: page tables, the stacks of tasks that wait, other
 * processes' pages.  They run outside.
 *
 *	guard(asi_unrestricted)();
 *
 * among a function's first statements leaves the restricted space until the
 * function returns.  Any context, noinstr too.  A NOP each way until the first
 * process is isolated.
 *
 * The domain of an accessor of private payload is not left: it shows all of the kernel, and
 * the function may be on the way to the payload.  Where other work takes the CPU it has to
 * be:
 *
 *	guard(asi_outside)();
 */
#ifndef ASI_GATE_H
#define ASI_GATE_H

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/types.h>

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

DECLARE_STATIC_KEY_FALSE(asi_gate_key);

bool __asi_pause(void);
bool __asi_pause_any(void);
void __asi_resume(void);

/* True: the task was inside and is not any more; asi_resume() brings it back. */
static __always_inline bool asi_pause(void)
{
	return static_branch_unlikely(&asi_gate_key) && __asi_pause();
}

/* The same, whatever the task was inside of. */
static __always_inline bool asi_pause_any(void)
{
	return static_branch_unlikely(&asi_gate_key) && __asi_pause_any();
}

static __always_inline void asi_resume(bool paused)
{
	if (static_branch_unlikely(&asi_gate_key) && paused)
		__asi_resume();
}

#else

static __always_inline bool asi_pause(void) { return false; }
static __always_inline bool asi_pause_any(void) { return false; }
static __always_inline void asi_resume(bool paused) { }

#endif

/* DEFINE_CLASS() without functions that may end up instrumented. */
typedef bool class_asi_unrestricted_t;

static __always_inline class_asi_unrestricted_t class_asi_unrestricted_constructor(void)
{
	return asi_pause();
}

static __always_inline void class_asi_unrestricted_destructor(const class_asi_unrestricted_t *paused)
{
	asi_resume(*paused);
}

typedef bool class_asi_outside_t;

static __always_inline class_asi_outside_t class_asi_outside_constructor(void)
{
	return asi_pause_any();
}

static __always_inline void class_asi_outside_destructor(const class_asi_outside_t *paused)
{
	asi_resume(*paused);
}

#endif /* ASI_GATE_H */
