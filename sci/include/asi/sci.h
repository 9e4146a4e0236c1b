/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hooks call of system-call isolation.  asi/hooks.h comes with it: the entry code
 * needs both.
 */
#ifndef ASI_SCI_H
#define ASI_SCI_H

#include <linux/errno.h>
#include <linux/types.h>
#include <linux/thread_info.h>
#include <asi/hooks.h>
#include <asi/sci_abi.h>

struct pt_regs;
struct task_struct;

/* The kernel's own work at a system call's entry. */
long syscall_trace_enter(struct pt_regs *regs, long syscall, unsigned long work);

#ifdef CONFIG_SYSCALL_ISOLATION

#define ASI_SYSCALL_WORK	SYSCALL_WORK_SYSCALL_ISOLATION

long sci_enter(struct pt_regs *regs, long nr);
void asi_end(void);
long sci_prctl(unsigned long op, unsigned long arg, unsigned long rest);
/* A copy of the running task: not inside, and isolated as its parent if it is its like. */
void sci_fork(struct task_struct *child);
/* The running task ends: what it does from here is not isolated.  May sleep. */
void sci_exit_task(void);
void sci_free_task(struct task_struct *task);

/* Nothing else watches this call: what is there to do is sci_enter() and sci_exit(). */
static __always_inline bool sci_alone(unsigned long work)
{
	return work == SYSCALL_WORK_SYSCALL_ISOLATION;
}

/* The call is over.  True: nothing else is to be done about it. */
static __always_inline bool sci_exit(unsigned long work)
{
	if (sci_alone(work)) {
		asi_end();
		return true;
	}
	if (work & SYSCALL_WORK_SYSCALL_ISOLATION)
		asi_end();
	return false;
}

/* The last that a system call's entry does.  Returns the call to make, -1 for none. */
static __always_inline long sci_enter_last(struct pt_regs *regs, long nr, unsigned long work)
{
	return (work & SYSCALL_WORK_SYSCALL_ISOLATION) ? sci_enter(regs, nr) : nr;
}

/* Instead of syscall_trace_enter(): the same, or only what sci_enter_last() does of it. */
static __always_inline long sci_trace_enter(struct pt_regs *regs, long nr, unsigned long work)
{
	return sci_alone(work) ? sci_enter(regs, nr) : syscall_trace_enter(regs, nr, work);
}

#else

#define ASI_SYSCALL_WORK	0

static __always_inline long sci_trace_enter(struct pt_regs *regs, long nr, unsigned long work)
{
	return syscall_trace_enter(regs, nr, work);
}

static __always_inline bool sci_exit(unsigned long work) { return false; }
static __always_inline long sci_enter_last(struct pt_regs *regs, long nr,
					   unsigned long work) { return nr; }
static inline long sci_prctl(unsigned long op, unsigned long arg, unsigned long rest)
{
	return -EINVAL;
}

static inline void sci_fork(struct task_struct *child) { }
static inline void sci_exit_task(void) { }
static inline void sci_free_task(struct task_struct *task) { }

#endif

#endif /* ASI_SCI_H */
