/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of asi/x86; nothing outside includes it. */
#ifndef ASI_X86_INTERNAL_H
#define ASI_X86_INTERNAL_H

#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <asm/sections.h>
#include <asi/asi.h>
#include <asi/cpu.h>
#include <asi/engine.h>
#include <asi/flush.h>
#include <asi/hooks.h>
#include <asi/pages.h>
#include <asi/tlb.h>

/* Table pages a domain keeps for growth in the fault path. */
#define ASI_RESERVE_FULL	48
#define ASI_RESERVE_LOW		24
/* Tables that many tasks share grow for all of them: so many times as much. */
#define ASI_RESERVE_SHARED	4

/* Tasks that may sleep inside one domain and find the CPU inside again. */
#define ASI_MAX_ASLEEP		32

/* Top-level entries of one process that a domain can show. */
#define ASI_USER_SLOTS	8

/* strict.c: the user half of the domain of one task. */
struct asi_user {
	struct task_struct *task;	/* whose, or NULL: no such domain */
	const void *stack;		/* of that task */
	u64 *root;
	u64 ctx_id;			/* of the mm that was followed last, */
	u64 tlb_gen;			/* up to this flush */
	bool grew;			/* it maps more of its own than the stack */
	unsigned int count;
	unsigned int victim;
	u16 slot[ASI_USER_SLOTS];
};

/* One restricted address space. */
struct asi {
	/* Serializes every change of @pt; taken with interrupts off. */
	raw_spinlock_t lock;
	struct asi_pt pt;
	unsigned long root;		/* physical */
	struct asi_tlb_domain tlb;
#ifdef CONFIG_ASI_DEBUG
	u64 checked_removed;		/* shadow.c */
#endif
	enum asi_class cls;
	const struct asi_ops *ops;
	void *owner;
	bool strict;			/* interrupts step out and back in */
	bool is_tables;			/* never entered: its tables are there to be shared */
	bool idle_stacks;		/* of all CPUs are mapped */
	unsigned int id;
	struct task_struct *asleep[ASI_MAX_ASLEEP];	/* sched.c; only compared */
	struct asi *shared;		/* whose tables it shares, or NULL: the base map's */
	struct asi_user user;
	struct mm_struct *mm;		/* of the process that made it, or NULL */
	pid_t pid;
	char comm[TASK_COMM_LEN];
	struct list_head list;		/* asi_domains, under asi_domains_lock */
	struct irq_work refill_irq_work;
	struct work_struct refill_work;
};

/* Bytes at the beginning of any task_struct that are ASI_KIND_OTHER_TASK. */
#define ASI_TASK_OPEN	offsetof(struct task_struct, asi_secrets)

/* Bits of the state that travels from entry to exit hooks. */
#define ASI_STATE_RESUME	BIT(0)	/* curr was set */
#define ASI_STATE_CR3		BIT(1)	/* and CR3 was restricted */
#define ASI_STATE_BACK		BIT(2)	/* the running task's domain, see strict.c */

/* Event counters, per CPU; plain adds, read as sums. */
enum asi_event {
	ASI_EV_ENTER,
	ASI_EV_LEAVE_FAULT,
	ASI_EV_LEAVE_SCHED,
	ASI_EV_LEAVE_FLUSH,
	ASI_EV_LEAVE_ASKED,
	ASI_EV_FAULT,
	ASI_EV_GROW,
	ASI_EV_DENY,
	ASI_EV_CR3_WRITE,
	ASI_EV_CR3_FLUSH,
	ASI_EV_FLUSH_LATER,
	ASI_EV_NMI_STEP,
	ASI_EV_GATE,
	ASI_EV_CRITICAL_LOST,
	ASI_EV_RESERVE_EMPTY,
	ASI_EV_FREED_UNMAPPED,
	ASI_EV_QUARANTINED,
	ASI_EV_QUARANTINE_DRAIN,
	ASI_NR_EVENTS
};
DECLARE_PER_CPU(u64 [ASI_NR_EVENTS], asi_events);
#define asi_count(ev)	raw_cpu_inc(asi_events[ev])
u64 asi_event_sum(enum asi_event ev);

/* What an address is, and what the kernel's own table says of it. */
struct asi_place {
	enum asi_kind kind;
	bool mapped;			/* by the kernel's own page table */
	struct asi_leaf leaf;		/* valid if mapped */
	const char *cache;		/* slab cache name, or NULL */
};

/* classify.c; lockless, any context. */
void asi_classify(const struct asi *asi, unsigned long address,
		  struct asi_place *place);

/*
 * The running process's table of single pages for @va, or 0.  Interrupts off, which
 * keeps its tables.
 */
unsigned long asi_lowest_table(unsigned long va);

/*
 * Bytes of one CPU's unit in the first per-CPU chunk; the rule of
 * pcpu_build_alloc_info() in mm/percpu.c.
 */
static inline size_t asi_percpu_size(void)
{
	return PAGE_ALIGN(__per_cpu_end - __per_cpu_start +
			  PERCPU_MODULE_RESERVE + PERCPU_DYNAMIC_RESERVE);
}

/* base.c */
/*
 * What all domains share, in tables that they borrow: a domain's table that is
 * never entered.  NULL before the first domain.
 */
extern struct asi *asi_base;
/* Give a fresh domain the base map.  Process context. */
int asi_base_get(struct asi *asi);
/* The same without the kernel's image, for tables that show parts of it. */
int asi_base_get_parts(struct asi *asi);
/* Every root entry of the kernel half of @from. */
int asi_share_root(struct asi *asi, const struct asi *from);

/* image.c */
/* Mark the kernel's page tables that are there; those to come mark themselves. */
void asi_mark_kernel_tables(void);
/* Of the linker script; no header of the kernel declares them. */
extern char __static_call_text_start[], __static_call_text_end[];
/* Parts of the image that any isolated code may need.  Process context. */
int asi_map_image(struct asi *tables);

/* boot.c */
unsigned int asi_levels(void);
void *asi_kernel_root(void);
const char *asi_off_reason(void);

/* domain.c */
/*
 * Every domain.  Changed under both locks, so either is enough to read: the
 * mutex for walks that may take long, the spinlock for contexts that free.
 */
extern struct list_head asi_domains;
extern raw_spinlock_t asi_domains_lock;
extern struct mutex asi_domains_mutex;
struct asi *asi_alloc(void);
void asi_free(struct asi *asi);
int asi_refill(struct asi *asi, u32 want);
/* Where nothing can sleep: have the reserve filled up if it is low. */
void asi_refill_later(struct asi *asi);
int asi_map_range(struct asi *asi, unsigned long start, unsigned long end,
		  enum asi_kind kind);

/* shared.c: add to the base map what is registered and not in it yet. */
int asi_map_shared(struct asi *base);

/* lifetime.c */
int asi_lifetime_init(void);
/* The marks of asi/pages.h. */
enum asi_mark {
	ASI_MARK_TABLE,
	ASI_MARK_TAIL,
	ASI_MARK_STACK,
	ASI_NR_MARKS,
};

/* Lockless. */
bool asi_is_marked(enum asi_mark mark, unsigned long pfn);
/* Those that were there before anything was marked.  Process context. */
void asi_mark_all_stacks(void);
void asi_mark_all_tails(void);
void asi_flag_leaf(const struct asi_leaf *leaf, u64 va, u64 size);
void asi_flag_range(unsigned long start, unsigned long end);
void asi_zap_everywhere(unsigned long start, unsigned long size);

/* quarantine.c */
int asi_quarantine_init(void);
/* Keep pages that leave the allocator's hands no earlier than all TLBs. */
void asi_quarantine(struct page *page, unsigned int order);
/* Free what is kept.  Process context, interrupts on; waits for other CPUs. */
unsigned long asi_quarantine_drain(void);
unsigned long asi_quarantine_pages(void);
/* For the oracle: @fn for every page, under the quarantine's lock. */
void asi_quarantine_walk(void (*fn)(void *ctx, unsigned long pfn, unsigned long pages),
			 void *ctx);

/* tlb.c */
extern struct asi_tlb asi_tlb;
int asi_tlb_init(void);
/* After an entry of @asi was cleared or lost rights; under its lock.  noinstr. */
void asi_inc_tlb_gen(struct asi *asi);
/* The same for tables that domains share with the kernel. */
void asi_inc_kernel_tlb_gen(void);
/* asi_inc_tlb_gen(), or, of tables that domains share, the like for all of them. */
void asi_inc_tlb_gen_of(struct asi *asi);
/*
 * After a change, under @asi's lock: counts a removal if a borrowed table was
 * replaced since asi_pt_replaced() said @before.
 */
void asi_inc_tlb_gen_if_replaced(struct asi *asi, u32 before);
/* May any CPU still use what was removed, from whatever table, until now? */
bool asi_may_use_removed(void);
/* Make all CPUs that may leave, and wait for them.  Interrupts on. */
void asi_evict(struct asi *asi);
void asi_evict_everywhere(void);

/* shadow.c: a second record of what each PCID may hold, which checks the first. */
struct asi_tlb_check {
	u64 removed;
	u64 kernel_removed;
};

#ifdef CONFIG_ASI_DEBUG
/* Around the counting of a removal; @asi is NULL for the kernel's own table. */
u64 asi_tlb_check_draw(void);
void asi_tlb_check_removed(struct asi *asi, u64 drawn);
/* Before the decision how to load a root, and between it and the load. */
void asi_tlb_check_begin(struct asi_tlb_check *check, const struct asi *asi);
void asi_tlb_check_load(struct asi_tlb_check *check, const struct asi *asi, u64 slot,
		     bool flush);
#else
static __always_inline u64 asi_tlb_check_draw(void) { return 0; }
static __always_inline void asi_tlb_check_removed(struct asi *asi, u64 drawn) { }
static __always_inline void asi_tlb_check_begin(struct asi_tlb_check *check,
					     const struct asi *asi) { }
static __always_inline void asi_tlb_check_load(struct asi_tlb_check *check,
					    const struct asi *asi, u64 slot,
					    bool flush) { }
#endif

/* policy.c */
extern struct asi_fault_log asi_logs[ASI_NR_CLASSES];
struct asi_verdict asi_decide(enum asi_class cls, const struct asi_place *place,
			      enum asi_access access);
int asi_policy_set(const char *text, size_t len);
ssize_t asi_policy_text(char **buf);
extern struct asi_policy_error asi_policy_last_error;
void asi_policy_boot(void);

/* sched.c; process context, unrestricted. */
bool asi_maps_idle_stacks(const struct asi *asi);

/* switch.c */
/* Interrupts may be on: a bit more is no harm, and NMIs only add the same. */
static __always_inline void asi_taint(unsigned int what)
{
	raw_cpu_or(asi_taints, what);
}

/* strict.c; noinstr, interrupts off. */
void asi_strict_in(struct asi_cpu *cpu, struct asi *asi);
bool asi_populate_user_pgd(struct asi *asi, unsigned long address);

#define ASI_PCID	0x20UL	/* and the following ASI_TLB_SLOTS - 1 */
void asi_switch_out(struct asi_cpu *cpu);
void asi_tlb_set_outside(struct asi_cpu *cpu);
bool asi_repair_root(struct asi_cpu *cpu);
void asi_switch_in(struct asi_cpu *cpu, struct asi *asi);
/* Another task is about to use the CPU, or may. */
void asi_leave_for_sched(void);
void asi_note_leave(struct asi_cpu *cpu, enum asi_leave_how how);

#endif /* ASI_X86_INTERNAL_H */
