/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads of one core: while a guest runs on one, what may the others reach?
 *
 * Each thread publishes its state, one word:
 *
 *	rest	user mode, idle, not running: nothing of the kernel's is executed
 *	reach	kernel code, inside that domain, or outside of all (domain 0)
 *	gate	inside that domain, on the way to its guest
 *	guest	the guest of that domain runs, or the next instructions are VM entry
 *
 * and a cookie, that of core scheduling: threads with the same one trust each other.
 *
 * The promise: while a guest executes, no sibling executes kernel code that reaches
 * more than that guest's domain, unless both have the same cookie.  (Guests, and
 * programs in user mode, beside each other are the scheduler's concern; and the way
 * from the gate to VM entry and from VM exit to reach counts as the guest.)  What such code
 * has left in the core's buffers is the guest's to flush: asi_smt_reached() tells.
 *
 * Each side publishes what it is about to do, with a full barrier, and looks at the
 * other after that: of two at once at least one sees the other [SDM vol. 3, 9.2.3.4].
 *
 * S1	Before a thread reaches more than it did: publish reach; then for each sibling
 *	interrupt it and wait, for as long as asi_smt_must_wait().
 * S2	Before a guest runs: publish gate, and wait until asi_smt_clash() is false for
 *	all siblings, or do something else by S1; then, with nothing but VM entry left,
 *	publish guest and look again.  If there is a clash now, publish gate and have
 *	the guest exit before its first instruction.
 * S3	After a guest: publish reach, then wait by S1.  So nobody waits while others wait
 *	for him: a thread that waits is published as reach or gate, and only guests are
 *	waited for.  Between publishing guest and VM entry no lock is taken.
 * S4	Reaching less, or nothing, is published without looking.
 * S5	At the gate, just before each look for a clash, the siblings' asi_smt_reached() are
 *	added up.  If the sum has grown since the last gate, the core's buffers are flushed
 *	before the guest runs.  After guest is published it is as at the gate, or the guest
 *	is made to exit.
 *
 * Everything is inline, because code that may not be instrumented calls it.
 */
#ifndef ASI_SMT_H
#define ASI_SMT_H

#include "port.h"

/* The tests put a model of memory in place of these. */
#ifndef ASI_SMT_LOAD
#define ASI_SMT_LOAD(from)	(__atomic_load_n(from, __ATOMIC_SEQ_CST))
/* Not before anything earlier: MOV on x86. */
#define ASI_SMT_STORE(to, v)	(__atomic_store_n(to, v, __ATOMIC_RELEASE))
/* A full barrier besides: XCHG on x86. */
#define ASI_SMT_PUBLISH(to, v)	(__atomic_store_n(to, v, __ATOMIC_SEQ_CST))
/* One instruction, so that an NMI that counts as well comes before it or after it. */
#define ASI_SMT_COUNT(what)							\
	({ asm volatile("incq %0" : "+m"(*(what)) : : "memory", "cc"); })
#endif

/* Zeroed: a thread at rest.  Mapped in every domain.  Written by its CPU while that runs. */
struct asi_smt_thread {
	asi_u64 state;
	asi_u64 cookie;		/* 0: trusts nobody */
	asi_u64 reached;	/* how often it began to reach all, or another domain */
	asi_u64 domain;		/* the latest; of its CPU only */
};

enum asi_smt_phase {
	ASI_SMT_REST = 0,
	ASI_SMT_REACH = 1,
	ASI_SMT_GATE = 2,
	ASI_SMT_GUEST = 3,
};

#define ASI_SMT_PHASES	3

/* @domain: its asi_tlb_domain.id; 0: none, so everything is in reach. */
static __always_inline asi_u64 asi_smt_state(enum asi_smt_phase phase, asi_u64 domain)
{
	return domain << 2 | phase;
}

static __always_inline enum asi_smt_phase asi_smt_phase_of(asi_u64 state)
{
	return (enum asi_smt_phase)(state & ASI_SMT_PHASES);
}

/* S1 and S2: then look at the siblings. */
static __always_inline void asi_smt_publish(struct asi_smt_thread *me, asi_u64 state,
					    asi_u64 cookie)
{
	ASI_SMT_STORE(&me->cookie, cookie);
	ASI_SMT_PUBLISH(&me->state, state);
}

/* S1.  Then look at the siblings. */
static __always_inline void asi_smt_publish_reach(struct asi_smt_thread *me, asi_u64 domain,
						  asi_u64 cookie)
{
	asi_smt_publish(me, asi_smt_state(ASI_SMT_REACH, domain), cookie);
	/* An NMI that comes before this, and restores what was, has counted for itself only. */
	if (!domain || domain != me->domain)
		ASI_SMT_COUNT(&me->reached);
	if (domain)
		me->domain = domain;
}

/* S5.  It grows with what the thread reaches, while that is published. */
static __always_inline asi_u64 asi_smt_reached(const struct asi_smt_thread *sibling)
{
	return ASI_SMT_LOAD(&sibling->reached);
}

/* S4.  From reach to what reaches less, from anything to rest, and from guest to gate. */
static __always_inline void asi_smt_recede(struct asi_smt_thread *me, asi_u64 state)
{
	ASI_SMT_STORE(&me->state, state);
}

/*
 * May a guest of @guest's, at the gate or running as @state says, not run beside @other?
 * S2: what @guest is itself published as may be something else, after an NMI.
 */
static __always_inline bool asi_smt_clash(const struct asi_smt_thread *guest, asi_u64 state,
					  const struct asi_smt_thread *other)
{
	asi_u64 theirs = ASI_SMT_LOAD(&other->state);
	asi_u64 cookie;

	if (asi_smt_phase_of(theirs) != ASI_SMT_REACH || state >> 2 == theirs >> 2)
		return false;
	cookie = ASI_SMT_LOAD(&guest->cookie);
	return !cookie || cookie != ASI_SMT_LOAD(&other->cookie);
}

/* S1: does a guest run on @sibling that may not run beside @me? */
static __always_inline bool asi_smt_must_wait(const struct asi_smt_thread *me,
					      const struct asi_smt_thread *sibling)
{
	asi_u64 state = ASI_SMT_LOAD(&sibling->state);

	return asi_smt_phase_of(state) == ASI_SMT_GUEST && asi_smt_clash(sibling, state, me);
}

#endif /* ASI_SMT_H */
