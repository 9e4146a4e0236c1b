// SPDX-License-Identifier: GPL-2.0-only
/* Life of tables and domains: creation and destruction. */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <asi/gate.h>
#include "space/space.h"

LIST_HEAD(asi_spaces);
DEFINE_MUTEX(asi_spaces_mutex);
static DEFINE_IDA(asi_ids);
static unsigned int asi_domains;

static const struct asi_ops asi_no_ops;

unsigned int asi_domain_count(void)
{
	return READ_ONCE(asi_domains);
}

/* Tables or a domain, with nothing in it, not on the list yet. */
void *asi_new(enum asi_space_type type, enum asi_class cls, u32 reserve)
{
	struct asi_space *space;
	int id;

	if (!asi_enabled())
		return ERR_PTR(-EOPNOTSUPP);
	space = asi_space_alloc(type, reserve);
	if (!space)
		return ERR_PTR(-ENOMEM);
	id = ida_alloc_min(&asi_ids, 1, GFP_KERNEL);
	if (id < 0) {
		asi_space_free(space);
		return ERR_PTR(id);
	}
	space->id = id;
	space->cls = cls;
	space->pid = current->tgid;
	asi_comm(space->comm);
	return space;
}

void asi_delete(struct asi_space *space)
{
	ida_free(&asi_ids, space->id);
	asi_space_free(space);
}

/* For good: patching the hot paths back and forth costs more than it saves. */
void asi_activate(void)
{
	if (static_key_enabled(&asi_active_key))
		return;
	static_branch_enable(&asi_active_key);
	asi_smt_start();
	asi_mark_all_stacks();
}

/* The end of creation. */
static void asi_list_space(struct asi_space *space)
{
	mutex_lock(&asi_spaces_mutex);
	list_add_tail(&space->list, &asi_spaces);
	WRITE_ONCE(asi_domains, asi_domains + !asi_is_lent(space));
	mutex_unlock(&asi_spaces_mutex);
	asi_activate();
}

static void asi_unlist_space(struct asi_space *space)
{
	mutex_lock(&asi_spaces_mutex);
	list_del(&space->list);
	WRITE_ONCE(asi_domains, asi_domains - !asi_is_lent(space));
	mutex_unlock(&asi_spaces_mutex);
}

/* ---- Tables that domains of single tasks borrow ------------------------ */

void asi_prepare_strict(void)
{
	asi_activate();
	asi_mark_all_tails();
	asi_mark_kernel_tables();
}

struct asi_tables *asi_create_tables(enum asi_class cls, const char *name)
{
	struct asi_tables *tables = asi_new(ASI_SPACE_TABLES, cls, ASI_RESERVE_SHARED);
	int err;

	if (IS_ERR(tables))
		return tables;
	tables->space.pid = 0;
	strscpy(tables->space.comm, name, sizeof(tables->space.comm));
	err = asi_base_get_parts(&tables->space);
	if (!err)
		err = asi_space_refill(&tables->space, ASI_RESERVE_SHARED);
	if (!err)
		err = asi_map_image(tables);
	if (err) {
		asi_delete(&tables->space);
		return ERR_PTR(err);
	}
	asi_list_space(&tables->space);
	return tables;
}

void asi_destroy_tables(struct asi_tables *tables)
{
	guard(asi_unrestricted)();

	if (!tables)
		return;
	asi_unlist_space(&tables->space);
	asi_delete(&tables->space);
}

/* ---- Domains ----------------------------------------------------------- */

struct asi *asi_new_domain(enum asi_space_type type, enum asi_class cls,
			   const struct asi_ops *ops, void *owner)
{
	struct asi *asi = asi_new(type, cls, ASI_RESERVE);

	if (!IS_ERR(asi)) {
		asi->ops = ops ?: &asi_no_ops;
		asi->owner = owner;
	}
	return asi;
}

void asi_delete_domain(struct asi *asi)
{
	struct mm_struct *mm = asi->mm;

	asi_delete(&asi->space);
	if (mm)
		mmdrop(mm);
}

static struct asi *asi_finish(struct asi *asi, int err)
{
	if (err) {
		asi_delete_domain(asi);
		return ERR_PTR(err);
	}
	asi_list_space(&asi->space);
	return asi;
}

/*
 * Idle tasks' stacks are part of the base map; this is what the table says, as a
 * shared object that cannot be mapped stays unmapped.  They are never freed.
 */
static bool asi_maps_idle_stacks(const struct asi_space *space)
{
	struct asi_leaf leaf;
	unsigned long at, end;
	int cpu;

	for_each_possible_cpu(cpu) {
		at = (unsigned long)task_stack_page(idle_task(cpu));
		for (end = at + THREAD_SIZE; at < end; at += PAGE_SIZE) {
			if (!asi_pt_lookup(&space->pt, at, &leaf) || !(leaf.entry & _PAGE_RW))
				return false;
		}
	}
	return true;
}

struct asi *asi_create(enum asi_class cls, const struct asi_ops *ops, void *owner)
{
	bool strict = cls == ASI_CLASS_TEST;
	struct asi *asi;
	int err;

	guard(asi_unrestricted)();

	asi = asi_new_domain(strict ? ASI_SPACE_STRICT : ASI_SPACE_VM, cls, ops, owner);
	if (IS_ERR(asi))
		return asi;
	asi->space.reserve = ASI_RESERVE_NEW;
	asi->mm = current->mm;
	if (asi->mm)
		mmgrab(asi->mm);
	err = asi_base_get(&asi->space);
	asi->lender = asi_base;
	if (!err)
		err = asi_space_refill(&asi->space, ASI_RESERVE_NEW);
	/* The switch touches it while restricted. */
	if (!err)
		err = asi_space_map(&asi->space, asi, PAGE_SIZE, ASI_KIND_OBJECT);
	if (!err && !strict)
		asi_vm_domain(asi)->idle_stacks = asi_maps_idle_stacks(&asi->space);
	return asi_finish(asi, err);
}
EXPORT_SYMBOL_GPL(asi_create);

struct asi *asi_create_for_task(struct asi_tables *tables, const struct asi_ops *ops, void *owner)
{
	struct asi *asi = asi_new_domain(ASI_SPACE_TASK, tables->space.cls, ops, owner);
	struct asi_task_domain *domain;
	int err;

	if (IS_ERR(asi))
		return asi;
	asi->lender = tables;
	asi->space.tlb.lender = &tables->space.tlb;
	domain = asi_task_domain(asi);
	domain->task = current;
	domain->root = asi_pt_root_table(&asi->space.pt);
	err = asi_space_map(&tables->space, asi, PAGE_SIZE, ASI_KIND_OBJECT) ?:
	      asi_space_map(&tables->space, current, arch_task_struct_size,
			    ASI_KIND_OWN_TASK) ?:
	      asi_borrow_root(&asi->space, &tables->space) ?:
	      asi_space_map(&asi->space, task_stack_page(current), THREAD_SIZE,
			    ASI_KIND_OWN_STACK);
	asi = asi_finish(asi, err);
	if (!IS_ERR(asi) && !static_key_enabled(&asi_gate_key))
		static_branch_enable(&asi_gate_key);
	return asi;
}

void asi_destroy(struct asi *asi)
{
	guard(asi_unrestricted)();

	if (!asi)
		return;
	asi_forget(asi);
	asi_unlist_space(&asi->space);
	asi_delete_domain(asi);
}
EXPORT_SYMBOL_GPL(asi_destroy);

int asi_map_current(struct asi *asi)
{
	return asi_map(asi, task_stack_page(current), THREAD_SIZE, ASI_KIND_OWN_STACK) ?:
	       asi_map(asi, current, arch_task_struct_size, ASI_KIND_OWN_TASK);
}
EXPORT_SYMBOL_GPL(asi_map_current);

void asi_zap_user(struct asi *asi, unsigned long start, unsigned long end)
{
	guard(asi_unrestricted)();

	start = PAGE_ALIGN_DOWN(start);
	end = PAGE_ALIGN(min(end, TASK_SIZE_MAX));
	if (start < end && !asi_breaks(ASI_BREAK_USER))
		asi_space_zap(&asi->space, start, end - start);
}
EXPORT_SYMBOL_GPL(asi_zap_user);

/* ---- What they say of themselves ---------------------------------------- */

void asi_comm(char *comm)
{
	strscpy(comm, current->group_leader->comm, TASK_COMM_LEN);
	for (; *comm; comm++) {
		if (!isgraph(*comm) || !isascii(*comm))
			*comm = '_';
	}
}
EXPORT_SYMBOL_GPL(asi_comm);

enum asi_class asi_class(const struct asi *asi)
{
	return asi->space.cls;
}

u64 asi_generation(const struct asi *asi)
{
	return READ_ONCE(asi->space.lost);
}
EXPORT_SYMBOL_GPL(asi_generation);

const u64 *asi_generation_counter(const struct asi *asi)
{
	return &asi->space.lost;
}
EXPORT_SYMBOL_GPL(asi_generation_counter);

unsigned int asi_id(const struct asi *asi)
{
	return asi->space.id;
}
EXPORT_SYMBOL_GPL(asi_id);

struct asi_tables *asi_tables(const struct asi *asi)
{
	return asi->lender;
}
