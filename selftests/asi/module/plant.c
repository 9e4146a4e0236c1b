// SPDX-License-Identifier: GPL-2.0-only
/* Secrets of every kind that a restricted address space must not hold. */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asi/asi.h>
#include "asi_test.h"

#define ASI_SECRET	0x5ec4e75ec4e75ec4UL

static struct kmem_cache *asi_secret_cache;
static void *asi_secret_object;
static struct page *asi_secret_page;
static struct page *asi_secret_pair;
static struct task_struct *asi_secret_thread;
static unsigned long *asi_secret_on_stack;
static struct completion asi_secret_ready;

static int asi_plant_slab(struct asi_secret *secret)
{
	if (!asi_secret_cache)
		asi_secret_cache = kmem_cache_create("asi_secret", 256, 256,
						     SLAB_NO_MERGE, NULL);
	if (!asi_secret_cache)
		return -ENOMEM;
	if (!asi_secret_object)
		asi_secret_object = kmem_cache_zalloc(asi_secret_cache, GFP_KERNEL);
	if (!asi_secret_object)
		return -ENOMEM;
	*(unsigned long *)asi_secret_object = ASI_SECRET;
	secret->address = (unsigned long)asi_secret_object;
	return 0;
}

static int asi_secret_sleeper(void *unused)
{
	unsigned long secret = ASI_SECRET;

	WRITE_ONCE(asi_secret_on_stack, &secret);
	barrier_data(&secret);
	complete(&asi_secret_ready);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int asi_plant_stack(struct asi_secret *secret, bool alias)
{
	if (!asi_secret_thread) {
		init_completion(&asi_secret_ready);
		asi_secret_thread = kthread_run(asi_secret_sleeper, NULL, "asi_secret");
		if (IS_ERR(asi_secret_thread)) {
			int err = PTR_ERR(asi_secret_thread);

			asi_secret_thread = NULL;
			return err;
		}
		wait_for_completion(&asi_secret_ready);
	}
	secret->address = (unsigned long)asi_secret_on_stack;
	if (alias)
		secret->address =
			(unsigned long)page_address(vmalloc_to_page(asi_secret_on_stack)) +
			offset_in_page(asi_secret_on_stack);
	return 0;
}

static struct mm_struct *asi_mm_of(int pid)
{
	struct pid *id = find_get_pid(pid);
	struct task_struct *task = get_pid_task(id, PIDTYPE_PID);
	struct mm_struct *mm;

	put_pid(id);
	if (!task)
		return NULL;
	mm = get_task_mm(task);
	put_task_struct(task);
	return mm;
}

/* The page stays the process's own; its content is the secret. */
static int asi_plant_user(struct asi_secret *secret, int pid, unsigned long va)
{
	struct mm_struct *mm = asi_mm_of(pid);
	struct page *page;
	long got;

	if (!mm)
		return -ESRCH;
	mmap_read_lock(mm);
	got = get_user_pages_remote(mm, va & PAGE_MASK, 1, 0, &page, NULL);
	mmap_read_unlock(mm);
	mmput(mm);
	if (got != 1)
		return -EFAULT;
	secret->address = (unsigned long)page_address(page) + offset_in_page(va);
	put_page(page);
	return 0;
}

/* The page-table page that maps @va of the process. */
static int asi_plant_page_table(struct asi_secret *secret, int pid,
				unsigned long va)
{
	struct mm_struct *mm = asi_mm_of(pid);
	pmd_t *pmd = NULL;
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;
	int err = -EFAULT;

	if (!mm)
		return -ESRCH;
	mmap_read_lock(mm);
	pgd = pgd_offset(mm, va);
	if (!pgd_none(*pgd)) {
		p4d = p4d_offset(pgd, va);
		if (!p4d_none(*p4d)) {
			pud = pud_offset(p4d, va);
			if (!pud_none(*pud) && !pud_leaf(*pud))
				pmd = pmd_offset(pud, va);
		}
	}
	if (pmd && pmd_present(*pmd) && !pmd_leaf(*pmd)) {
		secret->address = (unsigned long)__va(pmd_val(*pmd) & PTE_PFN_MASK) +
				  ((va >> PAGE_SHIFT) & (PTRS_PER_PTE - 1)) * 8;
		err = 0;
	}
	mmap_read_unlock(mm);
	mmput(mm);
	return err;
}

/* The root of the process's page table, where it leads to the kernel's half. */
static int asi_plant_root_table(struct asi_secret *secret, int pid)
{
	struct mm_struct *mm = asi_mm_of(pid);

	if (!mm)
		return -ESRCH;
	secret->address = (unsigned long)pgd_offset(mm, PAGE_OFFSET);
	mmput(mm);
	return 0;
}

/* The second page of an allocation that is not compound: it has no references. */
static int asi_plant_tail(struct asi_secret *secret)
{
	if (!asi_secret_pair)
		asi_secret_pair = alloc_pages(GFP_KERNEL, 1);
	if (!asi_secret_pair)
		return -ENOMEM;
	secret->address = (unsigned long)page_address(asi_secret_pair + 1);
	*(unsigned long *)secret->address = ASI_SECRET;
	return 0;
}

static int asi_plant_task(struct asi_secret *secret, int pid)
{
	struct pid *id = find_get_pid(pid);
	struct task_struct *task = get_pid_task(id, PIDTYPE_PID);

	put_pid(id);
	if (!task)
		return -ESRCH;
	/* The registers; anybody may see what the scheduler keeps. */
	secret->address = (unsigned long)&task->thread;
	put_task_struct(task);
	return 0;
}

/* Freed with the secret still in it, as a careless owner does. */
static int asi_plant_free(struct asi_secret *secret)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	secret->address = (unsigned long)page_address(page) + 512;
	*(unsigned long *)secret->address = ASI_SECRET;
	__free_page(page);
	return 0;
}

/* Freed while the domain maps it. */
int asi_plant_free_mapped(struct asi_secret *secret, struct asi *domain)
{
	int err;

	asi_secret_page = alloc_page(GFP_KERNEL);
	if (!asi_secret_page)
		return -ENOMEM;
	strscpy(secret->kind, "freed_mapped", sizeof(secret->kind));
	secret->address = (unsigned long)page_address(asi_secret_page) + 512;
	secret->expected = ASI_SECRET;
	*(unsigned long *)secret->address = ASI_SECRET;
	err = asi_map(domain, page_address(asi_secret_page), PAGE_SIZE,
		      ASI_KIND_OBJECT);
	__free_page(asi_secret_page);
	asi_secret_page = NULL;
	return err;
}

int asi_plant(struct asi_secret *secret, const char *what, int pid,
	      unsigned long va)
{
	int err;

	strscpy(secret->kind, what, sizeof(secret->kind));
	if (!strcmp(what, "slab"))
		err = asi_plant_slab(secret);
	else if (!strcmp(what, "other_stack"))
		err = asi_plant_stack(secret, false);
	else if (!strcmp(what, "stack_alias"))
		err = asi_plant_stack(secret, true);
	else if (!strcmp(what, "user_page"))
		err = asi_plant_user(secret, pid, va);
	else if (!strcmp(what, "page_table"))
		err = asi_plant_page_table(secret, pid, va);
	else if (!strcmp(what, "root_table"))
		err = asi_plant_root_table(secret, pid);
	else if (!strcmp(what, "tail"))
		err = asi_plant_tail(secret);
	else if (!strcmp(what, "task"))
		err = asi_plant_task(secret, pid);
	else if (!strcmp(what, "free_page"))
		err = asi_plant_free(secret);
	else
		err = asi_plant_guest(secret, what, pid);
	if (!err)
		secret->expected = READ_ONCE_NOCHECK(*(unsigned long *)secret->address);
	return err;
}

void asi_unplant_all(void)
{
	if (asi_secret_thread)
		kthread_stop(asi_secret_thread);
	asi_secret_thread = NULL;
	if (asi_secret_object)
		kmem_cache_free(asi_secret_cache, asi_secret_object);
	asi_secret_object = NULL;
	kmem_cache_destroy(asi_secret_cache);
	asi_secret_cache = NULL;
	if (asi_secret_pair)
		__free_pages(asi_secret_pair, 1);
	asi_secret_pair = NULL;
}
