/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The types that everything in asi/x86 is about.
 *
 *	struct asi_space		a page table, its lock, generation and reserve
 *	  struct asi_tables		one that is never entered: others borrow from it
 *	  struct asi			a domain: one that is entered
 *	    struct asi_vm_domain	for any task at work for one virtual machine
 *	    struct asi_task_domain	for one task
 *
 * Each begins with what it is made from.
 */
#ifndef ASI_X86_CORE_TYPES_H
#define ASI_X86_CORE_TYPES_H

#include <linux/container_of.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <asi/asi.h>
#include <asi/engine.h>
#include <asi/tlb.h>

struct mem_cgroup;

/* Which of the types above a space is part of. */
enum asi_space_type {
	ASI_SPACE_BASE,		/* struct asi_tables: the base map */
	ASI_SPACE_TABLES,	/* struct asi_tables: for domains of single tasks */
	ASI_SPACE_STRICT,	/* struct asi: interrupts step out and back in */
	ASI_SPACE_VM,		/* struct asi_vm_domain: interrupts run inside */
	ASI_SPACE_TASK,		/* struct asi_task_domain: strict, and goes with its task */
	ASI_SPACE_REFUGE,	/* struct asi: of one CPU; interrupts leave it for good */
};

struct asi_space {
	struct asi_tlb_domain tlb;	/* first: asi_record() */
	/* Serializes every change of @pt; taken with interrupts off.  Not on @tlb's line. */
	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	enum asi_space_type type;
	struct asi_pt pt;
	unsigned long root;		/* physical address of the top-level table */
	/* How often something at a kernel address was taken out; under @lock. */
	u64 lost;
	struct rcu_head rcu;
#ifdef CONFIG_ASI_DEBUG
	u64 checked_removed;		/* tlb_check.c */
#endif
	/* page/rmap.c: nodes of the reverse map, and those not in use; under @lock. */
	struct asi_rmap_page *rmap_pages;
	struct hlist_head rmap_free;
	u32 rmap_spare;
	/* Table pages to have at hand for growth in the fault path. */
	u32 reserve;
	/* Growth stops there, the reserve counted; 0: nowhere. */
	u32 limit;
	/* Tables that removals may have emptied since the last look; under @lock. */
	u32 emptied;
	unsigned long prune_after;	/* jiffies */
	struct mem_cgroup *memcg;	/* whose the table pages are; NULL: their allocator's */
	struct irq_work refill_irq_work;
	struct work_struct refill_work;
	/* How it is listed. */
	struct list_head list;		/* asi_spaces; the base map is not on it */
	unsigned int id;		/* 0: the base map */
	enum asi_class cls;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

struct asi_tables {
	struct asi_space space;
};

struct asi {
	struct asi_space space;
	struct asi_tables *lender;	/* whose tables it borrows */
	const struct asi_ops *ops;	/* never NULL; its members may be */
	void *owner;
	struct mm_struct *mm;		/* of the process that made it, or NULL */
};

/* Tasks that may sleep inside one domain and find the CPU inside again. */
#define ASI_MAX_ASLEEP		32

struct asi_vm_domain {
	struct asi asi;
	bool idle_stacks;		/* of all CPUs are mapped */
	struct task_struct *asleep[ASI_MAX_ASLEEP];	/* cpu/sched.c; only compared */
	unsigned int asleep_used;	/* of these, places that were ever taken */
};

/* Top-level entries of its process that a task's domain can show. */
#define ASI_USER_SLOTS		8

struct asi_task_domain {
	struct asi asi;
	struct task_struct *task;
	/* The user half, cpu/task.c. */
	u64 *root;
	u64 ctx_id;			/* of the mm that was followed last, */
	u64 tlb_gen;			/* up to this flush */
	unsigned int count;
	unsigned int victim;
	u16 slot[ASI_USER_SLOTS];
};

/* Do others borrow from it? */
static __always_inline bool asi_is_lent(const struct asi_space *space)
{
	return space->type <= ASI_SPACE_TABLES;
}

/* Do interrupts step out of it? */
static __always_inline bool asi_is_strict(const struct asi *asi)
{
	return asi->space.type != ASI_SPACE_VM;
}

/* The domain that @space is part of, or NULL. */
static __always_inline struct asi *asi_domain_of(struct asi_space *space)
{
	return asi_is_lent(space) ? NULL : container_of(space, struct asi, space);
}

/* The domain as one of a single task, or NULL. */
static __always_inline struct asi_task_domain *asi_task_domain(struct asi *asi)
{
	return asi->space.type == ASI_SPACE_TASK ?
	       container_of(asi, struct asi_task_domain, asi) : NULL;
}

/* The domain as one of a virtual machine; not for strict ones. */
static __always_inline struct asi_vm_domain *asi_vm_domain(struct asi *asi)
{
	return container_of(asi, struct asi_vm_domain, asi);
}

/* Bytes at the beginning of any task_struct that are ASI_KIND_OTHER_TASK. */
#define ASI_TASK_OPEN	offsetof(struct task_struct, asi_secrets)

#endif /* ASI_X86_CORE_TYPES_H */
