/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's C border: page tables, policy and fault log, as asi/x86 and
 * the consumers' bindings use them.
 *
 * Nothing here takes a lock, sleeps or allocates, except where said.  Calls on
 * one object are serialized by its owner (the core holds the domain's raw
 * spinlock with interrupts off); reading functions marked "lockless" may run
 * at any time in any context, NMI included.
 *
 * Errors are negative errno values.  A call that fails has changed nothing.
 */
#ifndef ASI_ENGINE_H
#define ASI_ENGINE_H

#include "types.h"
#include "port.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Page table ------------------------------------------------------- */

/*
 * One restricted page table.  Layout is private to the engine; storage belongs
 * to the caller and must be zeroed before asi_pt_init().
 */
struct asi_pt {
	asi_u64 opaque[16];
};

/* A leaf as found by a walk. */
struct asi_leaf {
	asi_u64 va;		/* first byte */
	asi_u64 pa;		/* first byte */
	asi_u64 size;		/* 4 KiB, 2 MiB or 1 GiB */
	asi_u64 entry;		/* raw page-table entry */
	asi_u32 kind;		/* enum asi_kind given at map time; unknown if borrowed */
	asi_u32 borrowed;	/* 1 when the table holding it is borrowed */
};

/*
 * Table pages that left the page table but may still be in a CPU's
 * paging-structure cache.  Fill with asi_pt_unmap(), flush every CPU that may
 * hold a translation, then asi_gather_release().  A gather that goes out of use
 * while not empty is a bug: end with asi_gather_finish().
 */
#define ASI_GATHER_MAX 62
struct asi_gather {
	asi_u32 count;
	asi_u32 unmapped;	/* leaves removed since the last release */
	void *table[ASI_GATHER_MAX];
};

void asi_gather_init(struct asi_gather *g);
asi_u32 asi_gather_pending(const struct asi_gather *g);
void asi_gather_release(struct asi_gather *g);	/* takes allocator locks */
/* Before the storage is freed: says so, as a bug, if something was not released. */
void asi_gather_finish(const struct asi_gather *g);

/*
 * Give @pt a fresh root, and one page in reserve.  @levels is 4 or 5 [SDM vol. 3,
 * 4.5], ORed with ASI_PT_1G_LEAVES where the CPU has 1 GiB leaves; without it
 * asi_pt_map() uses 2 MiB at most.  Process context, may sleep.  -ENOMEM, -EINVAL.
 */
#define ASI_PT_1G_LEAVES 0x100U
int asi_pt_init(struct asi_pt *pt, unsigned int levels);

/*
 * Free the root, every owned table and the reserve.  Borrowed tables are left
 * alone.  No CPU may use or cache @pt any more.  Takes allocator locks.
 */
void asi_pt_destroy(struct asi_pt *pt);

asi_u64 asi_pt_root(const struct asi_pt *pt);		/* physical; lockless */
void *asi_pt_root_table(const struct asi_pt *pt);	/* linear; lockless */
asi_u32 asi_pt_tables(const struct asi_pt *pt);		/* owned, root included; lockless */

/*
 * How many borrowed tables a copy took the place of since asi_pt_init().  When an
 * operation moves it, CPUs may go on using the old table by what they cached of
 * upper entries [SDM vol. 3, 4.10.3.2], and miss there what the copy has more: for
 * them it is a removal.  Lockless.
 */
asi_u32 asi_pt_replaced(const struct asi_pt *pt);

/*
 * The reserve: zeroed pages from which every operation below takes its table
 * pages.  The caller allocates pages outside its lock and donates them here.
 */
void asi_pt_donate(struct asi_pt *pt, void *zeroed_page);
asi_u32 asi_pt_reserve(const struct asi_pt *pt);	/* lockless */

/*
 * Map [va, va + size) to pa, 4 KiB aligned, canonical, not wrapping.  @entry
 * holds the attribute bits of a 4 KiB entry (present, write, NX, cache mode
 * with PAT at bit 7); Global and software bits are dropped.  Large leaves are
 * used where alignment allows.  Tables in the way that are borrowed are copied
 * first.
 * -ENOMEM: reserve too small; *needed (may be NULL) says how many pages the
 * call needs.  -EEXIST: some part is mapped to something else (mapping the
 * same frame again is fine, and gives the union of the rights only when the
 * old leaf is owned).  -EINVAL: bad range.
 */
int asi_pt_map(struct asi_pt *pt, asi_u64 va, asi_u64 pa, asi_u64 size,
	       asi_u64 entry, enum asi_kind kind, asi_u32 *needed);

/*
 * Copy the leaves that table @src_root maps in [va, va + size) now: same
 * frames, same rights, no Global bit, at 4 KiB granularity at the edges.
 * Holes stay holes.  *copied (may be NULL): bytes present after the call.
 * -ENOMEM with *needed, -EEXIST, -EINVAL as above.
 */
int asi_pt_clone(struct asi_pt *pt, const void *src_root, asi_u64 va,
		 asi_u64 size, enum asi_kind kind, asi_u64 *copied,
		 asi_u32 *needed);

/*
 * Share by reference the subtree that @src_root has at @va on @level
 * (2: one 2 MiB entry ... 5: one root entry of a 5-level table; at most the
 * number of levels).  What is mapped below follows the source from then on.
 * Only a non-leaf, present source entry can be borrowed: -ENOENT otherwise.
 * -EEXIST when the slot is taken by something else, -ENOMEM with *needed.
 */
int asi_pt_borrow(struct asi_pt *pt, const void *src_root, asi_u64 va,
		  unsigned int level, asi_u32 *needed);

/*
 * Remove every mapping in [va, va + size).  Large leaves that stick out are
 * split, borrowed tables that stick out are copied (so that only this table
 * loses the range), tables that become empty go to @g.  Stops early when @g is
 * full or the reserve is empty: returns the bytes dealt with, a multiple of
 * 4 KiB; flush, release, donate and call again for the rest.  0 with an empty
 * gather means: donate pages first.  -EINVAL: bad range.
 */
long long asi_pt_unmap(struct asi_pt *pt, asi_u64 va, asi_u64 size,
		       struct asi_gather *g);

/*
 * Clear the owned 4 KiB leaves at [va, va + size) in place; frees no table,
 * needs no reserve, touches no borrowed table.  For contexts that can neither
 * allocate nor free.  Large owned leaves that overlap are cleared whole (more
 * is gone than asked, which is the safe side).  Returns leaves cleared.
 */
asi_u32 asi_pt_zap(struct asi_pt *pt, asi_u64 va, asi_u64 size);

/*
 * Give table pages back: clear the owned leaves whose kind has its bit set in @kinds,
 * and move owned tables that are empty to @g.  Looks at a few dozen tables from *from
 * on, and at no borrowed one; needs no reserve.  Begin with *from 0.  1: *from was
 * moved; flush, release, and call again.  0: that was all.
 */
int asi_pt_prune(struct asi_pt *pt, asi_u64 *from, asi_u64 kinds, struct asi_gather *g);

/*
 * Change the rights of what is mapped in [va, va + size) to those of @entry
 * (write, NX).  Splits and copies like map.  Holes stay holes.
 */
int asi_pt_protect(struct asi_pt *pt, asi_u64 va, asi_u64 size, asi_u64 entry,
		   asi_u32 *needed);

/* Find the leaf that maps @va.  Returns 1 and fills *leaf, or 0. Lockless. */
int asi_pt_lookup(const struct asi_pt *pt, asi_u64 va, struct asi_leaf *leaf);

/* The same in a foreign table, such as the kernel's own.  Lockless. */
int asi_table_lookup(const void *root, unsigned int levels, asi_u64 va,
		     struct asi_leaf *leaf);

/*
 * Visit every leaf in [va, va + size), in address order (size 0: all), until
 * @fn returns non-zero, which is then returned.
 */
typedef int (*asi_leaf_fn)(void *ctx, const struct asi_leaf *leaf);
int asi_pt_walk(const struct asi_pt *pt, asi_u64 va, asi_u64 size,
		asi_leaf_fn fn, void *ctx);

/* ---- Policy ----------------------------------------------------------- */

#define ASI_POLICY_CACHE_RULES 48

struct asi_cache_rule {
	char cache[ASI_CACHE_NAME_LEN];
	unsigned char cls;			/* enum asi_class */
	unsigned char verdict[ASI_NR_ACCESSES];	/* encoded verdict; 0: no rule */
};

/* A whole policy, plain data: copy it, compare it, swap pointers to it. */
struct asi_policy {
	unsigned char verdict[ASI_NR_CLASSES][ASI_NR_KINDS][ASI_NR_ACCESSES];
	asi_u32 cache_rules;
	struct asi_cache_rule cache[ASI_POLICY_CACHE_RULES];
};

/* The built-in policy. */
void asi_policy_default(struct asi_policy *p);

/* Where and why a policy text was refused. */
struct asi_policy_error {
	asi_u32 line;		/* from 1; rules separated by ';' count as lines */
	char message[120];	/* "unknown kind 'slob'" */
};

/*
 * Apply @text on top of *p.  Rules are separated by newlines or ';', '#' starts
 * a comment:
 *	CLASS KIND[:CACHE] ACCESS ACTION[,log|,nolog]
 * CLASS "kvm", "test", "sci", "xom", "netns" or "*"; KIND as in types.h or "*" (not
 * for :CACHE); CACHE only after "slab"; ACCESS letters of "rwx"; ACTION "grow", "exit"
 * or "deny"; without ",log"/",nolog": deny and exit log, grow does not.
 * The single word "default" as a rule resets to the built-in policy.
 * All or nothing: on error *p is unchanged, *err says why, -EINVAL; -E2BIG for
 * too many cache rules.  Refused too: "grow" for kinds that are never safe to
 * map (free_page, page_table, other_stack, unknown, user_address, private).
 */
int asi_policy_parse(struct asi_policy *p, const char *text, asi_size len,
		     struct asi_policy_error *err);

/*
 * Text form that asi_policy_parse() turns back into the same policy.  Writes
 * at most @len bytes with a NUL, returns the length it needs without it.
 */
asi_size asi_policy_format(const struct asi_policy *p, char *buf, asi_size len);

/* What to do.  @cache may be NULL.  Lockless. */
struct asi_verdict asi_policy_decide(const struct asi_policy *p,
				     enum asi_class cls, enum asi_kind kind,
				     const char *cache, enum asi_access access);

const char *asi_class_name(unsigned int cls);		/* NULL when out of range */
const char *asi_kind_name(unsigned int kind);
const char *asi_action_name(unsigned int action);
const char *asi_access_name(unsigned int access);

/* ---- Fault log -------------------------------------------------------- */

#define ASI_LOG_RECORDS 128

/* One distinct (instruction, kind, access, action) of one class. */
struct asi_fault_record {
	struct asi_fault_info info;	/* of the latest fault */
	asi_u64 count;
	asi_u64 first_ns, last_ns;
	asi_u32 pid;			/* the same */
	asi_u32 cpu;
};

/* Zeroed storage is an empty log. */
struct asi_fault_log {
	struct {
		asi_u64 key;			/* 0: empty */
		asi_u32 sequence;		/* odd while being written */
		asi_u32 pad;
		struct asi_fault_record record;
	} slot[ASI_LOG_RECORDS];
	asi_u64 total;
	asi_u64 dropped;			/* distinct faults that found no room */
};

/* Count one fault; fields count, first_ns are ignored.  Lockless, NMI-safe. */
void asi_log_fault(struct asi_fault_log *log, const struct asi_fault_record *r,
		   asi_u64 now_ns);

/* Copy record @index (0 .. ASI_LOG_RECORDS - 1): 1, or 0 when empty. Lockless. */
int asi_log_read(const struct asi_fault_log *log, asi_u32 index,
		 struct asi_fault_record *out);

#ifdef __cplusplus
}
#endif
#endif /* ASI_ENGINE_H */
