// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a task holds when it is refused.
 *
 * The context that it made for itself, interrupts and the like, is known.  Of locks
 * lockdep knows each, and with the locks' own checks which sort it is, so that they can
 * be released.  Without lockdep the number of spinlocks is known, and mutexes and
 * semaphores name their owner: they are looked for in the kernel's data and in what the
 * stack and the registers point to, and reported.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/debug_locks.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <asm/sections.h>
#include "fault/fault.h"
#include "fault/modules.h"

#define ASI_LOCK_FLAGS	7UL	/* of mutexes and semaphores, in the word that says the owner */

static void asi_show_context(const struct pt_regs *regs)
{
	bool irqs_off = !(regs->flags & X86_EFLAGS_IF);
	unsigned int spins = preempt_count() & PREEMPT_MASK;
	unsigned int softirqs = softirq_count() / SOFTIRQ_DISABLE_OFFSET;
	int rcu = rcu_preempt_depth();
	char comm[TASK_COMM_LEN];

	asi_comm(comm);
	if (irqs_off || spins || softirqs || rcu || current->pagefault_disabled)
		pr_alert("%s[%d] ended with preempt_count %u, soft interrupts off %u, interrupts %s, RCU %d, page faults off %u\n",
			 comm, current->pid, spins, softirqs, irqs_off ? "off" : "on", rcu,
			 current->pagefault_disabled);
}

#ifdef CONFIG_LOCKDEP

static void asi_show_locks(const struct pt_regs *regs)
{
	debug_show_held_locks(current);
}

static bool asi_is_rcu(const struct lockdep_map *map)
{
	return map == &rcu_lock_map || map == &rcu_bh_lock_map || map == &rcu_sched_lock_map;
}

static bool asi_has_magic(const unsigned int *at, unsigned int magic)
{
	unsigned int word;

	return !get_kernel_nofault(word, at) && word == magic;
}

static bool asi_points_to(void *const *at, const void *target)
{
	void *word;

	return !get_kernel_nofault(word, at) && word == target;
}

/* Each has a magic word of its own; what has no owner is told by lockdep alone. */
static bool asi_release_spinning(struct lockdep_map *map, int read)
{
#ifdef CONFIG_DEBUG_SPINLOCK
	raw_spinlock_t *spin = container_of(map, raw_spinlock_t, dep_map);
	rwlock_t *rw = container_of(map, rwlock_t, dep_map);

	if (asi_has_magic(&spin->magic, SPINLOCK_MAGIC) && asi_points_to(&spin->owner, current)) {
		raw_spin_unlock(spin);
		return true;
	}
	if (asi_has_magic(&rw->magic, RWLOCK_MAGIC)) {
		if (read)
			read_unlock(rw);
		else
			write_unlock(rw);
		return true;
	}
#endif
	return false;
}

static bool asi_release_sleeping(struct lockdep_map *map, int read)
{
#ifdef CONFIG_DEBUG_MUTEXES
	struct mutex *mutex = container_of(map, struct mutex, dep_map);

	if (asi_points_to(&mutex->magic, mutex) &&
	    (atomic_long_read(&mutex->owner) & ~ASI_LOCK_FLAGS) == (unsigned long)current) {
		mutex_unlock(mutex);
		return true;
	}
#endif
#ifdef CONFIG_DEBUG_RWSEMS
	struct rw_semaphore *sem = container_of(map, struct rw_semaphore, dep_map);

	if (asi_points_to(&sem->magic, sem)) {
		if (read)
			up_read(sem);
		else
			up_write(sem);
		return true;
	}
#endif
	return false;
}

/* From the last on: what is released in between moves those above it. */
static void asi_release_locks(bool (*release)(struct lockdep_map *map, int read))
{
	int i;

	for (i = current->lockdep_depth - 1; debug_locks && i >= 0; i--) {
		const struct held_lock *held = &current->held_locks[i];
		struct lockdep_map *map = held->instance;
		const char *name = map->name;

		if (asi_is_rcu(map))
			continue;
		if (release(map, held->read))
			pr_alert("released %s\n", name);
		else if (release == asi_release_spinning)
			/* As a sequence count: its lock would open what is half written. */
			break;
	}
}

static void asi_forget_rcu(void)
{
	int i;

	for (i = current->lockdep_depth - 1; debug_locks && i >= 0; i--) {
		/* With PREEMPT_RCU the first is the end of rcu_read_unlock(). */
		if (asi_is_rcu(current->held_locks[i].instance) &&
		    !(IS_ENABLED(CONFIG_PREEMPT_RCU) &&
		      current->held_locks[i].instance == &rcu_lock_map))
			lock_release(current->held_locks[i].instance, _THIS_IP_);
	}
}

/* What was shown and stays held: lockdep would stop its work at the end of the task. */
static void asi_forget_locks(void)
{
	struct lockdep_map *map;
	int i;

	for (i = current->lockdep_depth - 1; debug_locks && i >= 0; i--) {
		map = current->held_locks[i].instance;
		if (asi_is_rcu(map))
			continue;
		pr_alert("%s stays held\n", map->name);
		lock_release(map, _THIS_IP_);
	}
}

void asi_release_held(void)
{
	asi_release_locks(asi_release_spinning);
	asi_forget_rcu();
	local_irq_enable();
	asi_release_locks(asi_release_sleeping);
	asi_forget_locks();
}

#else

#define ASI_OWNED_LOCKS	16

/* Of locks: mutexes and semaphores have the same words behind their owner. */
#define ASI_LOCK_LIST	(offsetof(struct mutex, wait_list) - offsetof(struct mutex, owner))
static_assert(offsetof(struct rw_semaphore, wait_list) -
	      offsetof(struct rw_semaphore, owner) == ASI_LOCK_LIST);
static_assert(offsetof(struct rw_semaphore, owner) ==
	      offsetof(struct rw_semaphore, count) + sizeof(long));

#define ASI_READ_FLAG	1UL	/* of semaphores: read by the owner, and perhaps others */
#define ASI_READ_SHIFT	8	/* of how many read it */

struct asi_search {
	unsigned long found[ASI_OWNED_LOCKS];
	unsigned int count;
};

/* What looks like a pointer may be a return address: text is not read. */
static bool asi_word(unsigned long at, unsigned long *word)
{
	return !xom_is_text((void *)at) && !get_kernel_nofault(*word, (unsigned long *)at);
}

/* The queue of a lock at @head is empty, or begins with an entry that knows it. */
static bool asi_is_list(unsigned long head, bool *is_empty)
{
	unsigned long next, back;

	if ((head % sizeof(long)) || !asi_word(head, &next) ||
	    !asi_word(next + offsetof(struct list_head, prev), &back))
		return false;
	*is_empty = next == head;
	return back == head;
}

/*
 * @at says that the task is the owner: of a lock?  Whoever read a semaphore last is named
 * until somebody else takes it.
 */
static const char *asi_lock_sort(unsigned long at, unsigned long word)
{
	unsigned long count;
	bool is_empty;

	if (!asi_is_list(at + ASI_LOCK_LIST, &is_empty))
		return NULL;
	if (!(word & ASI_READ_FLAG) || !is_empty)
		return "mutex or rw_semaphore";
	return asi_word(at - sizeof(long), &count) && count >> ASI_READ_SHIFT &&
			       count >> ASI_READ_SHIFT < PID_MAX_LIMIT ?
		       "rw_semaphore, for reading," : NULL;
}

static void asi_found_owner(struct asi_search *search, unsigned long at, unsigned long word)
{
	const char *sort = asi_lock_sort(at, word);
	char comm[TASK_COMM_LEN];
	unsigned int i;

	for (i = 0; i < search->count; i++) {
		if (search->found[i] == at)
			return;
	}
	if (!sort || search->count == ASI_OWNED_LOCKS)
		return;
	search->found[search->count++] = at;
	asi_comm(comm);
	pr_alert("%s[%d] ended as the owner of a %s at %pS\n", comm, current->pid, sort,
		 (void *)at);
}

static __no_sanitize_address void asi_search_in(struct asi_search *search, const void *from,
						const void *to)
{
	const unsigned long *at = PTR_ALIGN((const unsigned long *)from, sizeof(long));
	unsigned long word;

	for (; (const void *)(at + 1) <= to; at++) {
		word = READ_ONCE_NOCHECK(*at);
		if ((word & ~ASI_LOCK_FLAGS) == (unsigned long)current)
			asi_found_owner(search, (unsigned long)at, word);
	}
}

/* The object that a word points to, or into. */
static void asi_search_object(struct asi_search *search, unsigned long address)
{
	struct asi_slab_object object;

	if (asi_find_object(address, &object))
		asi_search_in(search, (void *)object.start, (void *)object.end);
}

static __no_sanitize_address void asi_search_stack(struct asi_search *search,
						   const struct pt_regs *regs)
{
	const unsigned long *at = (const unsigned long *)regs, *end;
	unsigned long sp = round_up(regs->sp, sizeof(long));

	for (; at < (const unsigned long *)(regs + 1); at++)
		asi_search_object(search, *at);
	if (!object_is_on_stack((void *)sp))
		return;
	asi_search_in(search, (void *)sp, task_pt_regs(current));
	end = (const unsigned long *)task_pt_regs(current);
	for (at = (const unsigned long *)sp; at < end; at++)
		asi_search_object(search, READ_ONCE_NOCHECK(*at));
}

#ifdef CONFIG_MODULES
static void asi_search_modules(struct asi_search *search)
{
	const struct module *mod;

	preempt_disable();
	list_for_each_entry_rcu(mod, &modules, list) {
		const struct module_memory *data = &mod->mem[MOD_DATA];

		if (mod->state != MODULE_STATE_UNFORMED && data->base)
			asi_search_in(search, data->base, data->base + data->size);
	}
	preempt_enable();
}
#else
static void asi_search_modules(struct asi_search *search) { }
#endif

static void asi_show_locks(const struct pt_regs *regs)
{
	struct asi_search search = {};

	asi_search_stack(&search, regs);
	asi_search_object(&search, (unsigned long)current->mm);
	asi_search_object(&search, (unsigned long)current->files);
	asi_search_object(&search, (unsigned long)current->fs);
	asi_search_object(&search, (unsigned long)current->signal);
	asi_search_in(&search, _sdata, _edata);
	asi_search_in(&search, __bss_start, __bss_stop);
	asi_search_modules(&search);
}

void asi_release_held(void)
{
}

#endif

void asi_show_held(const struct pt_regs *regs)
{
	asi_show_context(regs);
	asi_show_locks(regs);
}

static bool asi_leads_back(unsigned long from, unsigned long offset, unsigned long to)
{
	unsigned long word;

	return from >= TASK_SIZE_MAX && !(from % sizeof(long)) &&
	       !xom_is_text((void *)(from + offset)) &&
	       !get_kernel_nofault(word, (unsigned long *)(from + offset)) && word == to;
}

/* Each of two pointers leads to one that leads back: a list. */
static bool asi_is_linked_list(unsigned long at, const unsigned long word[2])
{
	return asi_leads_back(word[0], offsetof(struct list_head, prev), at) &&
	       asi_leads_back(word[1], offsetof(struct list_head, next), at);
}

/* What points to it is the second word: a list of a hash bucket. */
static bool asi_is_linked_hash(unsigned long at, const unsigned long word[2])
{
	return !object_is_on_stack((void *)word[1]) && asi_leads_back(word[1], 0, at);
}

/* Parent, right, left: a tree's node. */
static bool asi_is_linked_tree(unsigned long at, const unsigned long word[2])
{
	unsigned long parent = word[0] & ~3UL;

	return !object_is_on_stack((void *)parent) &&
	       (asi_leads_back(parent, offsetof(struct rb_node, rb_left), at) ||
		asi_leads_back(parent, offsetof(struct rb_node, rb_right), at));
}

__no_sanitize_address void asi_find_linked(unsigned long sp, struct asi_linked *linked)
{
	unsigned long base = (unsigned long)task_stack_page(current);
	unsigned long end = (unsigned long)task_pt_regs(current);
	unsigned long at, word[2];

	*linked = (struct asi_linked){ .lowest = end };
	/* Where it is elsewhere, all of the stack may be in use; not the word at its end. */
	at = sp >= base && sp < end ? round_up(sp, sizeof(long)) : base + sizeof(long);
	for (; at + sizeof(word) <= end; at += sizeof(long)) {
		word[0] = READ_ONCE_NOCHECK(*(unsigned long *)at);
		word[1] = READ_ONCE_NOCHECK(*(unsigned long *)(at + sizeof(long)));
		if ((word[0] >= base && word[0] < end) && (word[1] >= base && word[1] < end))
			continue;
		if (!asi_is_linked_list(at, word) && !asi_is_linked_hash(at, word) &&
		    !asi_is_linked_tree(at, word))
			continue;
		linked->lowest = min(linked->lowest, at);
		linked->count++;
	}
}
