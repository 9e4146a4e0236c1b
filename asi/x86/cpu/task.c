// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strict domains of single tasks.
 *
 * Between asi_begin() and asi_end() the task's own code runs inside, on whatever
 * CPU.  Everything else that the CPU does for the task or in its place runs
 * outside and comes back: interrupts and the handling of faults on user addresses
 * by the entry code, the scheduler and others by gates.  So "inside" is a property
 * of the task, and where to return to never has to be remembered elsewhere.
 *
 * The user half is the process's: its top-level entries, copied when they are
 * touched.  What is below them is the process's own tables.  Its flushes count
 * themselves in mm->context.tlb_gen before they interrupt this CPU, and interrupts
 * step out: a change of the count is seen before the CPU is inside again.
 */
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <asm/mmu_context.h>
#include <asm/pgtable.h>
#include <asi/gate.h>
#include "cpu/smt.h"
#include "cpu/switch.h"

DEFINE_STATIC_KEY_FALSE(asi_gate_key);
EXPORT_SYMBOL_GPL(asi_gate_key);

/* A table that an entry led to may be freed by now. */
static __always_inline void asi_sync_user_pgd(struct asi_task_domain *domain)
{
	const struct mm_struct *mm = current->mm;
	u64 gen = raw_atomic64_read(&mm->context.tlb_gen);
	unsigned int i;

	if (likely(domain->ctx_id == mm->context.ctx_id && domain->tlb_gen == gen))
		return;
	for (i = 0; i < domain->count; i++)
		WRITE_ONCE(domain->root[domain->slot[i]],
			   READ_ONCE(mm->pgd[domain->slot[i]].pgd));
	domain->ctx_id = mm->context.ctx_id;
	domain->tlb_gen = gen;
	asi_inc_tlb_gen(&domain->asi.space);
}

/* Of asi_begin(): no other domain is a task's to be inside of. */
static __always_inline struct asi_task_domain *asi_inside(struct asi *asi)
{
	return container_of(asi, struct asi_task_domain, asi);
}

static __always_inline void asi_enter_task_domain_inline(struct asi_cpu *cpu,
							 struct asi_task_domain *domain)
{
	struct asi_tlb_check check ASI_TLB_UNINITIALIZED;
	struct asi *asi = &domain->asi;
	unsigned long cr3;

	asi_sync_user_pgd(domain);
	cpu->unrestricted_cr3 = __native_read_cr3();
	cpu->critical = false;
	if (unlikely(cpu->last != asi)) {
		asi_switch_in(cpu, asi);
		return;
	}
	/* asi_switch_in(), when it would find that nothing changed. */
	cpu->curr = asi;
	barrier();
	asi_tlb_check_begin(&check, &asi->space);
	if (unlikely(!asi_tlb_again(&asi_tlb, &cpu->tlb, &asi->space.tlb))) {
		asi_switch_in(cpu, asi);
		return;
	}
	asi_tlb_check_load(&check, &asi->space, cpu->tlb.current_slot, !cpu->tlb.slots);
	cr3 = asi_cr3_to_load(cpu, cpu->restricted_cr3, false);
	if (!cpu->tlb.slots)
		asi_count(ASI_EV_CR3_FLUSH);
	native_write_cr3(cr3);
	asi_count(ASI_EV_CR3_WRITE);
	asi_smt_entered();
}

noinstr void asi_enter_task_domain(struct asi_cpu *cpu, struct asi_task_domain *domain)
{
	asi_enter_task_domain_inline(cpu, domain);
}

noinstr bool asi_populate_user_pgd(struct asi_task_domain *domain, unsigned long address)
{
	unsigned int slot = pgd_index(address), i;
	u64 entry;

	asi_sync_user_pgd(domain);
	entry = READ_ONCE(current->mm->pgd[slot].pgd);
	if (!(entry & _PAGE_PRESENT) || domain->root[slot] == entry)
		return false;
	for (i = 0; i < domain->count; i++) {
		if (domain->slot[i] == slot)
			break;
	}
	if (i == ASI_USER_SLOTS) {
		i = domain->victim;
		domain->victim = (i + 1) % ASI_USER_SLOTS;
		WRITE_ONCE(domain->root[domain->slot[i]], 0);
		asi_inc_tlb_gen(&domain->asi.space);
	} else if (i == domain->count) {
		domain->count++;
	} else if (domain->root[slot]) {
		asi_inc_tlb_gen(&domain->asi.space);
	}
	domain->slot[i] = slot;
	WRITE_ONCE(domain->root[slot], entry);
	return true;
}

noinstr void asi_begin(struct asi *asi)
{
	struct asi_cpu *cpu;

	raw_local_irq_disable();
	cpu = raw_cpu_ptr(&asi_cpu);
	current->asi.inside = asi;
	asi_count(ASI_EV_ENTER);
	asi_enter_task_domain_inline(cpu, asi_inside(asi));
	raw_local_irq_enable();
}

noinstr void asi_end(void)
{
	struct asi_cpu *cpu;

	if (!current->asi.inside)
		return;
	raw_local_irq_disable();
	cpu = raw_cpu_ptr(&asi_cpu);
	current->asi.inside = NULL;
	asi_step_outside_if_inside(cpu);
	raw_local_irq_enable();
}

/*
 * A task that is inside is so on whatever CPU it runs: one read, which an
 * interrupt cannot divide, tells.
 */
static __always_inline bool asi_pause_from(struct asi *asi)
{
	struct asi_cpu *cpu;
	unsigned long flags;

	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	asi_step_outside(cpu);
	asi_count(ASI_EV_GATE);
	raw_local_irq_restore(flags);
	return true;
}

/* A namespace's domain shows all of the kernel, and gates may lie on the way to payload. */
noinstr bool __asi_pause(void)
{
	struct asi *asi = raw_cpu_read(asi_cpu.curr);

	if (likely(!asi) || asi != current->asi.inside || asi->space.cls == ASI_CLASS_NETNS)
		return false;
	return asi_pause_from(asi);
}
EXPORT_SYMBOL_GPL(__asi_pause);

noinstr bool __asi_pause_any(void)
{
	struct asi *asi = raw_cpu_read(asi_cpu.curr);

	if (likely(!asi) || asi != current->asi.inside)
		return false;
	return asi_pause_from(asi);
}
EXPORT_SYMBOL_GPL(__asi_pause_any);

noinstr void __asi_resume(void)
{
	struct asi *asi = current->asi.inside;
	struct asi_cpu *cpu;
	unsigned long flags;

	/* The task was refused meanwhile, or has ended. */
	if (unlikely(!asi))
		return;
	raw_local_irq_save(flags);
	cpu = raw_cpu_ptr(&asi_cpu);
	/* Whoever needed a refuge meanwhile has left its bracket. */
	if (unlikely(cpu->curr && cpu->curr->space.type == ASI_SPACE_REFUGE))
		asi_step_outside(cpu);
	if (likely(!cpu->curr))
		asi_enter_task_domain_inline(cpu, asi_inside(asi));
	raw_local_irq_restore(flags);
}
EXPORT_SYMBOL_GPL(__asi_resume);
