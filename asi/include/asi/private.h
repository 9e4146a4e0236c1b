/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private memory: blocks of the direct map that the kernel's own table does not map, and
 * domains that show all of the kernel and, at the same addresses, what one owner has there.
 *
 * A touch outside of the owner's domain is refused without harm.  Where the exception
 * table has an answer it is given.  Otherwise the CPU goes on in a refuge: the kernel's
 * own mappings, with one page of zeroes at all private addresses, until the next
 * interrupt, switch of tasks or return to user mode, or the end of the interrupt.
 */
#ifndef ASI_PRIVATE_H
#define ASI_PRIVATE_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <asi/asi.h>
#include <asi/hooks.h>

struct page;

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

/* ---- Blocks ------------------------------------------------------------ */

/**
 * struct asi_private_ops - what the core asks the one who keeps private memory
 * @refuge: this CPU's refuge, ready to be entered; @admit: with the private memory
 *	itself in it.  In the fault path: no locks that are waited for, no sleeping, no
 *	allocation.  NULL: there is none.
 * @refused: a touch was refused, or admitted.  As @refuge.
 * @freed: pages are on their way to the page allocator, and stay.  Any context but NMI.
 * @changed: asi_direct_map_gen was increased for what is there, and translations are flushed after this.  Any
 *	context but NMI.
 */
struct asi_private_ops {
	struct asi *(*refuge)(bool admit);
	void (*refused)(const struct asi_fault *fault, bool admitted);
	void (*freed)(struct page *page, unsigned int order);
	void (*changed)(unsigned long address);
};

/**
 * asi_private_init - have room to note private blocks
 * @ops: one for the whole system
 *
 * Boot, process context.
 * Return: 0, -ENOMEM, or -EOPNOTSUPP when isolation is off.
 */
int asi_private_init(const struct asi_private_ops *ops);

/**
 * asi_private_add - a block of 2 MiB is private from now on
 * @address: of the direct map; the caller has taken the block out of the kernel's table
 *
 * Process context.
 */
void asi_private_add(unsigned long address);

/* Is that an address of a private block?  Lockless, any context. */
bool asi_is_private(unsigned long address);

/*
 * Counts changes of the direct map: copies of its tables are old when it differs.
 * Lockless, any context.
 */
extern atomic64_t asi_direct_map_gen;

/* ---- Domains that show all of the kernel ------------------------------- */

enum asi_whole {
	ASI_WHOLE_TASK,		/* for the running task: asi_nest() */
	ASI_WHOLE_VISIT,	/* no user addresses: asi_visit(), on any CPU */
	ASI_WHOLE_REFUGE,	/* of one CPU */
};

/**
 * asi_create_whole_tables - tables with everything that the kernel's own have
 * @cls: kind of consumer
 * @name: shown in place of a process's
 * @part: a table of the top level, from which the entry for @address is borrowed
 * @address: of the direct map
 *
 * They are never entered.  Process context, may sleep.
 * Return: the tables, or ERR_PTR.
 */
struct asi_tables *asi_create_whole_tables(enum asi_class cls, const char *name,
					   const void *part, unsigned long address);

/** asi_destroy_whole_tables - nobody borrows from them any more.  Process context. */
void asi_destroy_whole_tables(struct asi_tables *tables);

/**
 * asi_create_whole - make a domain on such tables
 *
 * A fault on a kernel address that @ops->missing does not settle leaves.  Process
 * context, may sleep.
 * Return: the domain, or ERR_PTR.
 */
struct asi *asi_create_whole(struct asi_tables *tables, enum asi_whole how,
			     const struct asi_ops *ops, void *owner);

/** asi_destroy_whole - its end.  Process context, may sleep; not by a task inside. */
void asi_destroy_whole(struct asi *asi);

/*
 * Translations through @tables may be old: every domain on them flushes when it is
 * entered next.  Any context.
 */
void asi_changed_whole(struct asi_tables *tables);

/* Make all CPUs leave that may hold such translations.  Process context. */
void asi_evict_all(void);

/* Have @asi, a refuge, show the user addresses of the process loaded now.  Interrupts off. */
void asi_take_user_half(struct asi *asi);

/* What an excursion into such a domain comes back to. */
struct asi_nest {
	struct asi *inside;	/* of the task, before */
	struct asi *resume;	/* of the CPU, before */
	bool same;		/* the CPU was inside already: nothing to be done */
	bool back;		/* the CPU was inside of @inside */
};

/**
 * asi_nest - the running task's code runs inside of @asi until asi_unnest()
 * @asi: ASI_WHOLE_TASK, of this task
 *
 * Interrupts step out and come back, as does the scheduler; the task may sleep.  In the
 * task's own context, not in an interrupt.  Nests in itself and in the domain of a system
 * call, to which asi_unnest() goes back; the domain of a virtual machine is left.
 */
void asi_nest(struct asi_nest *nest, struct asi *asi);
void asi_unnest(const struct asi_nest *nest);

/**
 * asi_visit - this CPU runs inside of @asi until asi_leave_visit()
 * @asi: ASI_WHOLE_VISIT
 *
 * Preemption is off from before to after, and user addresses are not there.  Any context
 * but hard interrupts and NMI.
 */
void asi_visit(struct asi_nest *nest, struct asi *asi);
void asi_leave_visit(const struct asi_nest *nest);

/**
 * asi_policy_rule - apply one rule on top of the policy in force
 * @rule: as in the boot parameter asi_policy=
 *
 * Process context.
 * Return: 0, or -EINVAL.
 */
int asi_policy_rule(const char *rule);

#endif
#endif /* ASI_PRIVATE_H */
