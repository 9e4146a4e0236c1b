// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle's look at what is not an entry of a table: the CPUs' records
 * against CR3, other tasks' memory, the base map of every possible CPU, and
 * the quarantine.
 */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <asm/cpu_entry_area.h>
#include <asm/processor.h>
#include <asm/sections.h>
#include <asm/tlbflush.h>
#include "fault/fault.h"
#include "report/verify.h"

/* ---- CPUs ------------------------------------------------------------- */

struct asi_cpu_finding {
	const char *what;
	u64 value;
};

static bool asi_is_root(u64 cr3)
{
	struct asi_space *space;

	list_for_each_entry(space, &asi_spaces, list) {
		if (space->root == (cr3 & CR3_ADDR_MASK))
			return true;
	}
	list_for_each_entry(space, &asi_wholes, list) {
		if (space->root == (cr3 & CR3_ADDR_MASK))
			return true;
	}
	return false;
}

static bool asi_is_listed(const struct asi *wanted)
{
	struct asi_space *space;

	list_for_each_entry(space, &asi_spaces, list) {
		if (space == &wanted->space)
			return true;
	}
	list_for_each_entry(space, &asi_wholes, list) {
		if (space == &wanted->space)
			return true;
	}
	return false;
}

static const char *asi_wrong_slots(const struct asi_tlb_cpu *tlb)
{
	unsigned int i, j;

	for (i = 0; i < tlb->slots; i++) {
		for (j = 0; j < i; j++) {
			if (tlb->slot[i].domain && tlb->slot[i].domain == tlb->slot[j].domain)
				return "two PCIDs for one domain on a CPU";
		}
	}
	return NULL;
}

static const char *asi_wrong_inside(const struct asi_cpu *cpu, u64 cr3)
{
	const struct asi_tlb_cpu *tlb = &cpu->tlb;

	if (!asi_is_listed(cpu->curr))
		return "a CPU is inside a domain that is gone";
	if ((cr3 & CR3_ADDR_MASK) != cpu->curr->space.root)
		return "a CPU's CR3 is not that of its domain";
	if (cr3 != cpu->restricted_cr3)
		return "a CPU's CR3 is not what its record says";
	if (asi_is_root(cpu->unrestricted_cr3))
		return "a CPU would leave to a restricted root";
	if (tlb->inside != (u64)&cpu->curr->space.tlb)
		return "a CPU is inside and does not count as such";
	if (tlb->slots && (tlb->slot[tlb->current_slot].domain != cpu->curr->space.tlb.id ||
			   (cr3 & X86_CR3_PCID_MASK) != ASI_PCID + tlb->current_slot))
		return "a CPU uses the PCID of another domain";
	return NULL;
}

static const char *asi_wrong_outside(const struct asi_cpu *cpu, u64 cr3)
{
	struct mm_struct *mm = this_cpu_read(cpu_tlbstate.loaded_mm);

	if (asi_is_root(cr3))
		return "a CPU is inside a domain and has no record of it";
	if ((cr3 & CR3_ADDR_MASK) != __pa(mm->pgd))
		return "a CPU's CR3 is not that of its process";
	if (cpu->last && !asi_is_listed(cpu->last))
		return "a CPU may go back to a domain that is gone";
	/* A critical section that lost its domain waits for asi_relax(). */
	if (cpu->tlb.inside && !cpu->critical)
		return "a CPU is outside and counts as inside";
	return NULL;
}

/* Interrupts off: nothing is half-way on this CPU. */
static void asi_look_at_cpu(void *info)
{
	const struct asi_cpu *cpu = this_cpu_ptr(&asi_cpu);
	struct asi_cpu_finding *finding = info;
	u64 cr3 = __native_read_cr3();

	finding->value = cr3;
	finding->what = cpu->curr ? asi_wrong_inside(cpu, cr3) :
				    asi_wrong_outside(cpu, cr3);
	if (!finding->what)
		finding->what = asi_wrong_slots(&cpu->tlb);
}

void asi_verify_cpus(struct asi_verify *v)
{
	struct asi_cpu_finding finding;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		finding.what = NULL;
		smp_call_function_single(cpu, asi_look_at_cpu, &finding, 1);
		if (finding.what)
			asi_violate(v, cpu, finding.value, finding.what);
	}
	cpus_read_unlock();
}

/* ---- One domain ------------------------------------------------------- */

static bool asi_maps(const struct asi_verify *v, u64 va, u64 *entry)
{
	bool writable;
	u64 pfn;

	*entry = asi_raw_leaf(__va(v->space->root), va, &pfn, &writable);
	return *entry;
}

static void asi_verify_absent(struct asi_verify *v, u64 start, u64 size,
			      const char *what)
{
	u64 va, entry;

	for (va = start & PAGE_MASK; va < start + size; va += PAGE_SIZE) {
		if (asi_maps(v, va, &entry))
			asi_violate(v, va, entry, what);
	}
}

static void asi_verify_present(struct asi_verify *v, u64 start, u64 end,
			       const char *what)
{
	u64 va, entry, pfn;
	bool writable;

	for (va = start & PAGE_MASK; va < end; va += PAGE_SIZE) {
		if (!asi_maps(v, va, &entry) &&
		    asi_raw_leaf((u64 *)init_mm.pgd, va, &pfn, &writable))
			asi_violate(v, va, 0, what);
	}
}

/* Other tasks are what system calls deal with.  Their stacks are not. */
static void asi_verify_other_stack(struct asi_verify *v, const struct task_struct *t)
{
	void *stack = READ_ONCE(t->stack);

	if (stack && (!v->task || t != v->task->task))
		asi_verify_absent(v, (u64)stack, THREAD_SIZE, "stack of another task");
}

/* A domain of kernel threads belongs to all of them. */
void asi_verify_tasks(struct asi_verify *v)
{
	const struct asi_space *space = v->space;
	struct task_struct *p, *t;
	void *stack;

	for_each_process_thread(p, t) {
		if (space->cls == ASI_CLASS_SCI) {
			asi_verify_other_stack(v, t);
			continue;
		}
		if (v->owner ? t->tgid == space->pid : !t->mm)
			continue;
		asi_verify_absent(v, (u64)t + ASI_TASK_OPEN,
				  arch_task_struct_size - ASI_TASK_OPEN,
				  "task_struct of another process");
		stack = READ_ONCE(t->stack);
		if (stack)
			asi_verify_absent(v, (u64)stack, THREAD_SIZE,
					  "stack of another process");
	}
}

void asi_verify_base(struct asi_verify *v)
{
	u64 start;
	int cpu;

	asi_verify_present(v, (u64)__entry_text_start, (u64)__entry_text_end,
			   "entry text is missing");
	asi_verify_present(v, (u64)__noinstr_text_start, (u64)__noinstr_text_end,
			   "noinstr text is missing");
	asi_verify_present(v, CPU_ENTRY_AREA_RO_IDT, CPU_ENTRY_AREA_RO_IDT + PAGE_SIZE,
			   "the IDT is missing");
	for_each_possible_cpu(cpu) {
		start = (u64)__per_cpu_start + per_cpu_offset(cpu);
		asi_verify_present(v, start, start + asi_percpu_size(),
				   "a CPU's per-CPU area is missing");
		start = (u64)get_cpu_entry_area(cpu);
		asi_verify_present(v, start, start + CPU_ENTRY_AREA_SIZE,
				   "a CPU's entry area is missing");
		start = (u64)per_cpu(pcpu_hot.hardirq_stack_ptr, cpu) + 8 - IRQ_STACK_SIZE;
		asi_verify_present(v, start, start + IRQ_STACK_SIZE,
				   "a CPU's interrupt stack is missing");
	}
}

static void asi_verify_quarantined(void *ctx, unsigned long pfn, unsigned long pages)
{
	asi_verify_absent(ctx, (u64)__va(PFN_PHYS(pfn)), pages << PAGE_SHIFT,
			  "page in quarantine");
}

void asi_verify_quarantine(struct asi_verify *v)
{
	asi_quarantine_walk(asi_verify_quarantined, v);
}
