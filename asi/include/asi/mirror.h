/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mirror: tables that lead to one part of the kernel's addresses as the kernel's own
 * do, but for blocks of 2 MiB that the kernel does not map and the mirror fills itself.
 *
 * Where there is no such block below an entry, the entry is a copy of the kernel's, and
 * what is below it is the kernel's table.  So a mirror costs a page for each level above
 * the blocks.  Copies age when the kernel splits a large page or adds memory:
 * asi_mirror_follow() copies them again.
 *
 * Calls on one mirror are serialized by its owner.  Nothing here takes a lock, sleeps or
 * allocates, but for asi_mirror_end(), which takes allocator locks.  Errors are negative
 * errno values.  A call that fails has changed nothing.
 */
#ifndef ASI_MIRROR_H
#define ASI_MIRROR_H

#include "types.h"
#include "port.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ASI_BLOCK_SIZE	(2ULL << 20)

/* Storage is the caller's, zeroed before asi_mirror_begin(). */
struct asi_mirror {
	asi_u64 opaque[6];
};

/* Begin with @root, a zeroed page, of a table of @levels (4 or 5).  0, -EINVAL. */
int asi_mirror_begin(struct asi_mirror *m, void *root, unsigned int levels);

/* Free all pages, the root and the donated ones too.  No CPU may use them any more. */
void asi_mirror_end(struct asi_mirror *m);

/* A zeroed page for tables.  Below: -ENOMEM says that one more is needed. */
void asi_mirror_donate(struct asi_mirror *m, void *zeroed_page);

/* A table of the top level, to be borrowed from; no CPU loads it.  Lockless. */
const void *asi_mirror_root(const struct asi_mirror *m);
/* Pages that it has, those in reserve too.  Lockless. */
asi_u32 asi_mirror_pages(const struct asi_mirror *m);

/*
 * Have tables of its own down to the block at @va, which is a hole then.  @src_root: the
 * kernel's table, which has a table on each level above the block and does not map it.
 * -ENOMEM, -EINVAL: it does, or @va is no block's.
 */
int asi_mirror_carve(struct asi_mirror *m, const void *src_root, asi_u64 va);

/*
 * Map pages of one carved block, writable and not executable, to @pa on.  -ENOMEM;
 * -EINVAL: not of one carved block, or the block was filled by one of the two below.
 */
int asi_mirror_map(struct asi_mirror *m, asi_u64 va, asi_u64 pa, asi_u64 size);

/* Take pages of one carved block out again.  Returns how many were mapped. */
asi_u32 asi_mirror_unmap(struct asi_mirror *m, asi_u64 va, asi_u64 size);

/*
 * Fill a carved block that has no pages of its own: with the frames from @pa on, or with
 * @table, a table of single pages that stays the caller's.  Instead of what it was filled
 * with.  0, -EINVAL.
 */
int asi_mirror_fill_frames(struct asi_mirror *m, asi_u64 va, asi_u64 pa);
int asi_mirror_fill_table(struct asi_mirror *m, asi_u64 va, const void *table);

/* An entry of a table of single pages: writable, not executable. */
asi_u64 asi_mirror_page_entry(asi_u64 pa);

/*
 * Copy again what changed in the kernel's table.  Returns how many entries that were
 * present are different now: if any, translations have to be flushed.
 */
asi_u32 asi_mirror_follow(struct asi_mirror *m, const void *src_root);

#ifdef __cplusplus
}
#endif
#endif /* ASI_MIRROR_H */
