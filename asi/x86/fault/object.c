// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects of slab caches, seen from outside: nothing keeps them or their slab, so that each
 * word is read as if it were gone.
 */
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "fault/fault.h"
#include "slab.h"

/* What is read of a slab that is freed meanwhile is no cache. */
static bool asi_is_slab_of(struct folio *folio, const struct kmem_cache *s)
{
	return folio_test_slab(folio) && READ_ONCE(folio_slab(folio)->slab_cache) == s;
}

struct kmem_cache *asi_slab_name(struct folio *folio, char name[ASI_CACHE_NAME_LEN])
{
	struct kmem_cache *s = READ_ONCE(folio_slab(folio)->slab_cache);
	const char *at;

	if (!s || get_kernel_nofault(at, &s->name) ||
	    strncpy_from_kernel_nofault(name, at, ASI_CACHE_NAME_LEN) <= 0 ||
	    !asi_is_slab_of(folio, s))
		return NULL;
	name[ASI_CACHE_NAME_LEN - 1] = '\0';
	return s;
}

bool asi_find_object(unsigned long address, struct asi_slab_object *object)
{
	unsigned int size;
	unsigned long base;
	struct folio *folio;
	struct kmem_cache *s;

	if (!virt_addr_valid((void *)address) || is_kfence_address((void *)address))
		return false;
	folio = virt_to_folio((void *)address);
	if (!folio_test_slab(folio))
		return false;
	s = asi_slab_name(folio, object->cache);
	base = (unsigned long)folio_address(folio);
	if (!s || get_kernel_nofault(size, &s->size) || !size || !asi_is_slab_of(folio, s))
		return false;
	object->start = base + (address - base) / size * size;
	object->end = min(object->start + size, base + folio_size(folio));
	return true;
}

bool asi_is_object(unsigned long address, const char *cache)
{
	struct asi_slab_object object;

	return asi_find_object(address, &object) && !strcmp(object.cache, cache);
}
