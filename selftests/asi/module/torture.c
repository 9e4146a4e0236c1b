// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the workers of the torture test: threads of its own, or the thread that
 * asks for it.  Counts what they did and keeps the first things that were wrong.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <asm/nmi.h>
#include "asi_test.h"
#include "torture.h"

#define ASI_TORTURE_SHOWN	8

struct asi_torture_domain asi_torture_shared[ASI_TORTURE_SHARED];
atomic64_t asi_torture_counts[ASI_TORTURE_NR_COUNTS];

static const char * const asi_torture_names[ASI_TORTURE_NR_COUNTS] = {
	[ASI_TORTURE_CREATE] = "create",
	[ASI_TORTURE_DESTROY] = "destroy",
	[ASI_TORTURE_ALLOC] = "alloc",
	[ASI_TORTURE_FREE] = "free",
	[ASI_TORTURE_FREE_MAPPED] = "free_mapped",
	[ASI_TORTURE_MAP] = "map",
	[ASI_TORTURE_MAP_RESERVED] = "map_reserved",
	[ASI_TORTURE_UNMAP] = "unmap",
	[ASI_TORTURE_PROTECT] = "protect",
	[ASI_TORTURE_VISIT] = "visit",
	[ASI_TORTURE_SLEEP] = "sleep",
	[ASI_TORTURE_MOVE] = "move",
	[ASI_TORTURE_KTHREAD] = "kthread",
	[ASI_TORTURE_IPI] = "ipi",
	[ASI_TORTURE_NMI] = "nmi",
	[ASI_TORTURE_READ] = "read",
	[ASI_TORTURE_REFUSED] = "refused",
	[ASI_TORTURE_BEACON] = "beacon",
	[ASI_TORTURE_LOST] = "lost",
	[ASI_TORTURE_EVICTED] = "evicted",
	[ASI_TORTURE_NOMEM] = "nomem",
};

static struct asi_torture_domain asi_torture_own[ASI_TORTURE_WORKERS][ASI_TORTURE_OWN];
static DECLARE_BITMAP(asi_torture_busy, ASI_TORTURE_WORKERS);
static DEFINE_MUTEX(asi_torture_mutex);	/* asi_torture_busy */

static struct {
	const char *what;
	unsigned long at;
	u64 got, expected;
} asi_torture_shown[ASI_TORTURE_SHOWN];
static u64 asi_torture_wrongs;
static DEFINE_SPINLOCK(asi_torture_lock);

static DEFINE_PER_CPU(u64, asi_torture_nmis);
static atomic_t asi_torture_nmi_inside;

void asi_torture_wrong(const char *what, const void *at, u64 got, u64 expected)
{
	spin_lock(&asi_torture_lock);
	if (asi_torture_wrongs < ASI_TORTURE_SHOWN) {
		asi_torture_shown[asi_torture_wrongs].what = what;
		asi_torture_shown[asi_torture_wrongs].at = (unsigned long)at;
		asi_torture_shown[asi_torture_wrongs].got = got;
		asi_torture_shown[asi_torture_wrongs].expected = expected;
	}
	asi_torture_wrongs++;
	spin_unlock(&asi_torture_lock);
}

/* All of them are ours: any other sender has a handler of its own. */
static int asi_torture_on_nmi(unsigned int cmd, struct pt_regs *regs)
{
	this_cpu_inc(asi_torture_nmis);
	if (asi_current())
		atomic_inc(&asi_torture_nmi_inside);
	return NMI_HANDLED;
}

static struct asi_torture_worker *asi_torture_begin(u32 seed)
{
	struct asi_torture_worker *w = kvzalloc(sizeof(*w), GFP_KERNEL);
	unsigned int i;

	if (!w)
		return NULL;
	mutex_lock(&asi_torture_mutex);
	w->number = find_first_zero_bit(asi_torture_busy, ASI_TORTURE_WORKERS);
	if (w->number < ASI_TORTURE_WORKERS)
		__set_bit(w->number, asi_torture_busy);
	mutex_unlock(&asi_torture_mutex);
	if (w->number == ASI_TORTURE_WORKERS) {
		kvfree(w);
		return NULL;
	}
	prandom_seed_state(&w->rnd, seed);
	for (i = 0; i < ASI_TORTURE_OWN; i++)
		w->domain[i] = &asi_torture_own[w->number][i];
	for (i = 0; i < ASI_TORTURE_SHARED; i++)
		w->domain[ASI_TORTURE_OWN + i] = &asi_torture_shared[i];
	return w;
}

/* The last one puts out the light. */
static void asi_torture_finish(struct asi_torture_worker *w)
{
	unsigned int i;

	asi_torture_end(w);
	mutex_lock(&asi_torture_mutex);
	__clear_bit(w->number, asi_torture_busy);
	if (bitmap_empty(asi_torture_busy, ASI_TORTURE_WORKERS)) {
		for (i = 0; i < ASI_TORTURE_SHARED; i++)
			asi_torture_destroy(&asi_torture_shared[i]);
	}
	mutex_unlock(&asi_torture_mutex);
	kvfree(w);
}

static int asi_torture_thread(void *arg)
{
	struct asi_torture_worker *w = arg;

#ifdef CONFIG_FAULT_INJECTION
	current->make_it_fail = 1;
#endif
	while (!kthread_should_stop()) {
		asi_torture_work(w);
		cond_resched();
	}
	return 0;
}

static int asi_torture_threads(u32 seed, unsigned int ms, unsigned int workers)
{
	struct asi_torture_worker *worker[ASI_TORTURE_WORKERS];
	struct task_struct *task[ASI_TORTURE_WORKERS];
	unsigned int i, n;

	for (n = 0; n < workers; n++) {
		worker[n] = asi_torture_begin(seed + n);
		if (!worker[n])
			break;
		task[n] = kthread_run(asi_torture_thread, worker[n], "asi_torture/%u", n);
		if (IS_ERR(task[n])) {
			asi_torture_finish(worker[n]);
			break;
		}
	}
	/* Ends early when the writer is killed. */
	if (n)
		schedule_timeout_killable(msecs_to_jiffies(ms));
	for (i = 0; i < n; i++) {
		kthread_stop(task[i]);
		asi_torture_finish(worker[i]);
	}
	return n ? 0 : -ENOMEM;
}

static int asi_torture_here(u32 seed, unsigned int ms)
{
	struct asi_torture_worker *w = asi_torture_begin(seed);
	ktime_t end = ktime_add_ms(ktime_get(), ms);

	if (!w)
		return -ENOMEM;
	while (ktime_before(ktime_get(), end) && !fatal_signal_pending(current)) {
		asi_torture_work(w);
		cond_resched();
	}
	asi_torture_finish(w);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	return 0;
}

int asi_torture_run(u32 seed, unsigned int ms, unsigned int workers)
{
	if (workers > ASI_TORTURE_WORKERS)
		return -ERANGE;
	return workers ? asi_torture_threads(seed, ms, workers) : asi_torture_here(seed, ms);
}

void asi_torture_show(struct seq_file *m)
{
	unsigned int i;
	u64 nmis = 0;
	int cpu;

	for (i = 0; i < ASI_TORTURE_NR_COUNTS; i++)
		seq_printf(m, "%s %llu\n", asi_torture_names[i],
			   (u64)atomic64_read(&asi_torture_counts[i]));
	for_each_possible_cpu(cpu)
		nmis += per_cpu(asi_torture_nmis, cpu);
	seq_printf(m, "nmis_taken %llu\n", nmis);
	spin_lock(&asi_torture_lock);
	for (i = 0; i < min_t(u64, asi_torture_wrongs, ASI_TORTURE_SHOWN); i++)
		seq_printf(m, "# %s: address 0x%lx got 0x%llx expected 0x%llx\n",
			   asi_torture_shown[i].what, asi_torture_shown[i].at,
			   asi_torture_shown[i].got, asi_torture_shown[i].expected);
	if (atomic_read(&asi_torture_nmi_inside))
		seq_printf(m, "# inside in an NMI handler: %d times\n",
			   atomic_read(&asi_torture_nmi_inside));
	seq_printf(m, "wrong %llu\n",
		   asi_torture_wrongs + atomic_read(&asi_torture_nmi_inside));
	spin_unlock(&asi_torture_lock);
}

int asi_torture_init(void)
{
	unsigned int i, k;

	for (i = 0; i < ASI_TORTURE_SHARED; i++)
		init_rwsem(&asi_torture_shared[i].lock);
	for (i = 0; i < ASI_TORTURE_WORKERS; i++) {
		for (k = 0; k < ASI_TORTURE_OWN; k++)
			init_rwsem(&asi_torture_own[i][k].lock);
	}
	return register_nmi_handler(NMI_LOCAL, asi_torture_on_nmi, 0, "asi_torture");
}

void asi_torture_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, "asi_torture");
}
