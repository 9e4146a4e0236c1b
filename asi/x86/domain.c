// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a domain: creation, explicit mappings, the reserve for growth, and
 * destruction.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/cpu.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/tlbflush.h>
#include <asi/gate.h>
#include "break.h"
#include "internal.h"
#include "trace.h"

LIST_HEAD(asi_domains);
DEFINE_RAW_SPINLOCK(asi_domains_lock);
DEFINE_MUTEX(asi_domains_mutex);
static DEFINE_IDA(asi_ids);

/* Bring the reserve to @want pages.  Process context. */
int asi_refill(struct asi *asi, u32 want)
{
	unsigned long flags;

	while (asi_pt_reserve(&asi->pt) < want) {
		void *page = asi_mark_table((void *)get_zeroed_page(GFP_KERNEL_ACCOUNT), 0);

		if (!page)
			return -ENOMEM;
		raw_spin_lock_irqsave(&asi->lock, flags);
		asi_pt_donate(&asi->pt, page);
		raw_spin_unlock_irqrestore(&asi->lock, flags);
	}
	return 0;
}

static u32 asi_reserve_factor(const struct asi *asi)
{
	return asi->is_tables ? ASI_RESERVE_SHARED : 1;
}

static void asi_refill_work(struct work_struct *work)
{
	struct asi *asi = container_of(work, struct asi, refill_work);

	/* Short of memory the domain leaves instead of growing. */
	(void)asi_refill(asi, ASI_RESERVE_FULL * asi_reserve_factor(asi));
}

static void asi_refill_irq_work(struct irq_work *work)
{
	schedule_work(&container_of(work, struct asi, refill_irq_work)->refill_work);
}

void asi_refill_later(struct asi *asi)
{
	if (asi_pt_reserve(&asi->pt) < ASI_RESERVE_LOW * asi_reserve_factor(asi))
		irq_work_queue(&asi->refill_irq_work);
}

/* A table with nothing in it. */
struct asi *asi_alloc(void)
{
	/* Whole pages: the switch touches this while restricted. */
	struct asi *asi = (struct asi *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (!asi)
		return NULL;
	BUILD_BUG_ON(sizeof(*asi) > PAGE_SIZE);
	raw_spin_lock_init(&asi->lock);
	init_irq_work(&asi->refill_irq_work, asi_refill_irq_work);
	INIT_WORK(&asi->refill_work, asi_refill_work);
	asi_tlb_new_domain(&asi_tlb, &asi->tlb);
	if (asi_pt_init(&asi->pt, asi_levels())) {
		free_page((unsigned long)asi);
		return NULL;
	}
	asi->root = asi_pt_root(&asi->pt);
	return asi;
}

/* No CPU may use it any more. */
void asi_free(struct asi *asi)
{
	irq_work_sync(&asi->refill_irq_work);
	cancel_work_sync(&asi->refill_work);
	asi_pt_destroy(&asi->pt);
	if (asi->mm)
		mmdrop(asi->mm);
	free_page((unsigned long)asi);
}

static void asi_zap_range(struct asi *asi, unsigned long start, unsigned long size)
{
	unsigned long flags;

	guard(asi_unrestricted)();

	raw_spin_lock_irqsave(&asi->lock, flags);
	if (asi_pt_zap(&asi->pt, start, size))
		asi_inc_tlb_gen_of(asi);
	raw_spin_unlock_irqrestore(&asi->lock, flags);
}

static struct asi *asi_new(enum asi_class cls, const struct asi_ops *ops, void *owner)
{
	struct asi *asi;
	int err;

	if (!asi_enabled())
		return ERR_PTR(-EOPNOTSUPP);
	asi = asi_alloc();
	if (!asi)
		return ERR_PTR(-ENOMEM);
	asi->cls = cls;
	asi->ops = ops;
	asi->owner = owner;
	asi->pid = current->tgid;
	asi_comm(asi->comm);
	err = ida_alloc_min(&asi_ids, 1, GFP_KERNEL);
	if (err < 0) {
		asi_free(asi);
		return ERR_PTR(err);
	}
	asi->id = err;
	return asi;
}

/* For good: patching the hot paths back and forth costs more than it saves. */
static void asi_activate(void)
{
	if (static_key_enabled(&asi_active_key))
		return;
	static_branch_enable(&asi_active_key);
	asi_mark_all_stacks();
}

/* The end of creation: on the list, or gone. */
static struct asi *asi_finish(struct asi *asi, int err)
{
	if (err) {
		ida_free(&asi_ids, asi->id);
		asi_free(asi);
		return ERR_PTR(err);
	}
	mutex_lock(&asi_domains_mutex);
	raw_spin_lock_irq(&asi_domains_lock);
	list_add_tail(&asi->list, &asi_domains);
	raw_spin_unlock_irq(&asi_domains_lock);
	mutex_unlock(&asi_domains_mutex);
	asi_activate();
	return asi;
}

struct asi *asi_create(enum asi_class cls, const struct asi_ops *ops, void *owner)
{
	struct asi *asi;
	int err;

	guard(asi_unrestricted)();

	asi = asi_new(cls, ops, owner);
	if (IS_ERR(asi))
		return asi;
	asi->strict = cls == ASI_CLASS_TEST;
	asi->mm = current->mm;
	if (asi->mm)
		mmgrab(asi->mm);
	err = asi_base_get(asi);
	if (!err)
		err = asi_refill(asi, ASI_RESERVE_FULL);
	if (!err)
		err = asi_map(asi, asi, sizeof(*asi), ASI_KIND_OBJECT);
	if (!err)
		asi->idle_stacks = asi_maps_idle_stacks(asi);
	return asi_finish(asi, err);
}
EXPORT_SYMBOL_GPL(asi_create);

void asi_prepare_strict(void)
{
	asi_activate();
	asi_mark_all_tails();
	asi_mark_kernel_tables();
}

struct asi *asi_create_tables(enum asi_class cls, const char *name)
{
	struct asi *asi = asi_new(cls, NULL, NULL);
	int err;

	if (IS_ERR(asi))
		return asi;
	asi->is_tables = true;
	asi->pid = 0;
	strscpy(asi->comm, name, sizeof(asi->comm));
	err = asi_base_get_parts(asi);
	if (!err)
		err = asi_refill(asi, ASI_RESERVE_FULL * ASI_RESERVE_SHARED);
	if (!err)
		err = asi_map_image(asi);
	return asi_finish(asi, err);
}

struct asi *asi_create_for_task(struct asi *tables, const struct asi_ops *ops, void *owner)
{
	struct asi *asi = asi_new(tables->cls, ops, owner);
	int err;

	if (IS_ERR(asi))
		return asi;
	asi->strict = true;
	asi->shared = tables;
	asi->user.task = current;
	asi->user.stack = task_stack_page(current);
	asi->user.root = asi_pt_root_table(&asi->pt);
	err = asi_map(tables, asi, sizeof(*asi), ASI_KIND_OBJECT) ?:
	      asi_map(tables, current, arch_task_struct_size, ASI_KIND_OWN_TASK);
	if (!err)
		err = asi_share_root(asi, tables);
	if (!err)
		err = asi_map(asi, task_stack_page(current), THREAD_SIZE, ASI_KIND_OWN_STACK);
	asi = asi_finish(asi, err);
	if (!IS_ERR(asi) && !static_key_enabled(&asi_gate_key))
		static_branch_enable(&asi_gate_key);
	return asi;
}

void asi_zap_tables(struct asi *tables, unsigned long start, unsigned long size)
{
	asi_zap_range(tables, start, size);
	asi_evict_everywhere();
}

struct asi *asi_tables(const struct asi *asi)
{
	return asi->shared;
}

bool asi_is_mapped(const struct asi *asi, unsigned long address)
{
	struct asi_leaf leaf;

	return asi_pt_lookup(&asi->pt, address, &leaf);
}

/* Only there the domain may be entered again, or be thought to be. */
static bool asi_is_known(int cpu, void *info)
{
	const struct asi_cpu *known = per_cpu_ptr(&asi_cpu, cpu);

	return READ_ONCE(known->last) == info || READ_ONCE(known->resume) == info;
}

static void asi_forget_cpu(void *info)
{
	struct asi_cpu *cpu = this_cpu_ptr(&asi_cpu);

	if (cpu->last == info) {
		__asi_leave_for_cr3();
		cpu->last = NULL;
	}
	if (cpu->resume == info)
		cpu->resume = NULL;
}

void asi_destroy(struct asi *asi)
{
	int cpu;

	guard(asi_unrestricted)();

	if (!asi)
		return;
	/* First: what is freed leaves only the domains that are on the list. */
	cpus_read_lock();
	on_each_cpu_cond(asi_is_known, asi_forget_cpu, asi, true);
	for_each_possible_cpu(cpu) {
		if (!cpu_online(cpu) && per_cpu(asi_cpu.last, cpu) == asi)
			per_cpu(asi_cpu.last, cpu) = NULL;
	}
	cpus_read_unlock();

	mutex_lock(&asi_domains_mutex);
	raw_spin_lock_irq(&asi_domains_lock);
	list_del(&asi->list);
	raw_spin_unlock_irq(&asi_domains_lock);
	mutex_unlock(&asi_domains_mutex);

	ida_free(&asi_ids, asi->id);
	asi_free(asi);
}
EXPORT_SYMBOL_GPL(asi_destroy);

/*
 * Copy [start, end) from the kernel's own table; reserve only.  Returns the
 * number of table pages that are missing, or a negative error.
 */
int asi_map_range(struct asi *asi, unsigned long start, unsigned long end,
		  enum asi_kind kind)
{
	unsigned long flags;
	u32 needed = 0, replaced;
	u64 copied = 0;
	int err;

	raw_spin_lock_irqsave(&asi->lock, flags);
	replaced = asi_pt_replaced(&asi->pt);
	err = asi_pt_clone(&asi->pt, asi_kernel_root(), start, end - start, kind,
			   &copied, &needed);
	asi_inc_tlb_gen_if_replaced(asi, replaced);
	raw_spin_unlock_irqrestore(&asi->lock, flags);
	if (err == -ENOMEM)
		return needed;
	if (!err && copied != end - start)
		err = -EFAULT;
	return err;
}

int asi_map(struct asi *asi, const void *addr, size_t size, enum asi_kind kind)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)addr);
	unsigned long end = PAGE_ALIGN((unsigned long)addr + size);
	int err;

	guard(asi_unrestricted)();

	if (!size || end <= start)
		return -EINVAL;
	might_sleep();
	asi_flag_range(start, end);
	for (;;) {
		err = asi_map_range(asi, start, end, kind);
		if (err <= 0)
			break;
		/* Another CPU may use up what this one brings: keep a margin. */
		err = asi_refill(asi, err + ASI_RESERVE_LOW);
		if (err)
			break;
	}
	if (asi_pt_reserve(&asi->pt) < ASI_RESERVE_LOW && !err)
		err = asi_refill(asi, ASI_RESERVE_FULL);
	if (err == -EFAULT)
		pr_warn_ratelimited("domain %u: %#lx-%#lx (%s) is not all mapped\n",
				    asi->id, start, end, asi_kind_name(kind));
	trace_map(asi->id, start, end - start, kind, err);
	return err;
}
EXPORT_SYMBOL_GPL(asi_map);

int asi_map_reserved(struct asi *asi, const void *addr, size_t size,
		     enum asi_kind kind)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)addr);
	unsigned long end = PAGE_ALIGN((unsigned long)addr + size);
	int err;

	guard(asi_unrestricted)();

	if (!size || end <= start)
		return -EINVAL;
	asi_flag_range(start, end);
	err = asi_map_range(asi, start, end, kind);
	asi_refill_later(asi);
	return err > 0 ? -ENOMEM : err;
}
EXPORT_SYMBOL_GPL(asi_map_reserved);

int asi_map_current(struct asi *asi)
{
	return asi_map(asi, task_stack_page(current), THREAD_SIZE,
		       ASI_KIND_OWN_STACK) ?:
	       asi_map(asi, current, arch_task_struct_size, ASI_KIND_OWN_TASK);
}
EXPORT_SYMBOL_GPL(asi_map_current);

void asi_unmap(struct asi *asi, const void *addr, size_t size)
{
	unsigned long start = PAGE_ALIGN_DOWN((unsigned long)addr);
	unsigned long end = PAGE_ALIGN((unsigned long)addr + size);
	struct asi_gather *gather;
	unsigned long flags;
	long long done;

	guard(asi_unrestricted)();

	might_sleep();
	trace_unmap(asi->id, start, end - start);
	gather = kzalloc(sizeof(*gather), GFP_KERNEL | __GFP_NOFAIL);
	while (start < end) {
		asi_gather_init(gather);
		raw_spin_lock_irqsave(&asi->lock, flags);
		done = asi_pt_unmap(&asi->pt, start, end - start, gather);
		asi_inc_tlb_gen(asi);
		raw_spin_unlock_irqrestore(&asi->lock, flags);
		if (WARN_ON_ONCE(done < 0))
			break;
		asi_evict(asi);
		asi_gather_release(gather);
		start += done;
		if (!done && asi_refill(asi, asi_pt_reserve(&asi->pt) + 8)) {
			/* No page to split with: take out more than asked. */
			asi_zap_range(asi, start, end - start);
			asi_evict(asi);
			break;
		}
	}
	kfree(gather);
}
EXPORT_SYMBOL_GPL(asi_unmap);

void asi_zap_user(struct asi *asi, unsigned long start, unsigned long end)
{
	start = PAGE_ALIGN_DOWN(start);
	end = PAGE_ALIGN(min(end, TASK_SIZE_MAX));
	if (start < end && !asi_breaks(ASI_BREAK_USER))
		asi_zap_range(asi, start, end - start);
}
EXPORT_SYMBOL_GPL(asi_zap_user);

void asi_comm(char *comm)
{
	strscpy(comm, current->group_leader->comm, TASK_COMM_LEN);
	for (; *comm; comm++) {
		if (!isgraph(*comm) || !isascii(*comm))
			*comm = '_';
	}
}

enum asi_class asi_class(const struct asi *asi)
{
	return asi->cls;
}

u64 asi_generation(const struct asi *asi)
{
	return READ_ONCE(asi->tlb.gen);
}
EXPORT_SYMBOL_GPL(asi_generation);

unsigned int asi_id(const struct asi *asi)
{
	return asi->id;
}
EXPORT_SYMBOL_GPL(asi_id);
