/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two parts of task_struct, and what isolation keeps of a task.  Whoever wakes a
 * task, or has it in the same queue, reads and writes what the scheduler keeps
 * in it; that part holds nothing that a guest could not know, and domains may
 * map any task's.  Registers, and so keys, and the stack canary are in the
 * other, which begins on a page of its own.
 */
#ifndef ASI_TASK_H
#define ASI_TASK_H

#include <linux/types.h>
#include <asm/page_types.h>

struct asi;
struct netns_owner;
struct netns_task;
struct sci_filter;

/* Written by the task itself, or by who makes it. */
struct asi_task {
	/*
	 * The strict domain that the task's own code runs in now: its CPU is inside
	 * but for interrupts, gates and after a fault that left for good.
	 */
	struct asi *inside;
	struct asi *sci;		/* its domain for system calls, or NULL */
	struct sci_filter *filter;		/* which calls, or NULL: not isolated */
	struct netns_owner *acting;	/* the namespace that it acts for now, or NULL */
	struct netns_task *netns;	/* what it has of isolated namespaces; see netns-asi/ */
	unsigned int call;		/* number, while inside */
	unsigned int sleepers;		/* that it has, see asi/sleeper.h */
	bool asleep;			/* a transparent domain may remember the task, see cpu/sched.c */
};

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION
/* A member of task_struct: here begins what only the task's own domain may map. */
#define ASI_TASK_SECRETS						\
	__u8 asi_secrets[0] __aligned(PAGE_SIZE);			\
	struct asi_task asi;						\
	ASI_TASK_CANARY
#else
#define ASI_TASK_SECRETS	ASI_TASK_CANARY
#endif

/* Of -fstack-protector. */
#ifdef CONFIG_STACKPROTECTOR
#define ASI_TASK_CANARY		unsigned long stack_canary
#else
#define ASI_TASK_CANARY		struct { }
#endif

#endif /* ASI_TASK_H */
