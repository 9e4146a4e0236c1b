// SPDX-License-Identifier: GPL-2.0-only
/* debugfs asi/sci/: profiles, text, import_error, map, violations. */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/sections.h>
#include <asi/gate.h>
#include "sci.h"

#define SCI_IMPORT_MAX	(4 * 1024 * 1024)

static struct sci_profile_error sci_import_error;

static bool sci_is_text_mapped(const struct sci_profile *profile, unsigned int page)
{
	return profile->tables &&
	       asi_is_mapped(profile->tables, (unsigned long)_text + page * PAGE_SIZE);
}

static unsigned int sci_mapped_pages(const struct sci_profile *profile)
{
	unsigned int page, n = 0;

	for (page = 0; page < sci_text_pages(); page++)
		n += sci_is_text_mapped(profile, page);
	return n;
}

static int sci_profiles_show(struct seq_file *m, void *unused)
{
	struct sci_profile *p;

	/* Whoever reads may be isolated. */
	guard(asi_unrestricted)();

	mutex_lock(&sci_profiles_mutex);
	list_for_each_entry(p, &sci_profiles, list)
		seq_printf(m, "profile %s builtin %u calls %u learned_pages %u tasks %d mapped_pages %u refused %lld\n",
			   p->data.name, p->builtin, sci_profile_call_count(&p->data),
			   sci_profile_text_count(&p->data), atomic_read(&p->tasks),
			   sci_mapped_pages(p), atomic64_read(&p->refused));
	mutex_unlock(&sci_profiles_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sci_profiles);

/* Text that is executable now, in ranges of pages. */
static void sci_show_map(struct seq_file *m, const struct sci_profile *profile)
{
	unsigned int page, first = 0;
	bool in_range = false;

	for (page = 0; page <= sci_text_pages(); page++) {
		bool mapped = page < sci_text_pages() && sci_is_text_mapped(profile, page);

		if (mapped && !in_range)
			first = page;
		else if (!mapped && in_range)
			seq_printf(m, "%s 0x%x 0x%x\n", profile->data.name, first, page - 1);
		in_range = mapped;
	}
}

static int sci_map_show(struct seq_file *m, void *unused)
{
	struct sci_profile *profile;

	guard(asi_unrestricted)();

	mutex_lock(&sci_profiles_mutex);
	list_for_each_entry(profile, &sci_profiles, list)
		sci_show_map(m, profile);
	mutex_unlock(&sci_profiles_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sci_map);

static int sci_import_error_show(struct seq_file *m, void *unused)
{
	guard(asi_unrestricted)();

	mutex_lock(&sci_profiles_mutex);
	/* Not each error is one of a line. */
	if (sci_import_error.line)
		seq_printf(m, "line %u: ", sci_import_error.line);
	seq_printf(m, "%s\n", sci_import_error.message[0] ? sci_import_error.message : "-");
	mutex_unlock(&sci_profiles_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sci_import_error);

/* More may be learned between the two passes: ask until it fits. */
static int sci_show_text(struct seq_file *m, const struct sci_profile *profile)
{
	asi_size len = sci_profile_format(&profile->data, NULL, 0), room;
	char *buf;

	do {
		room = len + PAGE_SIZE;
		buf = kvmalloc(room, GFP_KERNEL);
		if (!buf)
			return -ENOMEM;
		len = sci_profile_format(&profile->data, buf, room);
		if (len < room)
			seq_write(m, buf, len);
		kvfree(buf);
	} while (len >= room);
	return 0;
}

static int sci_text_show(struct seq_file *m, void *unused)
{
	struct sci_profile *profile;
	int err = 0;

	guard(asi_unrestricted)();

	mutex_lock(&sci_profiles_mutex);
	list_for_each_entry(profile, &sci_profiles, list) {
		err = sci_show_text(m, profile);
		if (err)
			break;
	}
	mutex_unlock(&sci_profiles_mutex);
	return err;
}

static int sci_text_import(const char __user *buf, size_t len,
			   struct sci_profile_error *error)
{
	char *text;
	int err;

	if (len > SCI_IMPORT_MAX) {
		strscpy(error->message, "the profile is longer than 4 MiB");
		return -E2BIG;
	}
	text = kvmalloc(len, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	err = copy_from_user(text, buf, len) ? -EFAULT : sci_profile_import(text, len, error);
	kvfree(text);
	return err;
}

/* A whole profile in one write. */
static ssize_t sci_text_write(struct file *file, const char __user *buf, size_t len,
			      loff_t *ppos)
{
	struct sci_profile_error error = {};
	int err;

	if (*ppos)
		return -EINVAL;

	guard(asi_unrestricted)();

	err = sci_text_import(buf, len, &error);
	if (err == -ENOMEM)
		strscpy(error.message, "out of memory");
	mutex_lock(&sci_profiles_mutex);
	sci_import_error = error;
	mutex_unlock(&sci_profiles_mutex);
	return err ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(sci_text);

int __init sci_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("sci", asi_debugfs());

	debugfs_create_file("profiles", 0400, dir, NULL, &sci_profiles_fops);
	debugfs_create_file("map", 0400, dir, NULL, &sci_map_fops);
	debugfs_create_file("import_error", 0400, dir, NULL, &sci_import_error_fops);
	debugfs_create_file("text", 0600, dir, NULL, &sci_text_fops);
	return sci_violations_init(dir);
}
