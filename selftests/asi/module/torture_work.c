// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a worker does, one operation after the other, chosen at random: to its
 * objects, to domains, to itself and to all CPUs.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include "torture.h"

/* ---- Short-lived threads, interrupts and NMIs ------------------------- */

/* Ends while the domain maps its stack. */
static int asi_torture_short(void *arg)
{
	struct asi_torture_worker *w = arg;

	/* A thread that is stopped before it runs would not run at all. */
	complete(&w->started);
	asi_torture_create(w, 0);
	asi_torture_stay(w, 0);
	return 0;
}

/* The thread's domain stays with the worker, which cannot enter it. */
static void asi_torture_kthread(struct asi_torture_worker *w)
{
	struct task_struct *task;

	asi_torture_destroy(w->domain[0]);
	init_completion(&w->started);
	task = kthread_create(asi_torture_short, w, "asi_short");
	if (IS_ERR(task)) {
		asi_torture_count(ASI_TORTURE_NOMEM);
		return;
	}
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&w->started);
	kthread_stop_put(task);
	asi_torture_count(ASI_TORTURE_KTHREAD);
}

static void asi_torture_ipi(struct asi_torture_worker *w)
{
	unsigned int i, calls = 1 + asi_torture_random(w, 20);

	for (i = 0; i < calls; i++) {
		preempt_disable();
		smp_call_function_many(cpu_online_mask, asi_torture_nothing, NULL,
				       asi_torture_random(w, 2));
		preempt_enable();
	}
	asi_torture_count(ASI_TORTURE_IPI);
}

static void asi_torture_nmi(struct asi_torture_worker *w)
{
	unsigned int i, calls = 1 + asi_torture_random(w, 5);

	for (i = 0; i < calls; i++) {
		preempt_disable();
		__apic_send_IPI_mask(cpu_online_mask, NMI_VECTOR);
		preempt_enable();
		udelay(asi_torture_random(w, 50));
	}
	asi_torture_count(ASI_TORTURE_NMI);
}

/* ---- One operation ---------------------------------------------------- */

void asi_torture_work(struct asi_torture_worker *w)
{
	struct asi_torture_object *o = &w->object[asi_torture_random(w, ASI_TORTURE_OBJECTS)];
	unsigned int domain = asi_torture_random(w, ASI_TORTURE_DOMAINS);
	unsigned int from = 0, pages = o->pages;

	if (pages && asi_torture_random(w, 2)) {
		from = asi_torture_random(w, pages);
		pages = 1 + asi_torture_random(w, pages - from);
	}
	switch (asi_torture_random(w, 100)) {
	case 0 ... 7:
		asi_torture_create(w, domain);
		break;
	case 8 ... 9:
		asi_torture_destroy(w->domain[domain]);
		break;
	case 10 ... 19:
		asi_torture_alloc(w, o);
		break;
	case 20 ... 21:
		asi_torture_release(w, o);
		break;
	case 22 ... 24:
		asi_torture_free_seen(w, o);
		break;
	case 25 ... 44:
		asi_torture_map(w, o, domain, from, pages);
		break;
	case 45 ... 54:
		asi_torture_unmap(w, o, domain, from, pages);
		break;
	case 55 ... 84:
		asi_torture_stay(w, domain);
		break;
	case 85 ... 90:
		asi_torture_sleep(w, domain);
		break;
	case 91 ... 93:
		asi_torture_move(w);
		asi_torture_count(ASI_TORTURE_MOVE);
		break;
	case 94:
		asi_torture_kthread(w);
		break;
	case 95 ... 96:
		asi_torture_ipi(w);
		break;
	case 97 ... 98:
		asi_torture_nmi(w);
		break;
	default:
		asi_torture_protect(w, o);
		break;
	}
}

void asi_torture_end(struct asi_torture_worker *w)
{
	unsigned int i;

	for (i = 0; i < ASI_TORTURE_OBJECTS; i++)
		asi_torture_release(w, &w->object[i]);
	for (i = 0; i < ASI_TORTURE_OWN; i++)
		asi_torture_destroy(w->domain[i]);
}
