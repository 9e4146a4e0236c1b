/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Isolated network namespaces, within netns-asi/.
 *
 *	reserve.c	memory: blocks, granules, pieces, and whose they are
 *	owner.c		a namespace's record, its granules and its end
 *	tables.c	its tables and domains, and the CPUs' refuges
 *	act.c		brackets and accessors
 *	task.c		what a task has of a namespace
 *	payload.c	the task's fragment, which TCP and datagrams of IP fill
 *	message.c	whole messages of UNIX, packet and raw sockets
 *	account.c	how much of what is sent is private
 *	wait.c		what is done while there is no memory
 *	border.c	private payload that leaves becomes ordinary
 *	refuge.c	touches that were refused
 *	sysctl.c	who isolates
 *	report.c	debugfs asi/netns/
 *	verify.c	the oracle
 *	break.c		accessors that are taken away, or let in whoever calls
 *
 * Locks: an owner's mutex, the pool's lock, the list of owners', an owner's lock.  The last
 * two are taken where pages are freed and page tables change, in any context but NMI.
 */
#ifndef NETNS_ASI_NETNS_H
#define NETNS_ASI_NETNS_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <asi/mirror.h>
#include <asi/netns.h>
#include <asi/private.h>

struct dentry;
struct seq_file;

/*
 * A block is what is taken out of the kernel's table, in one large entry.  A granule is
 * what changes its owner.  A piece is what is handed out: one compound page, for good.
 */
#define NETNS_BLOCK		PMD_SIZE
#define NETNS_BLOCK_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define NETNS_GRANULE		(64UL << 10)
#define NETNS_PIECE_ORDER	3
#define NETNS_PIECE		(PAGE_SIZE << NETNS_PIECE_ORDER)
#define NETNS_PIECES		(NETNS_GRANULE / NETNS_PIECE)
#define NETNS_GRANULES		(NETNS_BLOCK / NETNS_GRANULE)

/* Granules that a namespace gets whatever others have. */
#define NETNS_FLOOR		4

struct netns_granule {
	struct list_head list;		/* of the pool, while it has no owner */
	struct netns_owner *owner;
	unsigned int used;		/* pieces that are handed out; under the owner's lock */
};

enum netns_count {
	NETNS_COUNT_NOT_PRIVATE,	/* sends that were not made private */
	NETNS_COUNT_BORDER,		/* bytes copied to ordinary memory */
	NETNS_COUNT_BORDER_REFUSED,	/* buffers dropped there */
	NETNS_COUNT_EXHAUSTED,		/* no piece was to be had */
	NETNS_COUNT_REFUSED,		/* touches of the namespace's memory */
	NETNS_COUNT_ADMITTED,		/* the same, with netns_policy=log */
	NETNS_NR_COUNTS
};

/* Whose bytes are counted apart.  Ping sockets are raw ones. */
enum netns_proto {
	NETNS_PROTO_TCP,
	NETNS_PROTO_UNIX,
	NETNS_PROTO_UDP,
	NETNS_PROTO_RAW,
	NETNS_PROTO_PACKET,
	NETNS_PROTO_OTHER,		/* nothing of it is private */
	NETNS_NR_PROTOS
};

/* Bytes of messages that lie in private memory, and elsewhere. */
struct netns_sent {
	atomic64_t private, spilled;
};

/* An isolated namespace; stays until all of its granules are back. */
struct netns_owner {
	refcount_t refs;		/* the namespace, each granule, each task's record */
	unsigned int inum;		/* of the namespace, as in /proc/PID/ns/net */
	bool isolated;			/* what is sent from now on is private */
	bool dying;			/* the namespace is gone */
	unsigned int sockets_before;	/* that were there already when it was isolated */
	struct list_head list;		/* netns_owners */

	raw_spinlock_t lock;		/* what follows */
	struct list_head free;		/* pieces */
	unsigned int free_pieces;
	unsigned int granules;
	struct asi_mirror mirror;
	u64 followed;			/* asi_direct_map_gen, when the mirror was right */

	struct mutex mutex;		/* of who changes the number of granules */
	struct work_struct shrink;
	struct work_struct end;
	wait_queue_head_t wait;		/* for a piece */
	bool wanted;			/* somebody found none since the last wake-up */
	struct irq_work wake;
	struct asi_tables *tables;
	struct asi *visit;
	atomic_t nested;		/* tasks in an accessor, where they may sleep */
	struct netns_sent sent[NETNS_NR_PROTOS];
	atomic64_t count[NETNS_NR_COUNTS];
	struct rcu_head rcu;
};

/* What a task has of one namespace: its domain and the fragment that it fills. */
struct netns_task {
	struct netns_task *next;
	struct netns_owner *owner;
	struct asi *asi;
	unsigned int calls;		/* under way that use it */
	struct page_frag frag;
	unsigned int counted;		/* bytes of @frag */
	u64 made;			/* bytes that became private in this call */
	long timeo;			/* that this call may wait for a piece */
	const struct sock *takes;	/* whose next buffer is private */
	struct llist_node dead;		/* of the first one of a task that has ended */
};

/* ---- init.c ------------------------------------------------------------ */

/* Why netns_asi=on has no effect, or "-". */
const char *netns_off_reason(void);

/* ---- reserve.c --------------------------------------------------------- */

/* Boot.  0, or an error after @why was set. */
int netns_reserve_init(u64 size, const char **why);
/* Number of blocks, and where each is, in the order they were found. */
unsigned int netns_blocks(void);
unsigned long netns_block(unsigned int i);

/* Room for a namespace's floor is set aside.  -ENOSPC. */
int netns_reserve_floor(void);
void netns_release_floor(const struct netns_owner *owner);

/* One clean granule for @owner, under its mutex; NULL: none. */
struct netns_granule *netns_take_granule(struct netns_owner *owner);
/* One for good, for nobody in particular. */
struct netns_granule *netns_take_any(void);
/* It is clean, and no table shows it. */
void netns_give_granule(struct netns_granule *granule, struct netns_owner *owner);
unsigned long netns_granule_address(const struct netns_granule *granule);
/* Of an address that asi_is_private(); any context. */
struct netns_granule *netns_granule_at(unsigned long address);
/* List head of the piece at @address, and back. */
struct list_head *netns_piece_list(unsigned long address);
unsigned long netns_piece_address(const struct list_head *list);
/* The piece becomes a page with one reference, and none. */
struct page *netns_open_piece(unsigned long address);
void netns_close_piece(struct page *page);
struct netns_pool_state {
	unsigned int granules, free, promised;
};

void netns_pool_state(struct netns_pool_state *state);

/* ---- owner.c ----------------------------------------------------------- */

/* Changed under both; for those who sleep, and for those who may not. */
extern struct list_head netns_owners;
extern struct mutex netns_owners_mutex;
extern raw_spinlock_t netns_owners_lock;

/* Process context, may sleep; ERR_PTR: -ENOSPC, -ENOMEM. */
struct netns_owner *netns_owner_create(unsigned int inum);
/* The namespace is gone. */
void netns_owner_end(struct netns_owner *owner);
static inline void netns_owner_get(struct netns_owner *owner)
{
	refcount_inc(&owner->refs);
}

/* Any context but NMI. */
void netns_owner_put(struct netns_owner *owner);
/* One piece; process context, may sleep.  NULL: the namespace has what it may have. */
struct page *netns_alloc_piece(struct netns_owner *owner);
/* Any context but NMI. */
void netns_free_piece(struct page *page);
/* Of the core: as a page of the reserve is freed. */
void netns_freed(struct page *page, unsigned int order);
/* Whose is it?  Of a private address; lockless. */
struct netns_owner *netns_owner_at(unsigned long address);

static inline void netns_add(struct netns_owner *owner, enum netns_count what, u64 n)
{
	atomic64_add(n, &owner->count[what]);
}

/* ---- tables.c ---------------------------------------------------------- */

int netns_tables_create(struct netns_owner *owner);
void netns_tables_destroy(struct netns_owner *owner);
/* The owner's tables show a granule, or do not any more.  Process context. */
int netns_tables_map(struct netns_owner *owner, unsigned long address);
void netns_tables_unmap(struct netns_owner *owner, unsigned long address);
/* Before a domain of the owner's is entered.  Any context but NMI. */
void netns_tables_follow(struct netns_owner *owner);
/* The direct map has changed there: tasks that sleep in an accessor do not look.  As above. */
void netns_tables_changed(unsigned long address);
extern const struct asi_ops netns_domain_ops;
int netns_refuges_create(void);
struct asi *netns_refuge(bool admit);

/* ---- act.c ------------------------------------------------------------- */

/* The namespace that this CPU acts for, or NULL.  Any context. */
struct netns_owner *netns_acting_for(void);
/* The same for what runs with that preempt_count(). */
struct netns_owner *netns_acting_in(unsigned int count);

/* ---- break.c: what is switched off for a test ------------------------------- */

enum netns_break {
	NETNS_BREAK_NONE,
	NETNS_BREAK_REMOVE,	/* one accessor is none */
	NETNS_BREAK_WIDEN,	/* one accessor does not ask for whom the CPU acts */
	NETNS_BREAK_BORDER,	/* private payload leaves as it is */
	NETNS_BREAK_POLL,	/* sockets are writable without memory */
	NETNS_BREAK_FOLLOW,	/* tables are not followed while a task is in an accessor */
	NETNS_NR_BREAKS
};

#ifdef CONFIG_ASI_BREAK
DECLARE_STATIC_KEY_FALSE(netns_break_key);
bool __netns_breaks(enum netns_break what);
bool netns_broken_may_open(struct netns_owner **owner, unsigned long caller);
void netns_break_init(struct dentry *dir);
#define netns_breaks(what)	(static_branch_unlikely(&netns_break_key) && __netns_breaks(what))
#else
static inline void netns_break_init(struct dentry *dir) { }
#define netns_breaks(what)	false
#endif

/* May the accessor that runs at @caller reach the payload of @owner? */
static inline bool netns_may_open(struct netns_owner **owner, unsigned long caller)
{
#ifdef CONFIG_ASI_BREAK
	if (static_branch_unlikely(&netns_break_key))
		return netns_broken_may_open(owner, caller);
#endif
	return *owner;
}

/* ---- task.c ------------------------------------------------------------ */

/* The running task's record, or NULL. */
struct netns_task *netns_task_find(const struct netns_owner *owner);
/*
 * The same; one is made when there is none, and memory for it is waited for.  Process
 * context, may sleep; NULL when the task is killed or ends.
 */
struct netns_task *netns_task_prepare(struct netns_owner *owner);

/* ---- payload.c, wait.c, account.c ------------------------------------------ */

/* The namespace, if payload of @sk is to be private and the running task may make it so. */
struct netns_owner *netns_owner_to_send(const struct sock *sk);
/* What was filled since the last look. */
void netns_count_frag(struct netns_task *task);
/* There is room in the task's fragment afterwards.  May sleep; false: no piece. */
bool netns_fill(struct netns_task *task);
/* The same; waits until there is.  0, -EAGAIN, or what an interrupted call returns. */
int netns_wait_to_fill(struct netns_task *task, long *timeo);
void netns_wake_work(struct irq_work *work);
/* A granule came back to the pool.  Process context. */
void netns_wake_all(void);
enum netns_proto netns_proto_of(const struct sock *sk);

/* ---- sysctl.c ---------------------------------------------------------- */

int netns_sysctl_init(void);
/* Of a namespace, or NULL.  Any context where the namespace stays. */
struct netns_owner *netns_owner_of(const struct net *net);

/* ---- refuge.c ---------------------------------------------------------- */

void netns_note_refused(const struct asi_fault *fault, bool admitted);
void netns_show_refused(struct seq_file *m);
void netns_clear_refused(void);

/* ---- report.c, verify.c ------------------------------------------------ */

void netns_report_init(void);
void netns_verify_init(struct dentry *dir);

#endif /* NETNS_ASI_NETNS_H */
