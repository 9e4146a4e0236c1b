/* SPDX-License-Identifier: GPL-2.0-only */
/* Page tables, and the domains that are built from them. */
#ifndef ASI_X86_SPACE_SPACE_H
#define ASI_X86_SPACE_SPACE_H

#include <linux/mutex.h>
#include "cpu/cpu.h"
#include "page/page.h"

/* Table pages that a space keeps for growth in the fault path, when it is full. */
#define ASI_RESERVE	48
/* The same of a domain that has not grown yet: many never do. */
#define ASI_RESERVE_NEW	8
/* What many tasks share grows for all of them. */
#define ASI_RESERVE_SHARED	(4 * ASI_RESERVE)

/* Nodes of the reverse map that a space keeps for the same. */
#define ASI_RMAP_RESERVE	127

/* Every space but the base map, and but those of asi_create_whole(). */
extern struct list_head asi_spaces;
/* Domains of asi_create_whole(). */
extern struct list_head asi_wholes;
extern struct mutex asi_spaces_mutex;
/* Domains, that is spaces that are entered.  Lockless. */
unsigned int asi_domain_count(void);

/* ---- domain.c: for whole.c -------------------------------------------- */

/* Tables or a domain, with nothing in it and not listed; ERR_PTR.  Process context. */
void *asi_new(enum asi_space_type type, enum asi_class cls, u32 reserve);
struct asi *asi_new_domain(enum asi_space_type type, enum asi_class cls,
			   const struct asi_ops *ops, void *owner);
/* No CPU uses it any more.  Process context. */
void asi_delete(struct asi_space *space);
void asi_delete_domain(struct asi *asi);
/* The first domain is about to be used. */
void asi_activate(void);

/* ---- map.c ------------------------------------------------------------ */

/* Whole pages: the switch touches a domain while restricted.  NULL: no memory. */
void *asi_space_alloc(enum asi_space_type type, u32 reserve);
/* No CPU may use it any more.  Process context. */
void asi_space_free(struct asi_space *space);
/*
 * Copy whole pages from the kernel's own table, with as many table pages as it takes.
 * Process context.  Return: as asi_map().
 */
int asi_space_map(struct asi_space *space, const void *addr, size_t size,
		  enum asi_kind kind);
/*
 * The same with the reserve only, any context but NMI.  Return: the number of table
 * pages that are missing, or as asi_map().
 */
int asi_space_map_reserved(struct asi_space *space, unsigned long start,
			   unsigned long end, enum asi_kind kind);
/*
 * Borrow the subtree that @from, a raw table of the top level, has at @va on @level.
 * Process context.  Return: 0, -ENOENT for a hole, -EEXIST, -ENOMEM.
 */
int asi_space_borrow(struct asi_space *space, const void *from, unsigned long va,
		     unsigned int level);
/*
 * @space has a copy of its own of the table that it borrowed for the pages around
 * @start: what it maps there is noted for it, too.  Under its lock and, taken before
 * the copy was made, its lender's.  Any context.
 */
void asi_space_adopt(struct asi_space *space, unsigned long start, unsigned long end);
/* NULL but for a task's domain: others borrow from the base map only, which stays. */
struct asi_space *asi_lender_to_lock(struct asi_space *space);
/* Clear whole pages, and count it.  Any context but NMI.  True: there were some. */
bool asi_space_zap(struct asi_space *space, unsigned long start, unsigned long size);
/* The same under the lock of @space. */
bool asi_space_zap_locked(struct asi_space *space, unsigned long start, unsigned long size);
/*
 * After something was taken out at @address, for those who keep objects mapped; before
 * asi_inc_tlb_gen(), so that who reads the age first misses nothing.  Under the lock.
 */
static inline void asi_space_lost(struct asi_space *space, unsigned long address)
{
	if (address >= TASK_SIZE_MAX)
		WRITE_ONCE(space->lost, space->lost + 1);
}

/* ---- tables.c --------------------------------------------------------- */

/* Part of asi_space_alloc() and asi_space_free().  Process context. */
void asi_tables_begin(struct asi_space *space, u32 reserve);
void asi_tables_end(struct asi_space *space);
/* Bring the reserve to @want pages, whatever the limit.  Process context. */
int asi_space_refill(struct asi_space *space, u32 want);
/* Where nothing can sleep: have the reserve filled up if it is low.  Any context. */
void asi_space_refill_later(struct asi_space *space);
/* May it grow no more?  Lockless. */
bool asi_space_is_full(const struct asi_space *space);
/* @leaves were cleared in a range of @size: there may be empty tables.  Under the lock. */
void asi_space_zapped(struct asi_space *space, u32 leaves, unsigned long size);

/* ---- base.c ----------------------------------------------------------- */

/*
 * What all domains share, in tables that they borrow.  NULL before the first domain.
 */
extern struct asi_tables *asi_base;
/* Give fresh tables the base map.  Process context. */
int asi_base_get(struct asi_space *space);
/* The same without the kernel's image, for tables that show parts of it. */
int asi_base_get_parts(struct asi_space *space);
/* Every top-level entry of the kernel's half of @from. */
int asi_borrow_root(struct asi_space *space, const struct asi_space *from);

/* ---- image.c ---------------------------------------------------------- */

/* Parts of the kernel's image that any isolated code may need.  Process context. */
int asi_map_image(struct asi_tables *tables);

#endif /* ASI_X86_SPACE_SPACE_H */
