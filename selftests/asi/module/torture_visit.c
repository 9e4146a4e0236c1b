// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a worker may and may not see while it is inside: what is mapped must read
 * as its pattern, and what was unmapped or freed must not.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/special_insns.h>
#include "torture.h"

#define ASI_TORTURE_PROBES	6
/* Only the first words of a page are read: a later owner may not overwrite the rest. */
#define ASI_TORTURE_WORDS	32

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

/* Counts a disagreement between the record and CR3.  Returns whether the CPU is inside. */
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
			/* Look at the result now: the next round overwrites it. */
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
 * A slab page keeps what its last owner wrote until an object covers it, and a
 * domain maps whole pages of a task_struct, with what else lies on them.
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

void asi_torture_stay(struct asi_torture_worker *w, unsigned int domain)
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

void asi_torture_move(struct asi_torture_worker *w)
{
	unsigned int cpu = cpumask_nth(asi_torture_random(w, num_online_cpus()),
				       cpu_online_mask);

	/* It may have gone offline meanwhile. */
	if (cpu < nr_cpu_ids)
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
	if (asi_torture_random(w, 2))
		set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* Transparent domains only: sleeping, moving or allocating inside leaves the domain. */
void asi_torture_sleep(struct asi_torture_worker *w, unsigned int domain)
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
