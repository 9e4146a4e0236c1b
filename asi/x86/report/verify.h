/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the oracle share. */
#ifndef ASI_X86_REPORT_VERIFY_H
#define ASI_X86_REPORT_VERIFY_H

#include <linux/pgtable.h>
#include <linux/types.h>

struct asi_space;
struct asi_task_domain;

/* Printed for one domain, and for what belongs to none; all are counted. */
#define ASI_VERIFY_SHOWN	32
/* Own table pages looked at for being used twice. */
#define ASI_VERIFY_TABLES	8192

struct asi_violation {
	u64 address;
	u64 entry;
	const char *what;
};

struct asi_verify {
	const struct asi_space *space;	/* being looked at, or NULL */
	struct mm_struct *owner;	/* of the process that made the domain, or NULL */
	const struct asi_task_domain *task;	/* the same as a task's domain, or NULL */
	struct mm_struct *mm;		/* of that task, now */
	u64 leaves;
	u64 violations;
	struct asi_violation shown[ASI_VERIFY_SHOWN];
	/* Frames of own tables, of all domains. */
	u64 *tables;
	unsigned int nr_tables;
};

static inline void asi_violate(struct asi_verify *v, u64 address, u64 entry,
			       const char *what)
{
	struct asi_violation *one;

	if (v->violations++ >= ASI_VERIFY_SHOWN)
		return;
	one = &v->shown[v->violations - 1];
	one->address = address;
	one->entry = entry;
	one->what = what;
}

static inline u64 asi_entry_pfn(u64 entry)
{
	return (entry & __PHYSICAL_MASK & PAGE_MASK) >> PAGE_SHIFT;
}

/* A large leaf has its PAT bit where a small one's frame number begins. */
static inline u64 asi_leaf_pfn(u64 entry, unsigned int level)
{
	return asi_entry_pfn(level > PG_LEVEL_4K ? entry & ~_PAGE_PAT_LARGE : entry);
}

/*
 * The leaf that maps @va in the raw table @root, or 0, with the frame of that
 * page and the rights that the tables above leave.  Interrupts off, where the
 * tables may be freed.
 */
u64 asi_raw_leaf(const u64 *root, u64 va, u64 *pfn, bool *writable);

/* verify_records.c: under asi_spaces_mutex. */
void asi_verify_cpus(struct asi_verify *v);
/* The same, under the space's lock too, and under RCU. */
void asi_verify_tasks(struct asi_verify *v);
void asi_verify_base(struct asi_verify *v);
void asi_verify_quarantine(struct asi_verify *v);

#endif /* ASI_X86_REPORT_VERIFY_H */
