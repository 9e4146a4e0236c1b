/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by entries.c, events.c, events_irq.c and preempt.c. */
#ifndef ASI_TEST_ENTRIES_H
#define ASI_TEST_ENTRIES_H

#include <linux/bits.h>
#include <linux/types.h>
#include <asm/page_types.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>
#include <asi/asi.h>

struct task_struct;

/* Where a CPU is, and whether CR3 and the record say the same. */
enum asi_where {
	ASI_INSIDE,
	ASI_OUTSIDE,
	ASI_CONTRADICTION,
};

/* One event in one domain.  Touched while restricted, so no slab object. */
struct asi_entry {
	struct asi *asi;
	struct task_struct *task;
	bool strict;
	unsigned long restricted;	/* root tables */
	unsigned long unrestricted;
	unsigned int rounds;
	unsigned int seen;		/* handlers that ran, */
	unsigned int seen_inside;	/* of these in the domain */
	unsigned int inside;		/* rounds after which the CPU was inside */
	unsigned int outside;
	unsigned int wrong;		/* contradictions, anywhere */
};

#define ASI_EVENT_IRQS		BIT(0)	/* interrupts are on while inside */
#define ASI_EVENT_RELAXED	BIT(1)	/* not in critical sections */

/*
 * A way into the kernel.  @begin and @end: process context, around all rounds;
 * @begin may refuse with an error.  @provoke: inside.  @round replaces the
 * usual round, if set.
 */
struct asi_event {
	const char *name;
	unsigned int flags;
	int (*begin)(struct asi_entry *entry);
	void (*provoke)(struct asi_entry *entry);
	void (*round)(struct asi_entry *entry);
	void (*end)(struct asi_entry *entry);
};

static inline unsigned long asi_entry_root(void)
{
	return __native_read_cr3() & CR3_ADDR_MASK;
}

/* Turns of a waiting loop: seconds, on the slowest emulator. */
#define ASI_ENTRY_PATIENCE	5000000

/* entries.c */
enum asi_where asi_entry_where(const struct asi_entry *entry);
/* The handler of the event runs.  Any context. */
void asi_entry_seen(struct asi_entry *entry);
void asi_entry_count(struct asi_entry *entry, enum asi_where where);
/* Until entry->seen is another than @seen, or patience ends. */
void asi_entry_await(struct asi_entry *entry, unsigned int seen);

/* Into the domain, into a critical section.  Interrupts off. */
static __always_inline void asi_entry_go_in(struct asi_entry *entry)
{
	entry->unrestricted = asi_entry_root();
	asi_enter(entry->asi);
	entry->restricted = asi_entry_root();
}

/* Out of the domain, and that is where the CPU must be then.  Interrupts off. */
static __always_inline void asi_entry_go_out(struct asi_entry *entry)
{
	asi_exit();
	if (asi_entry_where(entry) != ASI_OUTSIDE)
		entry->wrong++;
}

/* events.c, events_irq.c, preempt.c */
extern const struct asi_event asi_events_table[];
/* Whose event the handlers are waiting for. */
extern struct asi_entry *asi_awaited;
int asi_irq_begin(struct asi_entry *entry);
void asi_irq_provoke(struct asi_entry *entry);
void asi_irq_end(struct asi_entry *entry);
void asi_softirq_provoke(struct asi_entry *entry);
void asi_softirq_end(struct asi_entry *entry);
int asi_timer_begin(struct asi_entry *entry);
void asi_timer_round(struct asi_entry *entry);
void asi_timer_end(struct asi_entry *entry);
int asi_ipi_begin(struct asi_entry *entry);
void asi_ipi_provoke(struct asi_entry *entry);
void asi_ipi_end(struct asi_entry *entry);
int asi_preempt_begin(struct asi_entry *entry);
int asi_migrate_begin(struct asi_entry *entry);
void asi_preempt_round(struct asi_entry *entry);
void asi_preempt_end(struct asi_entry *entry);

#endif /* ASI_TEST_ENTRIES_H */
