/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a restricted root may be loaded with NOFLUSH, and when a removed
 * translation is out of every CPU's reach.
 *
 * What is removed from tables is counted where it was removed: in the domain, in the
 * tables that it borrows from, or in the kernel's own.  A domain's age is the sum of the
 * three.  They only grow, so two ages are equal if nothing was removed between them.
 *
 * Each CPU has a few slots; a slot stands for one PCID.  It remembers whose
 * translations the TLB holds under that PCID, and how fresh they are:
 *
 *	domain		identity, never given out twice
 *	age		of that domain
 *
 * Everything is inline, because code that may not be instrumented calls it.
 * Nothing here locks, waits or allocates.  Zeroed storage is ready for use.
 *
 * What holds at every instruction of every CPU, so an NMI may come anywhere:
 *
 * I1	A slot never claims too much: each translation under its PCID was read
 *	from the tables of slot.domain, after that had reached the age slot.age.
 * I2	While CR3 holds a domain's root, inside is that domain and current its slot.
 * I3	A CPU that is not inside a domain reads its age before it loads the
 *	domain's root the next time.
 *
 * What callers do for it:
 *
 * R1	Removing: first clear the entry, then count, then ask.  The other way
 *	round a CPU could read the entry after it saw the new age.
 * R2	Entering: asi_tlb_begin(), load CR3, asi_tlb_loaded(), with interrupts
 *	off.  begin publishes before it reads the age, and both come before
 *	the load: a removal either is seen here, or sees this CPU.
 *	loaded records after the load what was read before it.
 * R3	Leaving: load the unrestricted CR3, then asi_tlb_left().
 * R4	An NMI, or what may come between two instructions of R2 and R3 like one,
 *	steps out without asi_tlb_left(): the code that it interrupted may be
 *	about to load a root on the strength of what it read before.  When it
 *	found CR3 restricted it goes back in by R2, and finds the same slot.
 * R5	Another domain's root is loaded from outside only, by R3 and then R2.
 * R6	A root that hardware is going to load by itself (HOST_CR3 of a VMCS)
 *	counts as loaded: no asi_tlb_left() before that cannot happen any more.
 *
 * R7	A domain's record stays readable for as long as somebody may have found it
 *	in a CPU's inside, that is for a grace period after every CPU has left it.
 *
 * Adding a translation where none was present needs no counting: a CPU caches
 * none that is not present [SDM vol. 3, 4.10.2.3].  Everything else is a
 * removal: fewer rights, another frame, another table in an upper entry.
 */
#ifndef ASI_TLB_H
#define ASI_TLB_H

#include "port.h"

/* The tests put a model of memory in place of these. */
#ifndef ASI_TLB_LOAD
/* Not before an earlier ASI_TLB_PUBLISH() or ASI_TLB_COUNT(): MOV on x86. */
#define ASI_TLB_LOAD(from)	(__atomic_load_n(from, __ATOMIC_SEQ_CST))
/* Not before anything earlier: MOV on x86. */
#define ASI_TLB_STORE(to, v)	(__atomic_store_n(to, v, __ATOMIC_RELEASE))
/* A full barrier besides: XCHG, LOCK XADD on x86. */
#define ASI_TLB_PUBLISH(to, v)	(__atomic_store_n(to, v, __ATOMIC_SEQ_CST))
#define ASI_TLB_COUNT(what)	(__atomic_add_fetch(what, 1, __ATOMIC_SEQ_CST))
#endif

/* Each member is written before it is read: no instructions to clear it. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define ASI_TLB_UNINITIALIZED	__attribute__((uninitialized))
#else
#define ASI_TLB_UNINITIALIZED
#endif

#define ASI_TLB_SLOTS	6

/* What others write now and then is on no line with what every entry reads. */
#define ASI_TLB_LINE	__attribute__((aligned(64)))

/* One a domain, and one for tables that domains borrow.  Mapped in it, or in them. */
struct asi_tlb_domain {
	asi_u64 id;		/* from 1; does not change */
	asi_u64 gen;		/* from 1: 0 in a slot equals no age */
	const struct asi_tlb_domain *lender;	/* whose removals count, too */
};

/* One for all.  Mapped in every domain. */
struct asi_tlb {
	asi_u64 kernel_gen ASI_TLB_LINE;
	struct asi_tlb_domain nobody;	/* loses nothing: the lender of who has none */
	asi_u64 last_id ASI_TLB_LINE;
};

struct asi_tlb_slot {
	asi_u64 domain;
	asi_u64 age;
};

/* One a CPU.  Mapped in every domain.  Written by its CPU only. */
struct asi_tlb_cpu {
	asi_u64 inside;		/* address of a domain's record; 0: none */
	asi_u64 current_slot;	/* of inside, or of the latest */
	asi_u32 slots;		/* in use, at most ASI_TLB_SLOTS; 0: no PCID */
	asi_u32 victim;		/* the next to be given away */
	struct asi_tlb_slot slot[ASI_TLB_SLOTS];
};

/* How to load a domain's root. */
struct asi_tlb_load {
	asi_u64 slot;		/* which of the CPU's PCIDs; 0 without PCID */
	bool flush;		/* without NOFLUSH */
	asi_u64 age;		/* for asi_tlb_loaded() */
};

/*
 * Before @domain is used.  @lender: tables that lose something by themselves, and of
 * which it shows a part; NULL: it borrows from the kernel's own only.
 */
static __always_inline void asi_tlb_new_domain(struct asi_tlb *tlb,
					       struct asi_tlb_domain *domain,
					       const struct asi_tlb_domain *lender)
{
	domain->id = ASI_TLB_COUNT(&tlb->last_id);
	domain->gen = 1;
	domain->lender = lender ? lender : &tlb->nobody;
}

/*
 * Not read at one moment.  But each part is at least what it was when the reading
 * began, so whoever reads an age after a removal was counted does not get one that
 * somebody could read before it.
 */
static __always_inline asi_u64 asi_tlb_age(const struct asi_tlb *tlb,
					   const struct asi_tlb_domain *domain)
{
	return ASI_TLB_LOAD(&domain->gen) + ASI_TLB_LOAD(&tlb->kernel_gen) +
	       ASI_TLB_LOAD(&domain->lender->gen);
}

/* The same, in fewer instructions, of one that has no lender. */
static __always_inline asi_u64 asi_tlb_age_alone(const struct asi_tlb *tlb,
						 const struct asi_tlb_domain *domain)
{
	return ASI_TLB_LOAD(&domain->gen) + ASI_TLB_LOAD(&tlb->kernel_gen);
}

/* A removal from @domain, or from tables, became visible in its table.  Any context. */
static __always_inline void asi_tlb_removed(struct asi_tlb_domain *domain)
{
	ASI_TLB_COUNT(&domain->gen);
}

/* A removal from the kernel's own table became visible.  Any context. */
static __always_inline void asi_tlb_kernel_removed(struct asi_tlb *tlb)
{
	ASI_TLB_COUNT(&tlb->kernel_gen);
}

/* inside, as others read it, and whether its slot is as fresh as can be now. */
static __always_inline bool asi_tlb_is_stale(const struct asi_tlb *tlb,
					     const struct asi_tlb_cpu *cpu,
					     const struct asi_tlb_domain *inside)
{
	asi_u64 slot = ASI_TLB_LOAD(&cpu->current_slot);
	asi_u64 age = ASI_TLB_LOAD(&cpu->slot[slot].age);

	return age < asi_tlb_age(tlb, inside);
}

/*
 * May @cpu use a translation that was removed and counted before, from any of the
 * tables that @domain shows?  "No" stays right for ever: a slot may hold one, but
 * the CPU has to enter to use it, and entering will flush it.  "Yes" may be said
 * too often, even after a "no": of a CPU that is about to flush.
 *
 * What is read after inside belongs to the same stay, or to a later one; the
 * later one saw the removal.  Any context, any CPU.
 */
static __always_inline bool asi_tlb_may_use(const struct asi_tlb *tlb,
					    const struct asi_tlb_cpu *cpu,
					    const struct asi_tlb_domain *domain)
{
	return ASI_TLB_LOAD(&cpu->inside) == (asi_u64)domain &&
	       asi_tlb_is_stale(tlb, cpu, domain);
}

/* The same for the tables of whichever domain it is inside of.  See R7. */
static __always_inline bool asi_tlb_may_use_any(const struct asi_tlb *tlb,
						const struct asi_tlb_cpu *cpu)
{
	const struct asi_tlb_domain *inside =
		(const struct asi_tlb_domain *)ASI_TLB_LOAD(&cpu->inside);

	return inside && asi_tlb_is_stale(tlb, cpu, inside);
}

/* The slot of domain @id; one is taken from another domain if there is none. */
static __always_inline asi_u64 asi_tlb_find_slot(struct asi_tlb_cpu *cpu, asi_u64 id)
{
	asi_u64 i = ASI_TLB_LOAD(&cpu->current_slot);

	if (ASI_TLB_LOAD(&cpu->slot[i].domain) == id)
		return i;
	for (i = 0; i < cpu->slots; i++) {
		if (ASI_TLB_LOAD(&cpu->slot[i].domain) == id)
			return i;
	}
	i = cpu->victim;
	cpu->victim = i + 1 < cpu->slots ? i + 1 : 0;
	/* Its age says nothing about the new owner: I1. */
	ASI_TLB_STORE(&cpu->slot[i].age, 0);
	ASI_TLB_STORE(&cpu->slot[i].domain, id);
	return i;
}

/*
 * How this CPU has to load @domain's root now.  Interrupts off, CR3
 * unrestricted or @domain's own.
 */
static __always_inline struct asi_tlb_load asi_tlb_begin(const struct asi_tlb *tlb,
							 struct asi_tlb_cpu *cpu,
							 const struct asi_tlb_domain *domain)
{
	asi_u64 i = asi_tlb_find_slot(cpu, domain->id);
	struct asi_tlb_load load ASI_TLB_UNINITIALIZED;

	ASI_TLB_STORE(&cpu->current_slot, i);
	ASI_TLB_PUBLISH(&cpu->inside, (asi_u64)domain);
	load.slot = i;
	load.age = asi_tlb_age(tlb, domain);
	load.flush = !cpu->slots || ASI_TLB_LOAD(&cpu->slot[i].age) != load.age;
	return load;
}

/*
 * asi_tlb_begin() for a CPU that comes back to the domain it left last.  True: nothing
 * changed in it since it was found current; load its root with NOFLUSH if there are
 * slots, and asi_tlb_loaded() has nothing to say.  False says nothing: ask
 * asi_tlb_begin().
 */
static __always_inline bool asi_tlb_again(const struct asi_tlb *tlb,
					  struct asi_tlb_cpu *cpu,
					  const struct asi_tlb_domain *domain)
{
	asi_u64 i = ASI_TLB_LOAD(&cpu->current_slot);

	if (ASI_TLB_LOAD(&cpu->slot[i].domain) != domain->id)
		return false;
	ASI_TLB_PUBLISH(&cpu->inside, (asi_u64)domain);
	return ASI_TLB_LOAD(&cpu->slot[i].age) == asi_tlb_age(tlb, domain);
}

/* CR3 was loaded as @load said.  Interrupts still off. */
static __always_inline void asi_tlb_loaded(struct asi_tlb_cpu *cpu,
					   const struct asi_tlb_load *load)
{
	if (load->flush)
		ASI_TLB_STORE(&cpu->slot[load->slot].age, load->age);
}

/* The unrestricted CR3 was loaded.  Interrupts off. */
static __always_inline void asi_tlb_left(struct asi_tlb_cpu *cpu)
{
	ASI_TLB_STORE(&cpu->inside, 0);
}

/*
 * This CPU is inside @domain and wants to be: true if it need not load CR3
 * again.  Interrupts off.
 */
static __always_inline bool asi_tlb_is_current(const struct asi_tlb *tlb,
					       const struct asi_tlb_cpu *cpu,
					       const struct asi_tlb_domain *domain)
{
	asi_u64 slot = ASI_TLB_LOAD(&cpu->current_slot);

	return ASI_TLB_LOAD(&cpu->slot[slot].age) == asi_tlb_age(tlb, domain);
}

/*
 * The same, in fewer instructions, for one that has no lender and was entered with @age.
 * False says nothing: ask asi_tlb_is_current().
 */
static __always_inline bool asi_tlb_is_unchanged(const struct asi_tlb *tlb, asi_u64 age,
						 const struct asi_tlb_domain *domain)
{
	return asi_tlb_age_alone(tlb, domain) == age;
}

/*
 * Every slot of this CPU has to be flushed when it is loaded the next time: a
 * translation was removed that only this CPU uses.  Interrupts off, outside,
 * not in an NMI.
 */
static __always_inline void asi_tlb_forget(struct asi_tlb_cpu *cpu)
{
	asi_u32 i;

	for (i = 0; i < ASI_TLB_SLOTS; i++)
		ASI_TLB_STORE(&cpu->slot[i].age, 0);
}

#endif /* ASI_TLB_H */
