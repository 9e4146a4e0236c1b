/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel-facing API of address-space isolation: what consumers call.
 * What the hooks call is in hooks.h.
 */
#ifndef ASI_ASI_H
#define ASI_ASI_H

#include <linux/jump_label.h>
#include <linux/percpu-defs.h>
#include <linux/types.h>
#include <asi/types.h>

struct asi;
struct task_struct;

/*
 * What ran on this CPU since it was last read and cleared: bits of asi/flush.h.
 * Interrupts off.
 */
DECLARE_PER_CPU(u8, asi_taints);

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

/**
 * asi_enabled - is isolation switched on for this boot?
 *
 * Constant after early boot.  Any context.
 */
bool asi_enabled(void);

/**
 * asi_on_off_param - read a boot parameter that is "on" or "off"
 * @who:   stands in front of the complaint
 * @name:  of the parameter
 * @arg:   its text, or NULL
 * @value: unchanged when the text is neither, which is reported in one line
 *
 * Early boot.
 * Return: was it one of the two?
 */
bool asi_on_off_param(const char *who, const char *name, const char *arg, bool *value);

struct asi_tables;

/* A fault that is being dealt with, and the consumer's answer. */
struct asi_fault {
	struct asi_fault_info info;	/* @info.action is not known yet */
	struct pt_regs *regs;
	unsigned long error_code;
	bool fixable;			/* the exception table has an answer to it */
	const char *reason;		/* answer, one word: why not */
	unsigned long start, end;	/* answer: bring in these pages; set to the one touched */
};

/**
 * struct asi_ops - what the core asks a consumer
 * @owns_user: do all of these user addresses belong to the domain's work, so
 *	that they count as guest memory?  Called in the fault path, under the
 *	domain's lock too: no locks, no sleeping, and "no" in any doubt.  May be
 *	NULL.
 * @translates: is the running task at work for the domain on one user address
 *	that it may have to translate?  Then the process's tables for that address
 *	are kind own_table.  Called as @owns_user.  May be NULL.
 * @validate: the policy lets a touch in: does the consumer?  In the fault path,
 *	unrestricted, like an NMI: no locks, no sleeping, no allocation.  May be NULL.
 * @owns_object: has the consumer mapped an object that lies in [@start, @start + @size)?
 *	For reports.  Process context, may sleep.  May be NULL.
 * @missing: a domain of asi_create_whole() lacks what the kernel has at @address: bring
 *	it in.  Called as @validate.  False: the CPU leaves.  May be NULL.
 * @refused: a touch is refused.  True: the task goes on, outside until its work is
 *	done.  Called as @validate.  May be NULL.
 */
struct asi_ops {
	bool (*validate)(void *owner, struct asi_fault *fault);
	bool (*refused)(void *owner, const struct asi_fault *fault);
	bool (*missing)(void *owner, unsigned long address);
	bool (*owns_user)(void *owner, unsigned long start, unsigned long size);
	bool (*owns_object)(void *owner, unsigned long start, unsigned long size);
	bool (*translates)(void *owner, unsigned long *address);
};

/**
 * asi_create - make a domain with the base map and nothing else
 * @cls: kind of consumer, selects policy and rules for interrupts
 * @ops: callbacks, or NULL
 * @owner: handed to the callbacks
 *
 * Process context, may sleep.
 * Return: the domain, or ERR_PTR: -EOPNOTSUPP when isolation is off, -ENOMEM.
 */
struct asi *asi_create(enum asi_class cls, const struct asi_ops *ops, void *owner);

/**
 * asi_prepare_strict - note what strict domains must know of memory
 *
 * Switches the hooks of the page allocator on, so that they know of all pages of
 * user space; before that runs.  Process context, may sleep.
 */
void asi_prepare_strict(void);

/**
 * asi_create_tables - make tables for domains of single tasks to share
 * @cls: kind of consumer
 * @name: shown in place of a process's
 *
 * It has the base map and the kernel's own data, and of the kernel's text what
 * entry needs.  They are never entered.  Process context, may sleep.
 * Return: as asi_create().
 */
struct asi_tables *asi_create_tables(enum asi_class cls, const char *name);

/**
 * asi_destroy_tables - free them
 * @tables: of asi_create_tables(), or NULL; no domain borrows from them any more
 *
 * Process context, may sleep.
 */
void asi_destroy_tables(struct asi_tables *tables);

/**
 * asi_create_for_task - make a strict domain for the running task alone
 * @tables: of asi_create_tables(); what is touched is mapped there, for all
 * @ops: callbacks
 * @owner: handed to the callbacks
 *
 * Beside @tables it has the task's stack, and shows the task's user addresses as
 * the process has them.  Process context, may sleep.
 * Return: as asi_create().
 */
struct asi *asi_create_for_task(struct asi_tables *tables, const struct asi_ops *ops, void *owner);

/**
 * asi_begin - the running task's own code runs inside from here on
 * @asi: of asi_create_for_task(), by this task
 *
 * Wherever the task goes until asi_end(): interrupts, gates, the scheduler and
 * faults on user addresses step out and come back.  Process context, interrupts
 * on, not inside.
 */
void asi_begin(struct asi *asi);

/** asi_end - the end of asi_begin(), if there was one.  Process context, interrupts on. */
void asi_end(void);

/**
 * asi_zap_tables - take a range out of tables, and out of every TLB
 *
 * Process context, interrupts on, may sleep.
 */
void asi_zap_tables(struct asi_tables *tables, unsigned long start, unsigned long size);

/** asi_zap_text - take out of tables all text but what entry needs; as asi_zap_tables() */
void asi_zap_text(struct asi_tables *tables);

/** asi_tables - what asi_create_for_task() was given. */
struct asi_tables *asi_tables(const struct asi *asi);

/** asi_is_mapped - do the tables map this page?  Lockless. */
bool asi_is_mapped(const struct asi_tables *tables, unsigned long address);

/**
 * asi_destroy - take a domain out of use and free it
 * @asi: domain, or NULL
 *
 * No task may enter it any more; CPUs still inside are made to leave.
 * Process context, may sleep.
 */
void asi_destroy(struct asi *asi);

/**
 * asi_map - let a domain see a range that the kernel has mapped
 * @asi:  domain
 * @addr: first byte; the pages that hold the range are mapped whole
 * @size: bytes
 * @kind: what it is, for accounts and audits
 *
 * Frames and rights are the kernel's own of this moment.  The caller unmaps
 * the range before the memory gets another use, unless it belongs to the
 * domain's owner until asi_destroy().  Process context, may sleep.
 * Return: 0, -ENOMEM, -EINVAL, -EFAULT when the kernel maps only part of it, or -ENXIO
 * when a frame lies above all memory that firmware announced at boot.
 */
int asi_map(struct asi *asi, const void *addr, size_t size, enum asi_kind kind);

/**
 * asi_map_reserved - asi_map() where sleeping is out of the question
 * @asi:  domain
 * @addr: first byte; the pages that hold the range are mapped whole
 * @size: bytes
 * @kind: what it is, for accounts and audits
 *
 * Uses the domain's reserve of table pages only.  Any context but NMI.
 * Return: 0, -ENOMEM when the reserve has not enough, or as asi_map().
 */
int asi_map_reserved(struct asi *asi, const void *addr, size_t size,
		     enum asi_kind kind);

/**
 * asi_map_current - map stack and task_struct of the running task
 * @asi: domain that the task will enter
 *
 * They leave the domain when the task ends.  Process context, may sleep.
 * Return: as asi_map().
 */
int asi_map_current(struct asi *asi);

/**
 * asi_unmap - take a range out of a domain, and out of every TLB
 *
 * Process context, interrupts on, may sleep.
 */
void asi_unmap(struct asi *asi, const void *addr, size_t size);

/**
 * asi_limit - how much the domain may grow
 * @asi: domain
 * @bytes: of user memory that its work may touch
 *
 * Growth beyond the page tables for that, and for a fixed amount of the kernel's
 * memory, is taken back, or leaves instead.  What the consumer maps does not count as
 * growth.  Without this call the domain has no user memory.  Any context.
 */
void asi_limit(struct asi *asi, u64 bytes);

/**
 * asi_zap_user - take user addresses out of a domain
 * @asi: domain
 * @start: first byte
 * @end: byte after the last
 *
 * The caller flushes the TLB for its own mapping of the range afterwards, which
 * makes the CPUs inside leave, idle ones too.  Atomic; any context but NMI.
 */
void asi_zap_user(struct asi *asi, unsigned long start, unsigned long end);

/**
 * asi_enter - run restricted; begins a critical section
 * @asi: domain, with stack and task_struct of the running task mapped
 *
 * Interrupts off.  noinstr: may be called where RCU is not watching.
 * In a strict domain of asi_create() preemption stays off until asi_exit(): the
 * scheduler touches other tasks before it leaves.  The return from an interrupt that was preempted
 * does not go back in.
 * Free of charge when the CPU is inside @asi already.
 * Return: CR3 as it is now.
 */
unsigned long asi_enter(struct asi *asi);

/**
 * asi_relax - end the critical section and stay restricted
 *
 * From here the first fault that the policy answers with "exit" leaves for
 * good.  Interrupts off.  noinstr.
 */
void asi_relax(void);

/**
 * asi_exit - leave the restricted address space, if in one
 *
 * Any context.  On return CR3 is that of the loaded mm.
 */
void asi_exit(void);

/**
 * asi_work_done - the running task has no more work inside
 * @asi: domain
 *
 * A task that sleeps inside a transparent domain may find the CPU inside when
 * it wakes.  After this it does not; call it before asi_exit() on the way back
 * to user mode.  Any context.
 */
void asi_work_done(struct asi *asi);

/** asi_current - the domain this CPU runs in, or NULL.  Preemption off. */
struct asi *asi_current(void);

/**
 * asi_generation - changes whenever something was taken out of the domain that was
 *	mapped at a kernel address
 *
 * Never 0.  A consumer that keeps objects mapped maps them again when it differs.  That a
 * CPU may hold what was taken out is another matter, see asi/tlb.h.  Any context.
 */
u64 asi_generation(const struct asi *asi);
/* Where that is, mapped in the domain, for consumers that ask while restricted. */
const u64 *asi_generation_counter(const struct asi *asi);

/** asi_id - number of the domain, as shown in debugfs and traces. */
unsigned int asi_id(const struct asi *asi);

/**
 * asi_comm - name of the running process as one printable word
 * @comm: TASK_COMM_LEN bytes
 *
 * A process chooses its own name; in a report of lines and words it must not
 * be able to fake other lines.  Takes no lock: a name that changes just now may be
 * a bit of both.  Any context.
 */
void asi_comm(char *comm);

/** asi_class - the kind of consumer a domain was made for. */
enum asi_class asi_class(const struct asi *asi);

/**
 * asi_trace_enter - emit the tracepoint asi:asi_enter
 * asi_trace_exit - emit the tracepoint asi:asi_exit
 *
 * asi_enter() and the leaving itself are noinstr, so consumers emit their
 * tracepoints at the nearest place where tracing is allowed.  Preemption off.
 */
void asi_trace_enter(const struct asi *asi);
void asi_trace_exit(const struct asi *asi);

/*
 * Set by each consumer at boot when it is switched on, for the status file.
 */
extern bool asi_consumer_on[ASI_NR_CLASSES];

/**
 * asi_refused - somebody cannot be isolated, and does not run for that reason
 * @why: one line, which stays where it is; for the status file
 *
 * Any context.
 */
void asi_refused(const char *why);

/**
 * asi_debugfs - the debugfs directory for a consumer's own files
 *
 * Valid from device_initcall on.
 */
struct dentry *asi_debugfs(void);

/**
 * asi_set_guard - what the status file says of the guard of this kernel.
 * @state: a word, and @reason: why it is not more, or "-".  Both stay.
 */
void asi_set_guard(const char *state, const char *reason);

/** asi_kobject - /sys/kernel/asi, or NULL; valid after late_initcall. */
struct kobject *asi_kobject(void);

/**
 * asi_last_leave - why this CPU left a domain first since it entered
 * @asi: domain the caller was inside of and is no more
 *
 * When the task moved to another CPU meanwhile, that counts as the reason.
 * Preemption off.
 */
const struct asi_leave *asi_last_leave(const struct asi *asi);

#endif /* CONFIG_ADDRESS_SPACE_ISOLATION */
#endif /* ASI_ASI_H */
