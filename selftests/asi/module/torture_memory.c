// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker's objects, the domains, and what the domains map of the objects.
 *
 * A worker maps and unmaps only its own objects, so it knows what a domain maps
 * of them.  Each page is filled with a pattern before it is mapped.  Memory that
 * runs out is a normal end of any operation.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "torture.h"

static atomic64_t asi_torture_serial;

/* ---- Objects ---------------------------------------------------------- */

static void asi_torture_fill(const struct asi_torture_object *o)
{
	unsigned int i;

	for (i = 0; i < o->pages; i++) {
		void *page = o->list ? page_address(o->list[i]) : o->at + i * PAGE_SIZE;

		memset64(page, asi_torture_pattern(o, i), PAGE_SIZE / sizeof(u64));
	}
}

static void asi_torture_free_list(struct asi_torture_object *o)
{
	unsigned int i;

	for (i = 0; o->list && i < o->pages; i++) {
		if (o->list[i])
			__free_page(o->list[i]);
	}
	kfree(o->list);
	o->list = NULL;
}

static void *asi_torture_vmap(struct asi_torture_worker *w, struct asi_torture_object *o)
{
	unsigned int i;
	void *at;

	o->list = kcalloc(o->pages, sizeof(*o->list), ASI_TORTURE_GFP);
	if (!o->list)
		return NULL;
	for (i = 0; i < o->pages; i++) {
		o->list[i] = alloc_page(ASI_TORTURE_GFP);
		if (!o->list[i])
			goto fail;
	}
	at = vmap(o->list, o->pages, VM_MAP,
		  asi_torture_random(w, 2) ? PAGE_KERNEL : PAGE_KERNEL_RO);
	if (at)
		return at;
fail:
	asi_torture_free_list(o);
	return NULL;
}

static bool asi_torture_is_mapped(const struct asi_torture_object *o)
{
	unsigned int i;

	for (i = 0; i < ASI_TORTURE_DOMAINS; i++) {
		if (!bitmap_empty(o->in[i].mapped, ASI_TORTURE_PAGES))
			return true;
	}
	return false;
}

void asi_torture_release(struct asi_torture_worker *w, struct asi_torture_object *o)
{
	unsigned int i;

	if (!o->live)
		return;
	/* Slab objects do not leave the domains by themselves. */
	if (o->kind == ASI_TORTURE_SLAB) {
		for (i = 0; i < ASI_TORTURE_DOMAINS; i++)
			asi_torture_unmap(w, o, i, 0, o->pages);
	}
	asi_torture_count(asi_torture_is_mapped(o) ? ASI_TORTURE_FREE_MAPPED :
						     ASI_TORTURE_FREE);
	o->live = false;
	for (i = 0; i < ASI_TORTURE_DOMAINS; i++)
		bitmap_zero(o->in[i].mapped, ASI_TORTURE_PAGES);
	switch (o->kind) {
	case ASI_TORTURE_BLOCK:
		__free_pages(virt_to_page(o->at), o->order);
		break;
	case ASI_TORTURE_VMALLOC:
		vfree(o->at);
		break;
	case ASI_TORTURE_VMAP:
		vunmap(o->at);
		asi_torture_free_list(o);
		break;
	case ASI_TORTURE_SLAB:
		kfree(o->at);
		break;
	default:
		break;
	}
}

void asi_torture_alloc(struct asi_torture_worker *w, struct asi_torture_object *o)
{
	struct page *page;

	asi_torture_release(w, o);
	memset(o, 0, sizeof(*o));
	o->pattern = ASI_TORTURE_MAGIC << 48 | (u64)prandom_u32_state(&w->rnd) << 10;
	switch (asi_torture_random(w, 8)) {
	case 0 ... 3:
		o->kind = ASI_TORTURE_BLOCK;
		o->order = asi_torture_random(w, 32) ? asi_torture_random(w, 5) : 9;
		o->pages = 1U << o->order;
		page = alloc_pages(ASI_TORTURE_GFP | __GFP_NORETRY |
				   (asi_torture_random(w, 2) ? __GFP_COMP : 0), o->order);
		o->at = page ? page_address(page) : NULL;
		break;
	case 4 ... 5:
		o->kind = ASI_TORTURE_VMALLOC;
		o->pages = 1 + asi_torture_random(w, 16);
		o->at = __vmalloc(o->pages * PAGE_SIZE, ASI_TORTURE_GFP);
		break;
	case 6:
		o->kind = ASI_TORTURE_VMAP;
		o->pages = 1 + asi_torture_random(w, 16);
		o->at = asi_torture_vmap(w, o);
		break;
	default:
		o->kind = ASI_TORTURE_SLAB;
		o->pages = 1U << asi_torture_random(w, 2);
		o->at = kmalloc(o->pages * PAGE_SIZE, ASI_TORTURE_GFP);
		break;
	}
	if (!o->at) {
		o->kind = ASI_TORTURE_NOTHING;
		asi_torture_count(ASI_TORTURE_NOMEM);
		return;
	}
	o->live = true;
	asi_torture_fill(o);
	asi_torture_count(ASI_TORTURE_ALLOC);
}

/* ---- Domains ---------------------------------------------------------- */

struct asi_torture_state *asi_torture_state(const struct asi_torture_worker *w,
					    struct asi_torture_object *o, unsigned int domain)
{
	struct asi_torture_state *s = &o->in[domain];
	const struct asi_torture_domain *d = w->domain[domain];

	if (s->serial != d->serial) {
		memset(s, 0, sizeof(*s));
		s->serial = d->serial;
	}
	return s;
}

void asi_torture_create(struct asi_torture_worker *w, unsigned int domain)
{
	struct asi_torture_domain *d = w->domain[domain];
	bool strict = asi_torture_random(w, 3);
	struct asi *asi;

	if (READ_ONCE(d->asi))
		return;
	asi = asi_create(strict ? ASI_CLASS_TEST : ASI_CLASS_KVM, NULL, NULL);
	if (IS_ERR(asi)) {
		if (PTR_ERR(asi) != -ENOMEM)
			asi_torture_wrong("asi_create", NULL, PTR_ERR(asi), -ENOMEM);
		asi_torture_count(ASI_TORTURE_NOMEM);
		return;
	}
	down_write(&d->lock);
	if (!d->asi) {
		d->asi = asi;
		d->tgid = current->tgid;
		d->strict = strict;
		WRITE_ONCE(d->beacon, 0);
		WRITE_ONCE(d->serial, atomic64_inc_return(&asi_torture_serial));
		asi = NULL;
	}
	up_write(&d->lock);
	asi_destroy(asi);
	asi_torture_count(ASI_TORTURE_CREATE);
}

void asi_torture_nothing(void *unused)
{
}

void asi_torture_destroy(struct asi_torture_domain *d)
{
	down_write(&d->lock);
	if (d->asi) {
		WRITE_ONCE(d->serial, 0);
		/* A CPU that read the old serial, interrupts off, has entered by then. */
		on_each_cpu(asi_torture_nothing, NULL, 1);
		asi_destroy(d->asi);
		d->asi = NULL;
		asi_torture_count(ASI_TORTURE_DESTROY);
	}
	up_write(&d->lock);
}

/* ---- Mappings --------------------------------------------------------- */

void asi_torture_map(struct asi_torture_worker *w, struct asi_torture_object *o,
		     unsigned int domain, unsigned int from, unsigned int pages)
{
	struct asi_torture_domain *d = w->domain[domain];
	struct asi_torture_state *s;
	void *at = o->at + from * PAGE_SIZE;
	int err;

	down_read(&d->lock);
	if (!o->live || !d->asi)
		goto out;
	s = asi_torture_state(w, o, domain);
	if (bitmap_empty(s->mapped, ASI_TORTURE_PAGES))
		s->generation = asi_generation(d->asi);
	if (asi_torture_random(w, 8)) {
		err = asi_map(d->asi, at, pages * PAGE_SIZE, ASI_KIND_OBJECT);
		asi_torture_count(ASI_TORTURE_MAP);
	} else {
		local_irq_disable();
		err = asi_map_reserved(d->asi, at, pages * PAGE_SIZE, ASI_KIND_OBJECT);
		local_irq_enable();
		asi_torture_count(ASI_TORTURE_MAP_RESERVED);
	}
	if (!err) {
		bitmap_set(s->mapped, from, pages);
		bitmap_clear(s->unsure, from, pages);
		goto out;
	}
	if (err != -ENOMEM)
		asi_torture_wrong("asi_map", at, err, -ENOMEM);
	bitmap_clear(s->mapped, from, pages);
	bitmap_set(s->unsure, from, pages);
	asi_torture_count(ASI_TORTURE_NOMEM);
out:
	up_read(&d->lock);
}

void asi_torture_unmap(struct asi_torture_worker *w, struct asi_torture_object *o,
		       unsigned int domain, unsigned int from, unsigned int pages)
{
	struct asi_torture_domain *d = w->domain[domain];
	struct asi_torture_state *s;

	down_read(&d->lock);
	if (o->live && d->asi) {
		s = asi_torture_state(w, o, domain);
		asi_unmap(d->asi, o->at + from * PAGE_SIZE, pages * PAGE_SIZE);
		bitmap_clear(s->mapped, from, pages);
		bitmap_clear(s->unsure, from, pages);
		asi_torture_count(ASI_TORTURE_UNMAP);
	}
	up_read(&d->lock);
}

/*
 * Change the memory type of the direct map for a moment: the kernel's own entry
 * changes, a large one is split, and the domains lose their copies.
 */
void asi_torture_protect(struct asi_torture_worker *w, struct asi_torture_object *o)
{
	unsigned long at = (unsigned long)o->at;
	unsigned int i, pages;

	if (!o->live || o->kind != ASI_TORTURE_BLOCK)
		return;
	pages = min(o->pages, 4U);
	if (set_memory_uc(at, pages))
		asi_torture_count(ASI_TORTURE_NOMEM);
	set_memory_wb(at, pages);
	for (i = 0; i < ASI_TORTURE_DOMAINS; i++) {
		bitmap_clear(o->in[i].mapped, 0, pages);
		bitmap_set(o->in[i].unsure, 0, pages);
	}
	asi_torture_count(ASI_TORTURE_PROTECT);
}

/*
 * Free memory that workers inside are reading, and allocate again at once: the
 * allocator tends to hand out the page that was freed last.
 */
void asi_torture_free_seen(struct asi_torture_worker *w, struct asi_torture_object *o)
{
	unsigned int domain = ASI_TORTURE_OWN + asi_torture_random(w, ASI_TORTURE_SHARED);
	struct asi_torture_domain *d = w->domain[domain];
	unsigned long at = (unsigned long)o->at;
	struct page *next[4];
	unsigned int i;

	if (!o->live || o->kind == ASI_TORTURE_SLAB)
		return;
	asi_torture_map(w, o, domain, 0, 1);
	if (cmpxchg(&d->beacon, 0, at))
		return;
	usleep_range(100, 3000);
	asi_torture_release(w, o);
	for (i = 0; i < ARRAY_SIZE(next); i++)
		next[i] = alloc_pages(ASI_TORTURE_GFP | __GFP_ZERO | __GFP_NORETRY, o->order);
	usleep_range(50, 2000);
	cmpxchg(&d->beacon, at, 0);
	for (i = 0; i < ARRAY_SIZE(next); i++) {
		if (next[i])
			__free_pages(next[i], o->order);
	}
}
