// SPDX-License-Identifier: GPL-2.0-only
/*
 * One worker's operations on domains, memory and itself, and what it may and
 * may not see while it is inside.
 *
 * A worker maps and unmaps only its own objects, so it knows what a domain maps
 * of them.  Each page is filled with a pattern before it is mapped: what is
 * mapped must read as its pattern, and what was unmapped or freed must not.
 * Memory that runs out is a normal end of any operation.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/apic.h>
#include <asm/special_insns.h>
#include "torture.h"

#define ASI_TORTURE_GFP		(GFP_KERNEL | __GFP_NOWARN)
#define ASI_TORTURE_PROBES	6
/* What starts every pattern. */
#define ASI_TORTURE_MAGIC	0xa51cULL
/* Words of a page that are looked at: the rest may outlive the pattern. */
#define ASI_TORTURE_WORDS	32

static atomic64_t asi_torture_serial;

/* ---- Objects ---------------------------------------------------------- */

static u64 asi_torture_pattern(const struct asi_torture_object *o, unsigned int page)
{
	return o->pattern + page;
}

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

static void asi_torture_unmap(struct asi_torture_worker *w, struct asi_torture_object *o,
			      unsigned int domain, unsigned int from, unsigned int pages);

static void asi_torture_release(struct asi_torture_worker *w, struct asi_torture_object *o)
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

/* Takes the place of @o, which is freed, mapped or not. */
static void asi_torture_alloc(struct asi_torture_worker *w, struct asi_torture_object *o)
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

/* What @o's worker knows of it in the domain that is there now; under its lock. */
static struct asi_torture_state *asi_torture_state(const struct asi_torture_worker *w,
						   struct asi_torture_object *o,
						   unsigned int domain)
{
	struct asi_torture_state *s = &o->in[domain];
	const struct asi_torture_domain *d = w->domain[domain];

	if (s->serial != d->serial) {
		memset(s, 0, sizeof(*s));
		s->serial = d->serial;
	}
	return s;
}

static void asi_torture_create(struct asi_torture_worker *w, unsigned int domain)
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

static void asi_torture_nothing(void *unused)
{
}

void asi_torture_destroy(struct asi_torture_domain *d)
{
	down_write(&d->lock);
	if (d->asi) {
		WRITE_ONCE(d->serial, 0);
		/* Whoever saw the old serial, interrupts off, is inside afterwards. */
		on_each_cpu(asi_torture_nothing, NULL, 1);
		asi_destroy(d->asi);
		d->asi = NULL;
		asi_torture_count(ASI_TORTURE_DESTROY);
	}
	up_write(&d->lock);
}

/* ---- Mappings --------------------------------------------------------- */

static void asi_torture_map(struct asi_torture_worker *w, struct asi_torture_object *o,
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

static void asi_torture_unmap(struct asi_torture_worker *w, struct asi_torture_object *o,
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
 * The direct map gets another memory type for a moment: the kernel's own entry
 * changes, a large one is split, and what the domains copied goes away.
 */
static void asi_torture_protect(struct asi_torture_worker *w, struct asi_torture_object *o)
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
 * Freed while those inside look at it, and given its next use at once: an
 * allocator likes to hand out what came back last.
 */
static void asi_torture_free_seen(struct asi_torture_worker *w, struct asi_torture_object *o)
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

/* ---- Inside ----------------------------------------------------------- */

enum asi_torture_expect {
	ASI_TORTURE_THERE,
	ASI_TORTURE_GONE,
	ASI_TORTURE_ANY_PATTERN,
};

struct asi_torture_probe {
	const u64 *at;
	enum asi_torture_expect expect;
	bool certain;			/* nothing was taken out since it was mapped */
	bool tried;
	bool faulted;
	bool inside;
	u64 pattern;
	u64 value;
};

/* On the stack of its task, which the domain maps. */
struct asi_torture_visit {
	struct asi_torture_domain *d;
	struct asi *asi;
	u64 serial;
	unsigned long root;
	bool strict;
	bool linger;			/* no second load of CR3, which might flush */
	bool evicted;
	unsigned int rounds;
	unsigned int pause;		/* microseconds */
	unsigned int probes;
	unsigned int disagreed;		/* CR3 and the record */
	struct asi_torture_probe probe[ASI_TORTURE_PROBES];
};

static void asi_torture_choose(struct asi_torture_worker *w, unsigned int domain,
			       struct asi_torture_visit *v, enum asi_torture_expect expect)
{
	struct asi_torture_object *o = &w->object[asi_torture_random(w, ASI_TORTURE_OBJECTS)];
	struct asi_torture_probe *p = &v->probe[v->probes];
	struct asi_torture_state *s;
	unsigned int page;

	if (o->kind == ASI_TORTURE_NOTHING || v->probes == ASI_TORTURE_PROBES)
		return;
	page = asi_torture_random(w, o->pages);
	s = asi_torture_state(w, o, domain);
	if (test_bit(page, s->unsure) && o->live)
		return;
	if (expect == ASI_TORTURE_THERE ? !test_bit(page, s->mapped) : test_bit(page, s->mapped))
		return;
	p->at = o->at + page * PAGE_SIZE;
	p->at += asi_torture_random(w, ASI_TORTURE_WORDS);
	p->expect = expect;
	p->certain = s->generation == asi_generation(v->asi);
	p->pattern = asi_torture_pattern(o, page);
	v->probes++;
}

/* A root or none: the record and CR3 say the same.  Returns: inside. */
static bool asi_torture_agree(struct asi_torture_visit *v)
{
	unsigned long flags, root;
	struct asi *asi;

	raw_local_irq_save(flags);
	asi = asi_current();
	root = __native_read_cr3() & CR3_ADDR_MASK;
	raw_local_irq_restore(flags);
	if (asi ? asi != v->asi || root != v->root : root == v->root)
		v->disagreed++;
	return asi == v->asi;
}

static bool asi_torture_go_in(struct asi_torture_visit *v)
{
	bool may;

	local_irq_disable();
	may = READ_ONCE(v->d->serial) == v->serial;
	if (may) {
		v->root = asi_enter(v->asi) & CR3_ADDR_MASK;
		asi_relax();
	}
	local_irq_enable();
	return may;
}

/* Preemption off.  Touches nothing but the stack, the module and the probes. */
static noinline void asi_torture_look(struct asi_torture_visit *v)
{
	unsigned int round, i;

	for (round = 0; round < v->rounds; round++) {
		if (!(round && v->linger) && !asi_torture_go_in(v))
			break;
		for (i = 0; i < v->probes; i++) {
			struct asi_torture_probe *p = &v->probe[i];

			p->faulted = get_kernel_nofault(p->value, p->at);
			p->inside = asi_torture_agree(v);
			p->tried = true;
			/* Judged at once: another round overwrites it. */
			if (p->expect == ASI_TORTURE_THERE && !p->faulted &&
			    p->value != p->pattern)
				goto out;
			if (p->expect == ASI_TORTURE_THERE && p->faulted && p->certain)
				goto out;
			if (p->expect == ASI_TORTURE_GONE && p->inside && !p->faulted &&
			    p->value == p->pattern)
				goto out;
			if (p->expect == ASI_TORTURE_ANY_PATTERN && p->inside &&
			    !p->faulted && p->value >> 48 != ASI_TORTURE_MAGIC)
				goto out;
		}
		udelay(v->pause);
		v->evicted |= !asi_torture_agree(v);
	}
out:
	asi_exit();
	if (v->root && asi_torture_agree(v))
		v->disagreed++;
}

/*
 * A slab page keeps what its last owner wrote until an object covers it, and
 * domains map a task_struct with all that lies on its pages.
 */
static bool asi_torture_is_slab(const void *at)
{
	return virt_addr_valid(at) && folio_test_slab(virt_to_folio(at));
}

static void asi_torture_judge(const struct asi_torture_visit *v)
{
	unsigned int i;

	if (v->disagreed)
		asi_torture_wrong("CR3 and the record disagree", NULL, v->disagreed, 0);
	if (v->evicted)
		asi_torture_count(ASI_TORTURE_EVICTED);
	for (i = 0; i < v->probes; i++) {
		const struct asi_torture_probe *p = &v->probe[i];

		if (!p->tried)
			continue;
		switch (p->expect) {
		case ASI_TORTURE_THERE:
			if (!p->faulted && p->value != p->pattern)
				asi_torture_wrong("mapped memory has another content",
						  p->at, p->value, p->pattern);
			else if (p->faulted && p->certain)
				asi_torture_wrong("mapped memory was refused", p->at, 0,
						  p->pattern);
			asi_torture_count(p->faulted ? ASI_TORTURE_LOST : ASI_TORTURE_READ);
			break;
		case ASI_TORTURE_GONE:
			if (p->inside && !p->faulted && p->value == p->pattern &&
			    !asi_torture_is_slab(p->at))
				asi_torture_wrong("unmapped memory was read", p->at,
						  p->value, 0);
			asi_torture_count(ASI_TORTURE_REFUSED);
			break;
		case ASI_TORTURE_ANY_PATTERN:
			if (p->inside && !p->faulted && p->value >> 48 != ASI_TORTURE_MAGIC)
				asi_torture_wrong("freed memory was read in its next use",
						  p->at, p->value, p->pattern);
			asi_torture_count(ASI_TORTURE_BEACON);
			break;
		}
	}
}

/* False: there is nothing to enter. */
static bool asi_torture_prepare(struct asi_torture_worker *w, unsigned int domain,
				struct asi_torture_visit *v)
{
	struct asi_torture_domain *d = w->domain[domain];
	unsigned long beacon;
	unsigned int i;
	bool may = false;

	memset(v, 0, sizeof(*v));
	down_read(&d->lock);
	if (!d->asi || d->tgid != current->tgid)
		goto out;
	v->d = d;
	v->asi = d->asi;
	v->serial = d->serial;
	v->strict = d->strict;
	v->rounds = 1 + asi_torture_random(w, 8);
	v->pause = asi_torture_random(w, 100);
	beacon = READ_ONCE(d->beacon);
	if (beacon) {
		v->linger = true;
		v->rounds = 300;
		v->pause = 10;
		v->probe[v->probes++] = (struct asi_torture_probe){
			.at = (const u64 *)beacon,
			.expect = ASI_TORTURE_ANY_PATTERN,
		};
	}
	/* A transparent domain is left by the first read that is refused. */
	for (i = 0; i < 4 && !beacon; i++)
		asi_torture_choose(w, domain, v, ASI_TORTURE_THERE);
	for (i = 0; i < 3 && !beacon; i++)
		asi_torture_choose(w, domain, v, ASI_TORTURE_GONE);
	may = !asi_map_current(d->asi);
	if (!may)
		asi_torture_count(ASI_TORTURE_NOMEM);
out:
	up_read(&d->lock);
	return may;
}

static void asi_torture_stay(struct asi_torture_worker *w, unsigned int domain)
{
	struct asi_torture_visit v;
	unsigned int i;

	for (i = ASI_TORTURE_OWN; i < ASI_TORTURE_DOMAINS; i++) {
		if (READ_ONCE(w->domain[i]->beacon) && asi_torture_random(w, 2))
			domain = i;
	}
	if (!asi_torture_prepare(w, domain, &v))
		return;
	preempt_disable();
	asi_torture_look(&v);
	preempt_enable();
	asi_torture_judge(&v);
	asi_torture_count(ASI_TORTURE_VISIT);
}

static void asi_torture_move(struct asi_torture_worker *w)
{
	unsigned int cpu = cpumask_nth(asi_torture_random(w, num_online_cpus()),
				       cpu_online_mask);

	/* It may have gone offline meanwhile. */
	if (cpu < nr_cpu_ids)
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
	if (asi_torture_random(w, 2))
		set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* Transparent domains only: what sleeps, moves or allocates inside leaves. */
static void asi_torture_sleep(struct asi_torture_worker *w, unsigned int domain)
{
	struct asi_torture_visit v;
	unsigned int cpu;
	void *memory;

	if (!asi_torture_prepare(w, domain, &v) || v.strict)
		return;
	preempt_disable();
	cpu = smp_processor_id();
	if (!asi_torture_go_in(&v)) {
		preempt_enable();
		return;
	}
	preempt_enable();
	switch (asi_torture_random(w, 4)) {
	case 0:
		usleep_range(20, 200);
		preempt_disable();
		if (asi_torture_agree(&v))
			asi_torture_wrong("inside after sleeping", NULL, 1, 0);
		break;
	case 1:
		asi_torture_move(w);
		preempt_disable();
		if (asi_torture_agree(&v) && smp_processor_id() != cpu)
			asi_torture_wrong("inside on another CPU", NULL,
					  smp_processor_id(), cpu);
		break;
	case 2:
		memory = kmalloc(64 << asi_torture_random(w, 8), ASI_TORTURE_GFP);
		kfree(memory);
		preempt_disable();
		break;
	default:
		schedule();
		preempt_disable();
		break;
	}
	asi_exit();
	if (asi_torture_agree(&v))
		v.disagreed++;
	preempt_enable();
	v.probes = 0;
	asi_torture_judge(&v);
	asi_torture_count(ASI_TORTURE_SLEEP);
}

/* ---- Short-lived threads, interrupts and NMIs ------------------------- */

/* Ends while the domain maps its stack. */
static int asi_torture_short(void *arg)
{
	struct asi_torture_worker *w = arg;

	/* A thread that is stopped before it runs would not run at all. */
	complete(&w->started);
	asi_torture_create(w, 0);
	asi_torture_stay(w, 0);
	return 0;
}

/* The thread's domain stays with the worker, which cannot enter it. */
static void asi_torture_kthread(struct asi_torture_worker *w)
{
	struct task_struct *task;

	asi_torture_destroy(w->domain[0]);
	init_completion(&w->started);
	task = kthread_create(asi_torture_short, w, "asi_short");
	if (IS_ERR(task)) {
		asi_torture_count(ASI_TORTURE_NOMEM);
		return;
	}
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&w->started);
	kthread_stop_put(task);
	asi_torture_count(ASI_TORTURE_KTHREAD);
}

static void asi_torture_ipi(struct asi_torture_worker *w)
{
	unsigned int i, calls = 1 + asi_torture_random(w, 20);

	for (i = 0; i < calls; i++) {
		preempt_disable();
		smp_call_function_many(cpu_online_mask, asi_torture_nothing, NULL,
				       asi_torture_random(w, 2));
		preempt_enable();
	}
	asi_torture_count(ASI_TORTURE_IPI);
}

static void asi_torture_nmi(struct asi_torture_worker *w)
{
	unsigned int i, calls = 1 + asi_torture_random(w, 5);

	for (i = 0; i < calls; i++) {
		preempt_disable();
		__apic_send_IPI_mask(cpu_online_mask, NMI_VECTOR);
		preempt_enable();
		udelay(asi_torture_random(w, 50));
	}
	asi_torture_count(ASI_TORTURE_NMI);
}

/* ---- One operation ---------------------------------------------------- */

void asi_torture_work(struct asi_torture_worker *w)
{
	struct asi_torture_object *o = &w->object[asi_torture_random(w, ASI_TORTURE_OBJECTS)];
	unsigned int domain = asi_torture_random(w, ASI_TORTURE_DOMAINS);
	unsigned int from = 0, pages = o->pages;

	if (pages && asi_torture_random(w, 2)) {
		from = asi_torture_random(w, pages);
		pages = 1 + asi_torture_random(w, pages - from);
	}
	switch (asi_torture_random(w, 100)) {
	case 0 ... 7:
		asi_torture_create(w, domain);
		break;
	case 8 ... 9:
		asi_torture_destroy(w->domain[domain]);
		break;
	case 10 ... 19:
		asi_torture_alloc(w, o);
		break;
	case 20 ... 21:
		asi_torture_release(w, o);
		break;
	case 22 ... 24:
		asi_torture_free_seen(w, o);
		break;
	case 25 ... 44:
		asi_torture_map(w, o, domain, from, pages);
		break;
	case 45 ... 54:
		asi_torture_unmap(w, o, domain, from, pages);
		break;
	case 55 ... 84:
		asi_torture_stay(w, domain);
		break;
	case 85 ... 90:
		asi_torture_sleep(w, domain);
		break;
	case 91 ... 93:
		asi_torture_move(w);
		asi_torture_count(ASI_TORTURE_MOVE);
		break;
	case 94:
		asi_torture_kthread(w);
		break;
	case 95 ... 96:
		asi_torture_ipi(w);
		break;
	case 97 ... 98:
		asi_torture_nmi(w);
		break;
	default:
		asi_torture_protect(w, o);
		break;
	}
}

void asi_torture_end(struct asi_torture_worker *w)
{
	unsigned int i;

	for (i = 0; i < ASI_TORTURE_OBJECTS; i++)
		asi_torture_release(w, &w->object[i]);
	for (i = 0; i < ASI_TORTURE_OWN; i++)
		asi_torture_destroy(w->domain[i]);
}
