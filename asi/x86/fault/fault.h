/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From #PF to the mapped page: what the address is (classify.c), what the policy says
 * of it (policy.c), bringing it in (grow.c), what is no refusal after all (answer.c), the
 * end of a task (end.c) and of what it holds (held.c), and in between (fault.c).
 */
#ifndef ASI_X86_FAULT_FAULT_H
#define ASI_X86_FAULT_FAULT_H

#include <asm/trap_pf.h>
#include "revoke/revoke.h"

/* What an address is, and what the kernel's own table says of it. */
struct asi_place {
	enum asi_kind kind;
	bool mapped;			/* by the kernel's own page table */
	struct asi_leaf leaf;		/* valid if mapped */
	const char *cache;		/* slab cache name, or NULL */
	char cache_name[ASI_CACHE_NAME_LEN];
};

/* An object of a slab cache, with what the cache has around it. */
struct asi_slab_object {
	unsigned long start;
	unsigned long end;
	char cache[ASI_CACHE_NAME_LEN];
};

/* Records on a task's stack in lists of others. */
struct asi_linked {
	unsigned int count;
	unsigned long lowest;		/* address of one, or the stack's beginning */
};

/* classify.c; lockless, any context.  @asi may be NULL: then nothing is its own. */
void asi_classify(const struct asi *asi, unsigned long address,
		  struct asi_place *place);
/*
 * The running process's table of single pages for @va, or 0.  Interrupts off, which
 * keeps its tables.
 */
unsigned long asi_lowest_table(unsigned long va);

/* policy.c */
extern struct asi_fault_log asi_logs[ASI_NR_CLASSES];
extern struct asi_policy_error asi_policy_last_error;
/* Lockless, interrupts off. */
struct asi_verdict asi_policy_of(enum asi_class cls, const struct asi_place *place,
				 enum asi_access access);
/* Apply rules on top of the policy in force.  Process context. */
int asi_policy_set(const char *text, size_t len);
/* Text form in a fresh buffer (kvfree()); returns its length.  Process context. */
ssize_t asi_policy_text(char **buf);
/* The first call makes the policy. */
void asi_policy_boot(void);

/*
 * grow.c; like an NMI, unrestricted.  Would the kernel's own table let the access to
 * @place through?
 */
bool asi_kernel_allows(const struct asi_place *place, enum asi_access access);
/*
 * Map the pages of @fault as their owner has them; @place is that of the one touched,
 * which has to be there afterwards.  False: leave instead.
 */
bool asi_grow(struct asi *asi, const struct asi_fault *fault, struct asi_place *place);

/* answer.c; like an NMI, unrestricted.  Has the exception table an answer? */
bool asi_is_fixable(const struct asi_fault *fault);
/*
 * A touch that is not let in: is it one that the exception table answers for another
 * reason?  Then it has.
 */
bool asi_answer(const struct asi *asi, const struct asi_fault *fault,
		const struct asi_place *place);

/*
 * end.c: the running task was refused at @regs, and ends instead of going on from there.
 * Outside, as in an interrupt at @regs.
 */
void asi_end_task(struct pt_regs *regs);

/*
 * refuge.c; noinstr, interrupts off.  A fault outside of every domain: true: it was on
 * private memory, and is dealt with.
 */
bool asi_private_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address);
/*
 * A fault in a refuge, which has been left.  True: the instruction goes on outside; false:
 * the kernel's own handler comes next.
 */
bool asi_refuge_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address);

/* held.c: say what the running task holds, which was interrupted at @regs. */
void asi_show_held(const struct pt_regs *regs);
/* Let go of it where that is certain.  Begins in the context that the task was in. */
void asi_release_held(void);
/* On the part of the task's stack that is in use at @sp; on all of it where that is elsewhere. */
void asi_find_linked(unsigned long sp, struct asi_linked *linked);
/* @address may be anything: is it in a slab object?  Lockless, any context. */
bool asi_find_object(unsigned long address, struct asi_slab_object *object);
/* Is it the address of an object of that cache? */
bool asi_is_object(unsigned long address, const char *cache);
struct folio;
struct kmem_cache;
/* The cache of a slab, and its name; NULL: it is none any more. */
struct kmem_cache *asi_slab_name(struct folio *folio, char name[ASI_CACHE_NAME_LEN]);

#endif /* ASI_X86_FAULT_FAULT_H */
