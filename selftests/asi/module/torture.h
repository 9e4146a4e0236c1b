/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by torture.c, which runs the workers, and torture_*.c, their work. */
#ifndef ASI_TORTURE_H
#define ASI_TORTURE_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/prandom.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <asi/asi.h>

#define ASI_TORTURE_WORKERS	32	/* at a time */
#define ASI_TORTURE_OWN		2	/* domains of one worker */
#define ASI_TORTURE_SHARED	3	/* domains of all */
#define ASI_TORTURE_DOMAINS	(ASI_TORTURE_OWN + ASI_TORTURE_SHARED)
#define ASI_TORTURE_OBJECTS	6	/* of one worker */
#define ASI_TORTURE_PAGES	512	/* of one object: a large leaf */
/* What starts every pattern. */
#define ASI_TORTURE_MAGIC	0xa51cULL
#define ASI_TORTURE_GFP		(GFP_KERNEL | __GFP_NOWARN)

/* What is counted, and the name of each in the report. */
enum asi_torture_count {
	ASI_TORTURE_CREATE,
	ASI_TORTURE_DESTROY,
	ASI_TORTURE_ALLOC,
	ASI_TORTURE_FREE,
	ASI_TORTURE_FREE_MAPPED,
	ASI_TORTURE_MAP,
	ASI_TORTURE_MAP_RESERVED,
	ASI_TORTURE_UNMAP,
	ASI_TORTURE_PROTECT,
	ASI_TORTURE_VISIT,
	ASI_TORTURE_SLEEP,
	ASI_TORTURE_MOVE,
	ASI_TORTURE_KTHREAD,
	ASI_TORTURE_IPI,
	ASI_TORTURE_NMI,
	ASI_TORTURE_READ,		/* of what is mapped: the right content */
	ASI_TORTURE_REFUSED,		/* reads of what is not mapped that were stopped */
	ASI_TORTURE_BEACON,		/* reads of what another CPU frees meanwhile */
	ASI_TORTURE_LOST,		/* mapped, but taken out since */
	ASI_TORTURE_EVICTED,		/* left before the worker asked for it */
	ASI_TORTURE_NOMEM,
	ASI_TORTURE_NR_COUNTS
};

/*
 * A domain, or the place for one.  Static: what is inside a strict domain reads
 * it there.  @serial is 0 while there is no domain that may be entered.
 */
struct asi_torture_domain {
	struct rw_semaphore lock;	/* for reading: @asi stays */
	struct asi *asi;
	u64 serial;
	/*
	 * Only threads of the process that made the domain enter it: others'
	 * stacks must not be in it.
	 */
	pid_t tgid;
	bool strict;
	unsigned long beacon;		/* mapped here, to be freed soon, or 0 */
};

enum asi_torture_kind {
	ASI_TORTURE_NOTHING,
	ASI_TORTURE_BLOCK,		/* alloc_pages() */
	ASI_TORTURE_VMALLOC,
	ASI_TORTURE_VMAP,		/* of own pages */
	ASI_TORTURE_SLAB,		/* kmalloc(), whole pages */
};

/* What a worker knows of one of its objects in one domain. */
struct asi_torture_state {
	u64 serial;
	u64 generation;			/* since then nothing may be missing */
	DECLARE_BITMAP(mapped, ASI_TORTURE_PAGES);
	DECLARE_BITMAP(unsure, ASI_TORTURE_PAGES);
};

/* Stays known after it was freed: nobody may reach it any more. */
struct asi_torture_object {
	enum asi_torture_kind kind;
	bool live;
	unsigned int order;
	unsigned int pages;
	void *at;
	struct page **list;		/* ASI_TORTURE_VMAP */
	u64 pattern;
	struct asi_torture_state in[ASI_TORTURE_DOMAINS];
};

struct asi_torture_worker {
	unsigned int number;
	struct rnd_state rnd;
	struct completion started;	/* of a short-lived thread */
	struct asi_torture_domain *domain[ASI_TORTURE_DOMAINS];
	struct asi_torture_object object[ASI_TORTURE_OBJECTS];
};

extern struct asi_torture_domain asi_torture_shared[ASI_TORTURE_SHARED];
extern atomic64_t asi_torture_counts[ASI_TORTURE_NR_COUNTS];

static inline void asi_torture_count(enum asi_torture_count what)
{
	atomic64_inc(&asi_torture_counts[what]);
}

static inline u32 asi_torture_random(struct asi_torture_worker *w, u32 below)
{
	return prandom_u32_state(&w->rnd) % below;
}

/* torture.c: something that must not be. */
void asi_torture_wrong(const char *what, const void *at, u64 got, u64 expected);

/* What page @page of the object holds in all its words. */
static inline u64 asi_torture_pattern(const struct asi_torture_object *o, unsigned int page)
{
	return o->pattern + page;
}

/* torture_work.c; process context. */
void asi_torture_work(struct asi_torture_worker *w);
void asi_torture_end(struct asi_torture_worker *w);

/*
 * torture_memory.c; process context.  Domains are given by their place with the
 * worker; where there is none, nothing happens.
 */
void asi_torture_create(struct asi_torture_worker *w, unsigned int domain);
void asi_torture_destroy(struct asi_torture_domain *d);
/* Takes the place of @o, which is freed, mapped or not. */
void asi_torture_alloc(struct asi_torture_worker *w, struct asi_torture_object *o);
void asi_torture_release(struct asi_torture_worker *w, struct asi_torture_object *o);
/* What @o's worker knows of it in the domain that is there now; under its lock. */
struct asi_torture_state *asi_torture_state(const struct asi_torture_worker *w,
					    struct asi_torture_object *o, unsigned int domain);
void asi_torture_map(struct asi_torture_worker *w, struct asi_torture_object *o,
		     unsigned int domain, unsigned int from, unsigned int pages);
void asi_torture_unmap(struct asi_torture_worker *w, struct asi_torture_object *o,
		       unsigned int domain, unsigned int from, unsigned int pages);
void asi_torture_protect(struct asi_torture_worker *w, struct asi_torture_object *o);
void asi_torture_free_seen(struct asi_torture_worker *w, struct asi_torture_object *o);
/* For calls of other CPUs. */
void asi_torture_nothing(void *unused);

/* torture_visit.c; process context. */
void asi_torture_stay(struct asi_torture_worker *w, unsigned int domain);
void asi_torture_sleep(struct asi_torture_worker *w, unsigned int domain);
/* To another CPU that is online. */
void asi_torture_move(struct asi_torture_worker *w);

#endif /* ASI_TORTURE_H */
