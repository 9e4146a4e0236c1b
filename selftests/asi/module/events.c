// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of events of asi_test/entries.  For each exception: how to provoke it, and
 * the handler that notices it.  Interrupts are in events_irq.c.
 */
#include <linux/cpumask.h>
#include <linux/hw_breakpoint.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/apic.h>
#include <asm/asm.h>
#include <asm/debugreg.h>
#include <asm/nmi.h>
#include <asm/processor.h>
#include "entries.h"

struct asi_entry *asi_awaited;

/* ---- NMI -------------------------------------------------------------- */

static bool asi_nmi_sent;

static int asi_on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!READ_ONCE(asi_nmi_sent) || raw_smp_processor_id() != task_cpu(asi_awaited->task))
		return NMI_DONE;
	WRITE_ONCE(asi_nmi_sent, false);
	asi_entry_seen(asi_awaited);
	return NMI_HANDLED;
}

static int asi_nmi_begin(struct asi_entry *entry)
{
	asi_awaited = entry;
	return register_nmi_handler(NMI_LOCAL, asi_on_nmi, 0, "asi_test");
}

static void asi_nmi_provoke(struct asi_entry *entry)
{
	unsigned int seen = entry->seen;

	WRITE_ONCE(asi_nmi_sent, true);
	__apic_send_IPI_mask(cpumask_of(raw_smp_processor_id()), NMI_VECTOR);
	asi_entry_await(entry, seen);
}

static void asi_nmi_end(struct asi_entry *entry)
{
	unregister_nmi_handler(NMI_LOCAL, "asi_test");
}

/* ---- #BP and single steps --------------------------------------------- */

static int asi_on_die(struct notifier_block *nb, unsigned long val, void *data)
{
	struct die_args *args = data;
	bool is_step = val == DIE_DEBUG &&
		       (*(unsigned long *)ERR_PTR(args->err) & DR_STEP);

	if (current != asi_awaited->task || !(is_step || val == DIE_INT3))
		return NOTIFY_DONE;
	asi_entry_seen(asi_awaited);
	return NOTIFY_STOP;
}

static struct notifier_block asi_die_notifier = { .notifier_call = asi_on_die };

static int asi_die_begin(struct asi_entry *entry)
{
	asi_awaited = entry;
	return register_die_notifier(&asi_die_notifier);
}

static void asi_int3_provoke(struct asi_entry *entry)
{
	asm volatile("int3");
}

static __always_inline void asi_step_on(void)
{
	asm volatile("pushf; orq %0, (%%rsp); popf" : : "i" (X86_EFLAGS_TF) : "memory", "cc");
}

static __always_inline void asi_step_off(void)
{
	asm volatile("pushf; andq %0, (%%rsp); popf" : : "i" (~X86_EFLAGS_TF) : "memory", "cc");
}

static void asi_step_provoke(struct asi_entry *entry)
{
	asi_step_on();
	asm volatile("nop; nop; nop; nop");
	asi_step_off();
}

/*
 * A #DB after every instruction of entering, relaxing and leaving: whatever
 * NMI-like entries can meet in the middle of a switch, they meet here.
 */
static void asi_switch_round(struct asi_entry *entry)
{
	enum asi_where relaxed, left;

	preempt_disable();
	local_irq_disable();
	asi_entry_go_in(entry);
	asi_relax();
	asi_exit();

	asi_step_on();
	asi_enter(entry->asi);
	asi_relax();
	relaxed = asi_entry_where(entry);
	asi_exit();
	left = asi_entry_where(entry);
	asi_step_off();

	asi_entry_count(entry, relaxed);
	if (left != ASI_OUTSIDE || asi_entry_where(entry) != ASI_OUTSIDE)
		entry->wrong++;
	local_irq_enable();
	preempt_enable();
	cond_resched();
}

static void asi_die_end(struct asi_entry *entry)
{
	unregister_die_notifier(&asi_die_notifier);
}

/* ---- kprobe ----------------------------------------------------------- */

/* notrace: ftrace would turn the probe into a call. */
static noinline notrace void asi_kprobe_site(void)
{
	asm volatile("nop");
}

static int asi_on_kprobe(struct kprobe *kprobe, struct pt_regs *regs)
{
	asi_entry_seen(asi_awaited);
	return 0;
}

/* A probe with a post handler stays a breakpoint and is not optimized to a jump. */
static void asi_after_kprobe(struct kprobe *kprobe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe asi_kprobe;

static int asi_kprobe_begin(struct asi_entry *entry)
{
	asi_awaited = entry;
	asi_kprobe = (struct kprobe){
		.symbol_name = "asi_kprobe_site",
		.pre_handler = asi_on_kprobe,
		.post_handler = asi_after_kprobe,
	};
	return register_kprobe(&asi_kprobe);
}

static void asi_kprobe_provoke(struct asi_entry *entry)
{
	asi_kprobe_site();
}

static void asi_kprobe_end(struct asi_entry *entry)
{
	unregister_kprobe(&asi_kprobe);
}

/* ---- #DB by a data breakpoint ----------------------------------------- */

static struct perf_event * __percpu *asi_watch_events;
static unsigned long asi_watched;

static void asi_on_watch(struct perf_event *event, struct perf_sample_data *data,
			 struct pt_regs *regs)
{
	asi_entry_seen(asi_awaited);
}

static int asi_watch_begin(struct asi_entry *entry)
{
	struct perf_event_attr attr;

	asi_awaited = entry;
	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)&asi_watched;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_W;
	asi_watch_events = register_wide_hw_breakpoint(&attr, asi_on_watch, NULL);
	return PTR_ERR_OR_ZERO((void __force *)asi_watch_events);
}

static void asi_watch_provoke(struct asi_entry *entry)
{
	WRITE_ONCE(asi_watched, asi_watched + 1);
}

static void asi_watch_end(struct asi_entry *entry)
{
	unregister_wide_hw_breakpoint(asi_watch_events);
}

/* ---- #MC -------------------------------------------------------------- */

/*
 * By INT: the real gate, stack and handler, which finds all banks empty.  On
 * AMD processors; elsewhere the handler would wait for the other CPUs to come.
 */
static int asi_mc_begin(struct asi_entry *entry)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_AMD ? 0 : -ENODEV;
}

static void asi_mc_provoke(struct asi_entry *entry)
{
	asm volatile("int $0x12" : : : "memory");
}

/* ---- #UD, #GP --------------------------------------------------------- */

static void asi_ud_provoke(struct asi_entry *entry)
{
	asm volatile("1: ud2\n2:\n" _ASM_EXTABLE(1b, 2b) : : : "memory");
	entry->seen++;
}

/* The report is written in the exception, before the kernel counts it as one. */
static void asi_warn_provoke(struct asi_entry *entry)
{
	WARN_ON(entry);
	entry->seen++;
}

static void asi_gp_provoke(struct asi_entry *entry)
{
	unsigned long value = 1UL << 63;

	asm volatile("1: mov (%0), %0\n2:\n" _ASM_EXTABLE(1b, 2b) : "+r" (value) : : "memory");
	entry->seen += value == 1UL << 63;
}

/* ---- #PF -------------------------------------------------------------- */

static void *asi_pf_area;
static unsigned long asi_pf_address;

/* The page behind an area is never mapped. */
static int asi_pf_unmapped_begin(struct asi_entry *entry)
{
	asi_pf_area = vmalloc(PAGE_SIZE);
	asi_pf_address = (unsigned long)asi_pf_area + PAGE_SIZE;
	return asi_pf_area ? 0 : -ENOMEM;
}

static void asi_pf_unmapped_end(struct asi_entry *entry)
{
	vfree(asi_pf_area);
}

/* Mapped by the kernel, and nothing of the domain's: the policy says what happens. */
static int asi_pf_page_begin(struct asi_entry *entry)
{
	asi_pf_address = __get_free_page(GFP_KERNEL);
	return asi_pf_address ? 0 : -ENOMEM;
}

static void asi_pf_page_end(struct asi_entry *entry)
{
	free_page(asi_pf_address);
}

/* Seen: the access failed. */
static void asi_pf_provoke(struct asi_entry *entry)
{
	unsigned long value;

	if (copy_from_kernel_nofault(&value, (void *)asi_pf_address, sizeof(value)))
		entry->seen++;
}

/* ---- #DF: the kernel dies of it --------------------------------------- */

static noinline int asi_df_deeper(unsigned long left)
{
	char frame[256];

	OPTIMIZER_HIDE_VAR(left);
	memset(frame, left & 0xff, sizeof(frame));
	barrier_data(frame);
	return left ? asi_df_deeper(left - 1) + frame[0] : 0;
}

static void asi_df_overflow_provoke(struct asi_entry *entry)
{
	asi_df_deeper(THREAD_SIZE);
}

/* Without a stack the CPU cannot deliver the page fault that this is. */
static void asi_df_no_stack_provoke(struct asi_entry *entry)
{
	asi_exit();
	asi_enter(entry->asi);
}

static int asi_df_no_stack_begin(struct asi_entry *entry)
{
	asi_unmap(entry->asi, task_stack_page(current), THREAD_SIZE);
	return 0;
}

const struct asi_event asi_events_table[] = {
	{ "nmi", 0, asi_nmi_begin, asi_nmi_provoke, NULL, asi_nmi_end },
	{ "int3", 0, asi_die_begin, asi_int3_provoke, NULL, asi_die_end },
	{ "kprobe", 0, asi_kprobe_begin, asi_kprobe_provoke, NULL, asi_kprobe_end },
	{ "step", 0, asi_die_begin, asi_step_provoke, NULL, asi_die_end },
	{ "switch", ASI_EVENT_RELAXED, asi_die_begin, NULL, asi_switch_round, asi_die_end },
	{ "watch", 0, asi_watch_begin, asi_watch_provoke, NULL, asi_watch_end },
	{ "mc", 0, asi_mc_begin, asi_mc_provoke },
	{ "ud", 0, NULL, asi_ud_provoke },
	{ "warn", 0, NULL, asi_warn_provoke },
	{ "gp", 0, NULL, asi_gp_provoke },
	{ "pf_unmapped", 0, asi_pf_unmapped_begin, asi_pf_provoke, NULL, asi_pf_unmapped_end },
	{ "pf_page", 0, asi_pf_page_begin, asi_pf_provoke, NULL, asi_pf_page_end },
	{ "irq", ASI_EVENT_IRQS, asi_irq_begin, asi_irq_provoke, NULL, asi_irq_end },
	{ "softirq", ASI_EVENT_IRQS, asi_irq_begin, asi_softirq_provoke, NULL, asi_softirq_end },
	{ "timer", ASI_EVENT_RELAXED, asi_timer_begin, NULL, asi_timer_round, asi_timer_end },
	{ "ipi", ASI_EVENT_IRQS, asi_ipi_begin, asi_ipi_provoke, NULL, asi_ipi_end },
	{ "preempt", ASI_EVENT_RELAXED, asi_preempt_begin, NULL, asi_preempt_round,
	  asi_preempt_end },
	{ "migrate", ASI_EVENT_RELAXED, asi_migrate_begin, NULL, asi_preempt_round,
	  asi_preempt_end },
	{ "df_overflow", 0, NULL, asi_df_overflow_provoke },
	{ "df_no_stack", 0, asi_df_no_stack_begin, asi_df_no_stack_provoke },
	{ }
};
