/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools: pages that hold small objects of one owner and nothing else, so that the owner's
 * domain may map them.  What takes a freed object's place is the same owner's.  A page
 * without objects goes back to the page allocator, which takes it out of every domain.
 */
#ifndef ASI_POOL_H
#define ASI_POOL_H

#include <linux/types.h>

struct asi_pool;

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

/**
 * asi_pool_create - make a pool, without pages
 * @size: bytes of an object
 *
 * Process context, may sleep.
 * Return: the pool, or NULL.
 */
struct asi_pool *asi_pool_create(size_t size);

/**
 * asi_pool_end - nobody takes objects from the pool any more
 * @pool: of asi_pool_create(), or NULL
 *
 * The pool goes with the last of its objects.  Any context but NMI.
 */
void asi_pool_end(struct asi_pool *pool);

/**
 * asi_pool_alloc - take an object
 * @pool: of asi_pool_create()
 * @gfp: for a page, if it takes one more
 *
 * Context: as @gfp says.
 * Return: the object, filled with zeroes, or NULL.
 */
void *asi_pool_alloc(struct asi_pool *pool, gfp_t gfp);

/**
 * asi_pool_free - give an object back
 * @object: of a pool, or of a slab cache, as from kmalloc()
 *
 * Nothing of it is left to be read.  Any context but NMI.
 */
void asi_pool_free(void *object);

#endif

#endif /* ASI_POOL_H */
