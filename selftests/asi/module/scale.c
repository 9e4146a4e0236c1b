// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bench/scale.py and bench/text.py cannot do from user space: allocate and free memory
 * of the kernel, patch code, and say what that took.
 *
 * debugfs asi_scale/run: write "WHAT COUNT", read the nanoseconds of COUNT operations:
 *
 *   vmalloc	allocate and free a vmalloc range of four pages
 *   free	free a page that no domain maps
 *   poke	patch one jump of this module's text, there and back
 *   mapped	free a page that one domain maps, which no CPU is inside of; without
 *		isolation as "free"
 *
 * A module of its own: asi_test watches VM exits and NMIs, which would be counted.
 */
#define pr_fmt(fmt) "asi_scale: " fmt

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asi/asi.h>

#define ASI_SCALE_VMALLOC_SIZE	(4 * PAGE_SIZE)
#define ASI_SCALE_MAX		100000U

static DEFINE_MUTEX(asi_scale_mutex);
static u64 asi_scale_ns;
static struct dentry *asi_scale_dir;

static int asi_scale_vmalloc(unsigned int count)
{
	u64 start = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < count; i++) {
		void *at = vmalloc(ASI_SCALE_VMALLOC_SIZE);

		if (!at)
			return -ENOMEM;
		vfree(at);
	}
	asi_scale_ns = ktime_get_ns() - start;
	return 0;
}

static void asi_scale_free_all(struct page **pages, unsigned int count)
{
	u64 start = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < count; i++)
		__free_page(pages[i]);
	asi_scale_ns = ktime_get_ns() - start;
}

/* @domain: maps them first, unless it is NULL. */
static int asi_scale_free(struct asi *domain, unsigned int count)
{
	struct page **pages = kvcalloc(count, sizeof(*pages), GFP_KERNEL);
	unsigned int i;
	int err = 0;

	if (!pages)
		return -ENOMEM;
	for (i = 0; i < count && !err; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i]) {
			err = -ENOMEM;
			break;
		}
		if (domain)
			err = asi_map(domain, page_address(pages[i]), PAGE_SIZE, ASI_KIND_OBJECT);
	}
	asi_scale_free_all(pages, i);
	kvfree(pages);
	return err;
}

static int asi_scale_free_mapped(unsigned int count)
{
	struct asi *domain = asi_create(ASI_CLASS_TEST, NULL, NULL);
	int err;

	if (IS_ERR(domain)) {
		if (PTR_ERR(domain) != -EOPNOTSUPP)
			return PTR_ERR(domain);
		domain = NULL;
	}
	err = asi_scale_free(domain, count);
	asi_destroy(domain);
	return err;
}

static DEFINE_STATIC_KEY_FALSE(asi_scale_key);
static unsigned int asi_scale_passed;

static int asi_scale_poke(unsigned int count)
{
	u64 start = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < count; i++) {
		static_branch_enable(&asi_scale_key);
		if (static_branch_unlikely(&asi_scale_key))
			asi_scale_passed++;
		static_branch_disable(&asi_scale_key);
	}
	asi_scale_ns = ktime_get_ns() - start;
	return 0;
}

static ssize_t run_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	char line[32], what[16];
	unsigned int count;
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	if (sscanf(line, "%15s %u", what, &count) != 2)
		return -EINVAL;
	if (!count || count > ASI_SCALE_MAX)
		return -ERANGE;
	mutex_lock(&asi_scale_mutex);
	if (!strcmp(what, "vmalloc"))
		err = asi_scale_vmalloc(count);
	else if (!strcmp(what, "free"))
		err = asi_scale_free(NULL, count);
	else if (!strcmp(what, "poke"))
		err = asi_scale_poke(count);
	else if (!strcmp(what, "mapped"))
		err = asi_scale_free_mapped(count);
	else
		err = -EINVAL;
	mutex_unlock(&asi_scale_mutex);
	return err ?: len;
}

static int run_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%llu\n", asi_scale_ns);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(run);

static int __init asi_scale_init(void)
{
	asi_scale_dir = debugfs_create_dir("asi_scale", NULL);
	debugfs_create_file("run", 0600, asi_scale_dir, NULL, &run_fops);
	return 0;
}

static void __exit asi_scale_exit(void)
{
	debugfs_remove(asi_scale_dir);
}

module_init(asi_scale_init);
module_exit(asi_scale_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What freeing memory costs beside many restricted address spaces");
