// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi_test/: the attacker's side of the self tests.
 *
 *   plant   write "KIND [PID VA]"
 *   fire    write "TGID": read the secret in the next VM exit of that process;
 *           write "here": read it in this system call
 *           write "freed TGID": map a page in the VM's domain, free it, read it
 *   asleep  write "TGID": see asleep.c; read: what became of it
 *   device  write "leaks": the processor has MMIO Stale Data;
 *           write "TGID": that process's guest has a device assigned
 *   corrupt write what shall happen to a domain made for it
 *   stale   write "stay", "enter" or "idle": free a page whose translation a CPU holds
 *   tables  write "COUNT [MIB]": grow by so many tables, see tables.c
 *   states  write milliseconds: stay in a strict domain
 *   beside  see beside.c; entries: see entries.c; wake: see wake.c
 *   attack  see attack.c; xom: see xom.c
 *   torture write "SEED MS WORKERS": random operations, 0 WORKERS: by the writer
 *           itself; read: how many, and how often something was wrong
 *   result  read: what happened, one line of "key value" pairs
 */
#define pr_fmt(fmt) "asi_test: " fmt

#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <asi/asi.h>
#include "asi_test.h"

static DEFINE_MUTEX(asi_test_mutex);
static struct asi_secret asi_secret;
static struct asi_attempt asi_attempt;
static struct asi_stale asi_stale;
static struct asi_asleep asi_asleep;
static struct asi_growth asi_growth;
static u64 asi_rounds, asi_wrong;
static struct dentry *asi_test_dir;

ssize_t asi_test_line(char *line, size_t size, const char __user *ubuf, size_t len)
{
	if (len >= size)
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	return 0;
}

static ssize_t plant_write(struct file *file, const char __user *ubuf, size_t len,
			   loff_t *ppos)
{
	char line[80], what[24];
	unsigned long va = 0;
	int pid = 0;
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	if (sscanf(line, "%23s %d %lx", what, &pid, &va) < 1)
		return -EINVAL;
	mutex_lock(&asi_test_mutex);
	memset(&asi_attempt, 0, sizeof(asi_attempt));
	err = asi_plant(&asi_secret, what, pid, va);
	mutex_unlock(&asi_test_mutex);
	return err ?: len;
}

/* Learn the VM's domain by one harmless shot, then use it. */
static int asi_fire_freed(int tgid)
{
	int err;

	err = asi_plant(&asi_secret, "slab", 0, 0);
	if (!err)
		err = asi_probe_fire(tgid, &asi_secret, &asi_attempt);
	if (err)
		return err;
	if (!asi_attempt.domain)
		return asi_plant(&asi_secret, "free_page", 0, 0) ?:
		       asi_probe_fire(tgid, &asi_secret, &asi_attempt);
	err = asi_plant_free_mapped(&asi_secret, asi_attempt.domain);
	return err ?: asi_probe_fire(tgid, &asi_secret, &asi_attempt);
}

static ssize_t fire_write(struct file *file, const char __user *ubuf, size_t len,
			  loff_t *ppos)
{
	char line[32];
	int tgid;
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	mutex_lock(&asi_test_mutex);
	if (!strncmp(line, "here", 4))
		asi_probe_here(&asi_secret, &asi_attempt);
	else if (sscanf(line, "freed %d", &tgid) == 1)
		err = asi_fire_freed(tgid);
	else if (sscanf(line, "%d", &tgid) == 1)
		err = asi_probe_fire(tgid, &asi_secret, &asi_attempt);
	else
		err = -EINVAL;
	mutex_unlock(&asi_test_mutex);
	return err ?: len;
}

static ssize_t corrupt_write(struct file *file, const char __user *ubuf, size_t len,
			     loff_t *ppos)
{
	char line[32];
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	mutex_lock(&asi_test_mutex);
	err = asi_corrupt(strim(line), &asi_secret);
	mutex_unlock(&asi_test_mutex);
	return err ?: len;
}

static ssize_t stale_write(struct file *file, const char __user *ubuf, size_t len,
			   loff_t *ppos)
{
	char line[32];
	const char *how;
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	how = strim(line);
	mutex_lock(&asi_test_mutex);
	if (!strcmp(how, "idle"))
		err = asi_lazy_run(&asi_stale);
	else if (!strcmp(how, "stay") || !strcmp(how, "enter"))
		err = asi_stale_run(!strcmp(how, "enter"), &asi_stale);
	else
		err = -EINVAL;
	mutex_unlock(&asi_test_mutex);
	return err ?: len;
}

static ssize_t tables_write(struct file *file, const char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	unsigned int count, mib = 0;
	char line[32];
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	if (sscanf(line, "%u %u", &count, &mib) < 1 || !count || count > 8192)
		return -EINVAL;
	mutex_lock(&asi_test_mutex);
	err = asi_growth_run(count, mib, &asi_growth);
	mutex_unlock(&asi_test_mutex);
	return err ?: len;
}

static ssize_t states_write(struct file *file, const char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	unsigned int ms;
	ssize_t err = kstrtouint_from_user(ubuf, len, 10, &ms);

	if (err)
		return err;
	if (!ms || ms > 60000)
		return -ERANGE;
	mutex_lock(&asi_test_mutex);
	asi_rounds = 0;
	asi_wrong = 0;
	err = asi_states_run(ms, &asi_rounds, &asi_wrong);
	mutex_unlock(&asi_test_mutex);
	return err ?: len;
}

/*
 * Without the mutex, and without debugfs watching: when the attack is stopped
 * nobody comes back from here.
 */
static ssize_t attack_write(struct file *file, const char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	char line[48];
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	return err ?: asi_attack_run(line, &asi_secret) ?: len;
}

static int result_show(struct seq_file *m, void *unused)
{
	mutex_lock(&asi_test_mutex);
	seq_printf(m, "kind %s address 0x%lx expected 0x%lx fired %d inside_before %d faulted %d match %d inside_after %d reachable %d rounds %llu wrong %llu stayed %d reused %d seen %d tables %u charged %u outside %u left %u ",
		   asi_secret.kind[0] ? asi_secret.kind : "-", asi_secret.address,
		   asi_secret.expected, asi_attempt.fired,
		   asi_attempt.inside_before, asi_attempt.faulted,
		   !asi_attempt.faulted && asi_attempt.value == asi_secret.expected,
		   asi_attempt.inside_after, asi_attempt.reachable, asi_rounds,
		   asi_wrong, asi_stale.stayed, asi_stale.reused, asi_stale.seen,
		   asi_growth.tables, asi_growth.charged, asi_growth.outside,
		   asi_growth.left);
	asi_attack_show(m);
	mutex_unlock(&asi_test_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

/* Without the mutex: writers torture side by side. */
static ssize_t torture_write(struct file *file, const char __user *ubuf, size_t len,
			     loff_t *ppos)
{
	char line[48];
	unsigned int seed, ms, workers;
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	if (sscanf(line, "%u %u %u", &seed, &ms, &workers) != 3)
		return -EINVAL;
	return asi_torture_run(seed, ms, workers) ?: len;
}

static int torture_show(struct seq_file *m, void *unused)
{
	asi_torture_show(m);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(torture);

static ssize_t asleep_write(struct file *file, const char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	int tgid;
	ssize_t err = kstrtoint_from_user(ubuf, len, 10, &tgid);

	if (err)
		return err;
	mutex_lock(&asi_test_mutex);
	err = asi_asleep_run(tgid, &asi_asleep);
	mutex_unlock(&asi_test_mutex);
	return err ?: len;
}

static int asleep_show(struct seq_file *m, void *unused)
{
	mutex_lock(&asi_test_mutex);
	seq_printf(m, "inside %d stayed %d\n", asi_asleep.inside, asi_asleep.stayed);
	mutex_unlock(&asi_test_mutex);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(asleep);

static ssize_t device_write(struct file *file, const char __user *ubuf, size_t len,
			    loff_t *ppos)
{
	char line[32];
	int tgid;
	ssize_t err = asi_test_line(line, sizeof(line), ubuf, len);

	if (err)
		return err;
	if (!strcmp(strim(line), "leaks")) {
		asi_leak_to_devices();
		return len;
	}
	return kstrtoint(strim(line), 10, &tgid) ?: asi_assign_device(tgid) ?: len;
}

#define ASI_TEST_WRITE_ONLY(name)				\
static const struct file_operations name##_fops = {		\
	.owner = THIS_MODULE,					\
	.open = simple_open,					\
	.write = name##_write,					\
}

ASI_TEST_WRITE_ONLY(plant);
ASI_TEST_WRITE_ONLY(fire);
ASI_TEST_WRITE_ONLY(corrupt);
ASI_TEST_WRITE_ONLY(stale);
ASI_TEST_WRITE_ONLY(tables);
ASI_TEST_WRITE_ONLY(states);
ASI_TEST_WRITE_ONLY(device);

static __poll_t attack_poll(struct file *file, poll_table *wait)
{
	return asi_attack_poll();
}

static const struct file_operations attack_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = attack_write,
	.poll = attack_poll,
};

static int __init asi_test_init(void)
{
	int err = asi_probe_init();

	if (err) {
		pr_err("tracepoint kvm_exit: %d\n", err);
		return err;
	}
	err = asi_torture_init();
	if (err) {
		pr_err("NMI handler: %d\n", err);
		asi_probe_exit();
		return err;
	}
	asi_test_dir = debugfs_create_dir("asi_test", NULL);
	debugfs_create_file("plant", 0200, asi_test_dir, NULL, &plant_fops);
	debugfs_create_file("fire", 0200, asi_test_dir, NULL, &fire_fops);
	debugfs_create_file("asleep", 0600, asi_test_dir, NULL, &asleep_fops);
	debugfs_create_file("device", 0200, asi_test_dir, NULL, &device_fops);
	debugfs_create_file("corrupt", 0200, asi_test_dir, NULL, &corrupt_fops);
	debugfs_create_file("stale", 0200, asi_test_dir, NULL, &stale_fops);
	debugfs_create_file("tables", 0200, asi_test_dir, NULL, &tables_fops);
	debugfs_create_file("states", 0200, asi_test_dir, NULL, &states_fops);
	debugfs_create_file_unsafe("attack", 0200, asi_test_dir, NULL, &attack_fops);
	asi_beside_init(asi_test_dir);
	asi_entries_init(asi_test_dir);
	asi_payload_init(asi_test_dir);
	asi_wake_init(asi_test_dir);
	asi_patch_init(asi_test_dir);
	asi_xom_init(asi_test_dir);
	debugfs_create_file("torture", 0600, asi_test_dir, NULL, &torture_fops);
	debugfs_create_file("result", 0400, asi_test_dir, NULL, &result_fops);
	return 0;
}

static void __exit asi_test_exit(void)
{
	debugfs_remove(asi_test_dir);
	asi_wake_exit();
	asi_payload_exit();
	asi_xom_exit();
	asi_torture_exit();
	asi_probe_exit();
	asi_corrupt_end();
	asi_attack_exit();
	asi_patch_exit();
	asi_unplant_all();
}

module_init(asi_test_init);
module_exit(asi_test_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Attempts to read secrets from restricted address spaces");
