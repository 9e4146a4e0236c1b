/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory files for guests, whose pages can be sealed: from then on no mapping of any process
 * is writable.
 */
#ifndef GUARD_MEMORY_H
#define GUARD_MEMORY_H

#include <linux/types.h>

struct file;
struct mm_struct;

/* A new file of @size bytes, a multiple of the page size: a descriptor, or an errno. */
int guard_mem_create(u64 size);
bool guard_mem_is(const struct file *file);
/*
 * Seal pages [first, end).  -EBUSY, and nothing is sealed that was not before: somebody holds
 * a page, as direct I/O does.  Process context, may sleep for a second.
 */
int guard_mem_seal(struct file *file, pgoff_t first, pgoff_t end);
/*
 * Write within one page at @address of the current process, whether it is sealed or not.
 * -EFAULT: there is no memory.  Process context, may sleep.
 */
int guard_mem_write(struct mm_struct *mm, unsigned long address, const void *bytes, size_t len);

#endif /* GUARD_MEMORY_H */
