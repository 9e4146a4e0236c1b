// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi_test/entries: provoke one exception or interrupt inside a domain,
 * in a strict and in a transparent one, in a critical section and relaxed, and
 * look where the CPU is afterwards.
 *
 *   write  "EVENT [ROUNDS [strict|transparent]]"
 *   read   one line of "key value" pairs for each way it was done
 */
#define pr_fmt(fmt) "asi_test: " fmt

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include "asi_test.h"
#include "entries.h"

#define ASI_ENTRY_MAX_ROUNDS	10000

struct asi_entry_way {
	enum asi_class cls;
	bool critical;
	bool done;
	struct asi_entry entry;
};

static DEFINE_MUTEX(asi_entries_mutex);
static const struct asi_event *asi_entries_event;
static struct asi_entry_way asi_entry_ways[] = {
	{ .cls = ASI_CLASS_TEST, .critical = true },
	{ .cls = ASI_CLASS_TEST },
	{ .cls = ASI_CLASS_KVM, .critical = true },
	{ .cls = ASI_CLASS_KVM },
};

enum asi_where asi_entry_where(const struct asi_entry *entry)
{
	unsigned long root = asi_entry_root();
	const struct asi *asi = asi_current();

	if (asi == entry->asi && root == entry->restricted)
		return ASI_INSIDE;
	if (!asi && root == entry->unrestricted)
		return ASI_OUTSIDE;
	return ASI_CONTRADICTION;
}

void asi_entry_seen(struct asi_entry *entry)
{
	enum asi_where where = asi_entry_where(entry);

	if (where == ASI_CONTRADICTION)
		entry->wrong++;
	if (where == ASI_INSIDE)
		entry->seen_inside++;
	WRITE_ONCE(entry->seen, entry->seen + 1);
}

void asi_entry_count(struct asi_entry *entry, enum asi_where where)
{
	switch (where) {
	case ASI_INSIDE:
		entry->inside++;
		break;
	case ASI_OUTSIDE:
		entry->outside++;
		break;
	default:
		entry->wrong++;
	}
}

void asi_entry_await(struct asi_entry *entry, unsigned int seen)
{
	int i;

	for (i = 0; i < ASI_ENTRY_PATIENCE && READ_ONCE(entry->seen) == seen; i++)
		cpu_relax();
}

/* Preemption off: the CPU that leaves is the one that entered. */
static void asi_entry_round(struct asi_entry *entry, const struct asi_event *event,
			    bool critical)
{
	preempt_disable();
	local_irq_disable();
	asi_entry_go_in(entry);
	if (!critical)
		asi_relax();
	if (event->flags & ASI_EVENT_IRQS)
		local_irq_enable();
	event->provoke(entry);
	if (event->flags & ASI_EVENT_IRQS)
		local_irq_disable();
	asi_entry_count(entry, asi_entry_where(entry));
	if (critical)
		asi_relax();
	asi_entry_go_out(entry);
	local_irq_enable();
	preempt_enable();
	cond_resched();
}

static int asi_entry_run(struct asi_entry_way *way, const struct asi_event *event,
			 unsigned int rounds)
{
	struct asi_entry *entry = &way->entry;
	int err;

	*entry = (struct asi_entry){
		.task = current,
		.strict = way->cls == ASI_CLASS_TEST,
	};
	entry->asi = asi_create(way->cls, NULL, NULL);
	if (IS_ERR(entry->asi))
		return PTR_ERR(entry->asi);
	err = asi_map_current(entry->asi);
	if (!err && event->begin)
		err = event->begin(entry);
	if (err)
		goto destroy;
	for (entry->rounds = 0; entry->rounds < rounds; entry->rounds++) {
		if (event->round)
			event->round(entry);
		else
			asi_entry_round(entry, event, way->critical);
	}
	if (event->end)
		event->end(entry);
	way->done = true;
destroy:
	asi_destroy(entry->asi);
	return err;
}

static const char *asi_class_word(enum asi_class cls)
{
	return cls == ASI_CLASS_TEST ? "strict" : "transparent";
}

static int asi_entries_run(const char *name, unsigned int rounds, const char *only)
{
	const struct asi_event *event = asi_events_table;
	struct asi_entry_way *way;
	int i, err = 0;

	while (event->name && strcmp(event->name, name))
		event++;
	if (!event->name)
		return -EINVAL;
	asi_entries_event = event;
	for (i = 0; i < ARRAY_SIZE(asi_entry_ways); i++)
		asi_entry_ways[i].done = false;
	for (i = 0; i < ARRAY_SIZE(asi_entry_ways) && !err; i++) {
		way = &asi_entry_ways[i];
		if (*only && strcmp(only, asi_class_word(way->cls)))
			continue;
		if (!(way->critical && (event->flags & ASI_EVENT_RELAXED)))
			err = asi_entry_run(way, event, rounds);
		/* Some are for one class only. */
		if (err == -EOPNOTSUPP && way->cls == ASI_CLASS_TEST)
			err = 0;
	}
	return err;
}

static ssize_t entries_write(struct file *file, const char __user *ubuf, size_t len,
			     loff_t *ppos)
{
	unsigned int rounds = 20;
	char line[40], name[24], only[12] = "";
	ssize_t err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	if (sscanf(line, "%23s %u %11s", name, &rounds, only) < 1 || rounds > ASI_ENTRY_MAX_ROUNDS)
		return -EINVAL;
	mutex_lock(&asi_entries_mutex);
	err = asi_entries_run(name, rounds, only);
	mutex_unlock(&asi_entries_mutex);
	return err ?: len;
}

static int entries_show(struct seq_file *m, void *unused)
{
	int i;

	mutex_lock(&asi_entries_mutex);
	for (i = 0; i < ARRAY_SIZE(asi_entry_ways); i++) {
		const struct asi_entry_way *way = &asi_entry_ways[i];
		const struct asi_entry *entry = &way->entry;

		if (!way->done)
			continue;
		seq_printf(m, "event %s class %s section %s rounds %u seen %u seen_inside %u inside %u outside %u wrong %u\n",
			   asi_entries_event->name,
			   asi_class_word(way->cls),
			   way->critical ? "critical" : "relaxed", entry->rounds,
			   entry->seen, entry->seen_inside, entry->inside,
			   entry->outside, entry->wrong);
	}
	mutex_unlock(&asi_entries_mutex);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(entries);

void asi_entries_init(struct dentry *dir)
{
	debugfs_create_file("entries", 0600, dir, NULL, &entries_fops);
}
