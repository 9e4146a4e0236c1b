// SPDX-License-Identifier: GPL-2.0-only
/* debugfs asi/: domains, faults, policy, policy_error, stats. */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asi/gate.h>
#include "fault/fault.h"

#define ASI_POLICY_TEXT_MAX	(64 * 1024)

/* ---- domains: what each maps ------------------------------------------ */

struct asi_reach {
	u64 bytes[ASI_NR_KINDS];
	u64 total;
	u64 owned;
};

/* Leaves of borrowed tables carry no kind: their address tells. */
static int asi_reach_leaf(void *ctx, const struct asi_leaf *leaf)
{
	struct asi_reach *reach = ctx;
	enum asi_kind kind = leaf->kind;
	struct asi_place place;
	u64 va;

	reach->total += leaf->size;
	if (!leaf->borrowed)
		reach->owned += leaf->size;
	if (kind == ASI_KIND_UNKNOWN && leaf->size > PAGE_SIZE &&
	    leaf->size <= PMD_SIZE) {
		for (va = leaf->va; va < leaf->va + leaf->size; va += PAGE_SIZE) {
			asi_classify(NULL, va, &place);
			reach->bytes[place.kind] += PAGE_SIZE;
		}
		return 0;
	}
	if (kind == ASI_KIND_UNKNOWN) {
		asi_classify(NULL, leaf->va, &place);
		kind = place.kind;
	}
	reach->bytes[kind] += leaf->size;
	return 0;
}

/*
 * Everything but KASAN's shadow, whose tables for memory without a shadow of
 * its own are shared: walked, they would show 16 TiB.
 */
static void asi_reach_all(const struct asi_space *space, struct asi_reach *reach)
{
#ifdef CONFIG_KASAN
	u64 half = 1ULL << (asi_levels() == 5 ? 56 : 47);

	asi_pt_walk(&space->pt, 0, half, asi_reach_leaf, reach);
	asi_pt_walk(&space->pt, -half, KASAN_SHADOW_START + half, asi_reach_leaf, reach);
	asi_pt_walk(&space->pt, KASAN_SHADOW_END, -KASAN_SHADOW_END, asi_reach_leaf, reach);
#else
	asi_pt_walk(&space->pt, 0, 0, asi_reach_leaf, reach);
#endif
}

static void asi_show_domain(struct seq_file *m, struct asi_space *space,
			    struct asi_reach *reach)
{
	unsigned long flags;
	int kind;

	memset(reach, 0, sizeof(*reach));
	raw_spin_lock_irqsave(&space->lock, flags);
	asi_reach_all(space, reach);
	raw_spin_unlock_irqrestore(&space->lock, flags);

	seq_printf(m, "domain %u class %s pid %d comm %s\n", space->id,
		   asi_class_name(space->cls), space->pid, space->comm);
	seq_printf(m, "tables %u reserve %u owned_bytes %llu reachable_bytes %llu ram_bytes %llu\n",
		   asi_pt_tables(&space->pt), asi_pt_reserve(&space->pt),
		   reach->owned, reach->total, (u64)totalram_pages() << PAGE_SHIFT);
	for (kind = 0; kind < ASI_NR_KINDS; kind++) {
		if (reach->bytes[kind])
			seq_printf(m, "kind %s bytes %llu\n", asi_kind_name(kind),
				   reach->bytes[kind]);
	}
	seq_putc(m, '\n');
}

static int asi_domains_show(struct seq_file *m, void *unused)
{
	struct asi_reach *reach = kzalloc(sizeof(*reach), GFP_KERNEL);
	struct asi_space *space;

	guard(asi_unrestricted)();

	if (!reach)
		return -ENOMEM;
	mutex_lock(&asi_spaces_mutex);
	list_for_each_entry(space, &asi_spaces, list)
		asi_show_domain(m, space, reach);
	mutex_unlock(&asi_spaces_mutex);
	kfree(reach);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(asi_domains);

/* ---- faults ----------------------------------------------------------- */

static void asi_show_fault(struct seq_file *m, unsigned int cls,
			   const struct asi_fault_record *r)
{
	const struct asi_fault_info *info = &r->info;

	seq_printf(m, "class %s count %llu kind %s cache %s access %s action %s critical %u ip 0x%llx symbol %pS address 0x%llx pid %u cpu %u first_ns %llu last_ns %llu\n",
		   asi_class_name(cls), r->count, asi_kind_name(info->kind),
		   info->cache[0] ? info->cache : "-", asi_access_name(info->access),
		   asi_action_name(info->action), info->critical, info->ip,
		   (void *)(unsigned long)info->ip, info->address, r->pid, r->cpu,
		   r->first_ns, r->last_ns);
}

static int asi_faults_show(struct seq_file *m, void *unused)
{
	struct asi_fault_record record;
	unsigned int cls, i;

	for (cls = 0; cls < ASI_NR_CLASSES; cls++) {
		for (i = 0; i < ASI_LOG_RECORDS; i++) {
			if (asi_log_read(&asi_logs[cls], i, &record))
				asi_show_fault(m, cls, &record);
		}
	}
	for (cls = 0; cls < ASI_NR_CLASSES; cls++)
		seq_printf(m, "total %s %llu\ndropped %s %llu\n",
			   asi_class_name(cls), asi_logs[cls].total,
			   asi_class_name(cls), asi_logs[cls].dropped);
	return 0;
}

static int asi_faults_open(struct inode *inode, struct file *file)
{
	return single_open(file, asi_faults_show, NULL);
}

static ssize_t asi_faults_write(struct file *file, const char __user *ubuf,
				size_t len, loff_t *ppos)
{
	char word[8];
	ssize_t n = simple_write_to_buffer(word, sizeof(word) - 1, ppos, ubuf, len);
	unsigned int cls;

	if (n < 0)
		return n;
	word[n] = '\0';
	if (strcmp(strim(word), "clear"))
		return -EINVAL;
	for (cls = 0; cls < ASI_NR_CLASSES; cls++)
		memset(&asi_logs[cls], 0, sizeof(asi_logs[cls]));
	return len;
}

static const struct file_operations asi_faults_fops = {
	.owner = THIS_MODULE,
	.open = asi_faults_open,
	.read = seq_read,
	.write = asi_faults_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- policy ----------------------------------------------------------- */

static int asi_policy_show(struct seq_file *m, void *unused)
{
	char *text;
	ssize_t len = asi_policy_text(&text);

	if (len < 0)
		return len;
	seq_write(m, text, len);
	kvfree(text);
	return 0;
}

static ssize_t asi_policy_write(struct file *file, const char __user *ubuf,
				size_t len, loff_t *ppos)
{
	char *text;
	int err;

	if (len > ASI_POLICY_TEXT_MAX)
		return -EFBIG;
	text = memdup_user_nul(ubuf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = asi_policy_set(text, len);
	kfree(text);
	return err ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(asi_policy);

static int asi_policy_error_show(struct seq_file *m, void *unused)
{
	if (asi_policy_last_error.line)
		seq_printf(m, "line %u: %s\n", asi_policy_last_error.line,
			   asi_policy_last_error.message);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(asi_policy_error);

/* ---- stats ------------------------------------------------------------ */

static int asi_stats_show(struct seq_file *m, void *unused)
{
	int ev;

	seq_printf(m, "domains %u\n", asi_domain_count());
	for (ev = 0; ev < ASI_NR_EVENTS; ev++)
		seq_printf(m, "%s %llu\n", asi_event_name(ev), asi_event_sum(ev));
	seq_printf(m, "quarantine_pages %lu\n", asi_quarantine_pages());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(asi_stats);

static struct dentry *asi_debugfs_dir __ro_after_init;

struct dentry *asi_debugfs(void)
{
	return asi_debugfs_dir;
}
EXPORT_SYMBOL_GPL(asi_debugfs);

static int __init asi_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("asi", NULL);

	asi_debugfs_dir = dir;
	if (!asi_enabled() && !xom_on())
		return 0;
	debugfs_create_file("domains", 0400, dir, NULL, &asi_domains_fops);
	debugfs_create_file("faults", 0600, dir, NULL, &asi_faults_fops);
	debugfs_create_file("policy", 0600, dir, NULL, &asi_policy_fops);
	debugfs_create_file("policy_error", 0400, dir, NULL, &asi_policy_error_fops);
	debugfs_create_file("stats", 0400, dir, NULL, &asi_stats_fops);
	return 0;
}
fs_initcall(asi_debugfs_init);
