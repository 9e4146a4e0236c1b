// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page fault taken while restricted.
 *
 * The first thing is to load the kernel's own table: nothing that the handler
 * needs can be missing after that, so it cannot recurse.  The rest runs like
 * an NMI handler, because the fault may have hit any code at all: it takes no
 * lock that it would have to wait for, allocates nothing and does not sleep.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/entry-common.h>
#include <linux/extable.h>
#include <linux/interrupt.h>
#include <linux/kdebug.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <asm/extable.h>
#include <asm/trap_pf.h>
#include <asm/trapnr.h>
#include "internal.h"
#include "trace.h"

enum asi_outcome {
	ASI_GO_BACK_IN,
	ASI_STAY_OUT,
	ASI_PASS_ON,		/* the kernel's handler deals with it, and goes back in */
	ASI_KILL,
};

static enum asi_access asi_access_of(unsigned long error_code)
{
	if (error_code & X86_PF_INSTR)
		return ASI_ACCESS_EXEC;
	return error_code & X86_PF_WRITE ? ASI_ACCESS_WRITE : ASI_ACCESS_READ;
}

static bool asi_entry_allows(u64 entry, enum asi_access access)
{
	if (access == ASI_ACCESS_WRITE)
		return entry & _PAGE_RW;
	return access != ASI_ACCESS_EXEC || !(entry & _PAGE_NX);
}

/* Would the kernel's own table let this access through? */
static bool asi_kernel_allows(const struct asi_place *place,
			      enum asi_access access)
{
	if (!place->mapped)
		return false;
	/* Dirty must be set already: it could not be passed on from here. */
	if (access == ASI_ACCESS_WRITE && place->kind == ASI_KIND_GUEST_MEMORY)
		return (place->leaf.entry & _PAGE_RW) && (place->leaf.entry & _PAGE_DIRTY);
	return asi_entry_allows(place->leaf.entry, access);
}

/*
 * Map guest memory, not executable and no more writable than the process has
 * it by now: one page, or all of a large one if all of it is the guest's.  The
 * lock orders this against asi_zap_user().
 */
static int asi_grow_user(struct asi *asi, u64 page, struct asi_place *place)
{
	u64 entry = _PAGE_PRESENT | _PAGE_USER | _PAGE_NX;
	u64 size = PAGE_SIZE;

	asi_classify(asi, page, place);
	if (place->kind != ASI_KIND_GUEST_MEMORY || !place->mapped)
		return -EAGAIN;
	if (place->leaf.size == PMD_SIZE &&
	    asi->ops->owns_user(asi->owner, place->leaf.va, PMD_SIZE)) {
		page = place->leaf.va;
		size = PMD_SIZE;
	}
	if ((place->leaf.entry & _PAGE_RW) && (place->leaf.entry & _PAGE_DIRTY))
		entry |= _PAGE_RW;
	return asi_pt_map(&asi->pt, page, place->leaf.pa + (page - place->leaf.va),
			  size, entry, place->kind, NULL);
}

/* Tables are looked at only. */
static int asi_map_table(struct asi *asi, unsigned long table)
{
	return asi_pt_map(&asi->pt, table, __pa(table), PAGE_SIZE, _PAGE_PRESENT | _PAGE_NX,
			  ASI_KIND_OWN_TABLE, NULL);
}

/* Who needs one table for a guest's memory needs the following soon. */
#define ASI_TABLES_AHEAD	7

static void asi_grow_ahead(struct asi *asi, unsigned long table)
{
	struct asi_leaf leaf = { .size = PAGE_SIZE };
	unsigned long user;
	unsigned int i;

	if (!asi->ops->owns_user || !asi->ops->translates(asi->owner, &user) ||
	    asi_lowest_table(user) != table)
		return;
	for (i = 0; i < ASI_TABLES_AHEAD; i++) {
		user = ALIGN_DOWN(user, PMD_SIZE) + PMD_SIZE;
		if (!asi->ops->owns_user(asi->owner, user, PAGE_SIZE))
			return;
		table = asi_lowest_table(user);
		if (!table)
			continue;
		leaf.va = table;
		leaf.pa = __pa(table);
		asi_flag_leaf(&leaf, table, PAGE_SIZE);
		/* As in asi_grow_kernel(): freed from here on, it is taken out again. */
		smp_mb();
		if (asi_lowest_table(user) != table || asi_map_table(asi, table))
			return;
	}
}

/*
 * The flag goes up first: a page freed before that is seen here as another kind.
 * Of the memory map comes as much as the kernel has in one entry.
 */
static int asi_grow_kernel(struct asi *asi, u64 address, u64 page,
			   const struct asi_place *place)
{
	struct asi_place again;
	u64 size = PAGE_SIZE;
	int err;

	if (place->kind == ASI_KIND_VMEMMAP && place->leaf.size == PMD_SIZE) {
		page = place->leaf.va;
		size = PMD_SIZE;
	} else if (place->kind == ASI_KIND_SLAB && asi->is_tables) {
		const struct folio *folio = virt_to_folio((void *)address);

		page = (u64)folio_address(folio);
		size = folio_size(folio);
	}
	asi_flag_leaf(&place->leaf, page, size);
	/* Pairs with the test of the flag in __asi_free_pages(). */
	smp_mb();
	asi_classify(asi, address, &again);
	if (again.kind != place->kind || again.leaf.pa != place->leaf.pa)
		return -EAGAIN;
	if (place->kind == ASI_KIND_OWN_TABLE) {
		err = asi_map_table(asi, page);
		if (!err)
			asi_grow_ahead(asi, page);
		return err;
	}
	return asi_pt_clone(&asi->pt, asi_kernel_root(), page, size, place->kind, NULL, NULL);
}

/*
 * Whoever holds a lock may be this CPU, interrupted, so there is one try.  Not in the
 * domain of a task: what holds such a lock runs outside, and on another CPU.
 */
#define ASI_LOCK_TRIES	(1U << 20)

/*
 * Map the page in @into, which may be the base map, and see that @asi shows it.
 * A leaf of a borrowed table stays as it is: without this look the same access
 * would fault for ever.
 */
static bool asi_grow_in(struct asi *into, const struct asi *asi,
			unsigned long address, struct asi_place *place,
			enum asi_access access)
{
	unsigned int tries = asi->user.task ? ASI_LOCK_TRIES : 1;
	u64 page = address & PAGE_MASK;
	struct asi_leaf leaf;
	u32 replaced;
	int err;

	while (!raw_spin_trylock(&into->lock)) {
		if (!--tries)
			return false;
		cpu_relax();
	}
	replaced = asi_pt_replaced(&into->pt);
	err = address < TASK_SIZE_MAX ? asi_grow_user(into, page, place) :
					asi_grow_kernel(into, address, page, place);
	if (!err && (!asi_pt_lookup(&asi->pt, address, &leaf) ||
		     !asi_entry_allows(leaf.entry, access)))
		err = -EACCES;
	asi_inc_tlb_gen_if_replaced(into, replaced);
	raw_spin_unlock(&into->lock);

	if (err == -ENOMEM)
		asi_count(ASI_EV_RESERVE_EMPTY);
	asi_refill_later(into);
	return !err;
}

/* Map what is touched as its owner has it.  False: leave instead. */
static bool asi_grow(struct asi *asi, unsigned long address,
		     struct asi_place *place, enum asi_access access)
{
	/* Every domain reads the memory map: once for all. */
	if (place->kind == ASI_KIND_VMEMMAP &&
	    asi_grow_in(asi_base, asi, address, place, access))
		return true;
	if (asi->shared && asi_grow_in(asi->shared, asi, address, place, access))
		return true;
	/* Before the frame is flagged: who frees it looks here after the flag. */
	WRITE_ONCE(asi->user.grew, true);
	return asi_grow_in(asi, asi, address, place, access);
}

/* The pages of a question that its consumer let in.  The one touched has to be there. */
static bool asi_grow_answer(struct asi *asi, const struct asi_question *q,
			    struct asi_place *place)
{
	struct asi_place other;
	unsigned long page;

	for (page = q->start; page < q->end; page += PAGE_SIZE) {
		if (page == (q->address & PAGE_MASK))
			continue;
		asi_classify(asi, page, &other);
		if (other.kind == place->kind && asi_kernel_allows(&other, q->access))
			asi_grow(asi, page, &other, q->access);
	}
	return asi_grow(asi, q->address, place, q->access);
}

static void asi_remember(struct asi_cpu *cpu, struct pt_regs *regs,
			 const struct asi_place *place, enum asi_access access)
{
	if (cpu->leave.how != ASI_LEAVE_NONE)
		return;
	cpu->leave.how = ASI_LEAVE_FAULT;
	cpu->leave.ip = regs->ip;
	cpu->leave.kind = place->kind;
	cpu->leave.access = access;
	strscpy(cpu->leave.cache, place->cache ?: "", sizeof(cpu->leave.cache));
}

static void asi_log(struct asi *asi, struct pt_regs *regs, unsigned long address,
		    const struct asi_place *place, enum asi_access access,
		    enum asi_action action, bool critical)
{
	struct asi_fault_record record = {
		.ip = regs->ip,
		.address = address,
		.pid = current->pid,
		.cpu = raw_smp_processor_id(),
		.kind = place->kind,
		.access = access,
		.action = action,
		.in_critical = critical,
	};
	u64 now = sched_clock();

	if (place->cache)
		strscpy(record.cache, place->cache, sizeof(record.cache));
	record.last_ns = now;
	asi_log_fault(&asi_logs[asi->cls], &record, now);
}

static void asi_ask(struct asi_question *question, const struct pt_regs *regs,
		    unsigned long address, const struct asi_place *place,
		    enum asi_access access)
{
	*question = (struct asi_question){
		.regs = regs,
		.address = address,
		.kind = place->kind,
		.access = access,
		.cache = place->cache,
		.fixable = access != ASI_ACCESS_EXEC && search_exception_tables(regs->ip),
		.reason = "policy",
		.start = address & PAGE_MASK,
		.end = (address & PAGE_MASK) + PAGE_SIZE,
	};
}

static enum asi_outcome asi_handle_fault(struct asi_cpu *cpu, struct asi *asi,
					 struct pt_regs *regs,
					 unsigned long error_code,
					 unsigned long address)
{
	enum asi_access access = asi_access_of(error_code);
	bool critical = cpu->critical;
	struct asi_question question;
	struct asi_verdict verdict;
	struct asi_place place;

	asi_count(ASI_EV_FAULT);
	asi_classify(asi, address, &place);
	verdict = asi_decide(asi->cls, &place, access);
	asi_ask(&question, regs, address, &place, access);

	/* A genuine bad access faults again outside, on the normal path. */
	if (verdict.action == ASI_ACTION_GROW &&
	    (!asi_kernel_allows(&place, access) || (error_code & X86_PF_RSVD))) {
		if (asi->user.task)
			return ASI_PASS_ON;
		verdict.action = ASI_ACTION_EXIT;
	}
	if (verdict.action == ASI_ACTION_GROW && asi->ops && asi->ops->judge &&
	    !asi->ops->judge(asi->owner, &question)) {
		verdict.action = ASI_ACTION_DENY;
		verdict.log = true;
	}
	if (verdict.action == ASI_ACTION_GROW && !asi_grow_answer(asi, &question, &place)) {
		verdict.action = ASI_ACTION_EXIT;
		verdict.log |= !!asi->user.task;
	}
	if (verdict.action == ASI_ACTION_DENY && asi->ops && asi->ops->refused &&
	    asi->ops->refused(asi->owner, &question))
		verdict.action = ASI_ACTION_EXIT;

	trace_fault(asi->id, asi->cls, regs->ip, address, place.kind, access,
		    verdict.action);
	if (verdict.log)
		asi_log(asi, regs, address, &place, access, verdict.action, critical);

	switch (verdict.action) {
	case ASI_ACTION_GROW:
		asi_count(ASI_EV_GROW);
		return ASI_GO_BACK_IN;
	case ASI_ACTION_DENY:
		asi_count(ASI_EV_DENY);
		if (fixup_exception(regs, X86_TRAP_PF, error_code, address))
			return ASI_GO_BACK_IN;
		asi_remember(cpu, regs, &place, access);
		return ASI_KILL;
	default:
		asi_remember(cpu, regs, &place, access);
		asi_count(ASI_EV_LEAVE_FAULT);
		return ASI_STAY_OUT;
	}
}

/* The interrupts' entry comes next, and its end brings the task back. */
static __always_inline bool asi_pass_on(struct asi_cpu *cpu)
{
	asi_tlb_set_outside(cpu);
	cpu->back = true;
	return false;
}

/*
 * The task dies as by an oops.  Soft interrupts that it had switched off would make
 * that the machine's end.
 */
static void asi_die(struct asi *asi, struct pt_regs *regs, unsigned long error_code,
		    unsigned long address)
{
	struct asi_place place;

	asi_classify(asi, address, &place);
	pr_alert("domain %u: denied: access %s kind %s%s%s address %#lx\n", asi->id,
		 asi_access_name(asi_access_of(error_code)), asi_kind_name(place.kind),
		 place.cache ? ":" : "", place.cache ?: "", address);
	while (softirq_count())
		_local_bh_enable();
	die("asi: access denied by policy", regs, error_code);
}

noinstr bool __asi_fault(struct pt_regs *regs, unsigned long error_code,
			 unsigned long address)
{
	struct asi_cpu *cpu = raw_cpu_ptr(&asi_cpu);
	struct asi *asi = cpu->curr;
	enum asi_outcome outcome;
	irqentry_state_t state;

	if (!asi)
		return asi_repair_root(cpu);
	asi_switch_out(cpu);

	/* The process's own memory is the kernel's business, and fetches are none. */
	if (asi->user.task && address < TASK_SIZE_MAX && !(error_code & X86_PF_INSTR)) {
		if (!asi_populate_user_pgd(asi, address))
			return asi_pass_on(cpu);
		asi_switch_in(cpu, asi);
		return true;
	}

	state = irqentry_nmi_enter(regs);
	instrumentation_begin();
	outcome = asi_handle_fault(cpu, asi, regs, error_code, address);
	instrumentation_end();
	irqentry_nmi_exit(regs, state);

	if (outcome == ASI_GO_BACK_IN) {
		asi_switch_in(cpu, asi);
		return true;
	}
	if (outcome == ASI_PASS_ON)
		return asi_pass_on(cpu);
	/* In a critical section the root may be on its way into CR3 again. */
	if (!cpu->critical)
		asi_tlb_set_outside(cpu);
	if (outcome == ASI_KILL) {
		current->asi.inside = NULL;
		state = irqentry_enter(regs);
		instrumentation_begin();
		asi_die(asi, regs, error_code, address);
		instrumentation_end();
		irqentry_exit(regs, state);
	}
	return true;
}
