// SPDX-License-Identifier: GPL-2.0-only
/*
 * CONFIG_ASI_BREAK: debugfs asi/netns/break, to see that the test of an accessor fails
 * without it.
 *
 *	remove FUNCTION		it is no accessor any more
 *	widen FUNCTION		whoever calls it gets at the payload, of the first namespace
 *	border			private payload leaves as it is
 *	poll			a socket is writable whether there is memory or not
 *	follow			what changes while a task sleeps in an accessor is not seen there
 *	none			all is well
 *
 * FUNCTION is what the accessor was compiled into: its caller, where it is inline.
 */
#define pr_fmt(fmt) "netns_asi: " fmt

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asi/gate.h>
#include "netns.h"

DEFINE_STATIC_KEY_FALSE(netns_break_key);

static enum netns_break netns_broken;
static char netns_break_name[64];
static unsigned long netns_break_start, netns_break_end;

static const char * const netns_break_words[NETNS_NR_BREAKS] = {
	[NETNS_BREAK_NONE] = "none",
	[NETNS_BREAK_REMOVE] = "remove",
	[NETNS_BREAK_WIDEN] = "widen",
	[NETNS_BREAK_BORDER] = "border",
	[NETNS_BREAK_POLL] = "poll",
	[NETNS_BREAK_FOLLOW] = "follow",
};

bool __netns_breaks(enum netns_break what)
{
	return READ_ONCE(netns_broken) == what;
}

static bool netns_is_broken_function(unsigned long caller)
{
	return caller >= netns_break_start && caller < netns_break_end;
}

bool netns_broken_may_open(struct netns_owner **owner, unsigned long caller)
{
	if (!netns_is_broken_function(caller))
		return *owner;
	if (__netns_breaks(NETNS_BREAK_REMOVE))
		return false;
	if (__netns_breaks(NETNS_BREAK_WIDEN) && !*owner)
		*owner = list_first_entry_or_null(&netns_owners, struct netns_owner, list);
	return *owner;
}

static int netns_break_find(const char *function)
{
	unsigned long start = kallsyms_lookup_name(function), size, offset;

	if (!start || !kallsyms_lookup_size_offset(start, &size, &offset)) {
		pr_err("break: no function \"%s\"\n", function);
		return -ENOENT;
	}
	strscpy(netns_break_name, function);
	netns_break_start = start;
	netns_break_end = start + size;
	return 0;
}

static int netns_break_parse(char *text)
{
	char *word = strsep(&text, " ");
	int what = match_string(netns_break_words, NETNS_NR_BREAKS, word), err = 0;
	bool named = what == NETNS_BREAK_REMOVE || what == NETNS_BREAK_WIDEN;

	if (what < 0 || named != !!text) {
		pr_err("break: expected remove FUNCTION, widen FUNCTION, border, poll, follow or none\n");
		return -EINVAL;
	}
	if (named)
		err = netns_break_find(text);
	if (err)
		return err;
	WRITE_ONCE(netns_broken, what);
	if (what) {
		static_branch_enable(&netns_break_key);
		pr_warn("protection is switched off for a test: %s %s\n", word,
			named ? netns_break_name : "");
	}
	return 0;
}

static ssize_t netns_break_write(struct file *file, const char __user *ubuf, size_t len,
				 loff_t *ppos)
{
	char text[80];
	int err;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, ubuf, len))
		return -EFAULT;
	text[len] = '\0';

	guard(asi_unrestricted)();

	err = netns_break_parse(strim(text));
	return err ?: len;
}

static int netns_break_show(struct seq_file *m, void *unused)
{
	guard(asi_unrestricted)();

	seq_printf(m, "%s", netns_break_words[netns_broken]);
	if (__netns_breaks(NETNS_BREAK_REMOVE) || __netns_breaks(NETNS_BREAK_WIDEN))
		seq_printf(m, " %s", netns_break_name);
	seq_putc(m, '\n');
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(netns_break);

void __init netns_break_init(struct dentry *dir)
{
	debugfs_create_file("break", 0600, dir, NULL, &netns_break_fops);
}
