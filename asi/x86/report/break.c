// SPDX-License-Identifier: GPL-2.0-only
/* Which mechanisms are switched off, for the self tests. */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/panic.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "fault/fault.h"

DEFINE_STATIC_KEY_FALSE(asi_break_key);
EXPORT_SYMBOL_GPL(asi_break_key);
unsigned long asi_broken;
EXPORT_SYMBOL_GPL(asi_broken);

static const char * const asi_break_name[ASI_NR_BREAKS] = {
	[ASI_BREAK_POLICY] = "policy",
	[ASI_BREAK_FREE] = "free",
	[ASI_BREAK_RMAP] = "rmap",
	[ASI_BREAK_QUARANTINE] = "quarantine",
	[ASI_BREAK_DRAIN] = "drain",
	[ASI_BREAK_VUNMAP] = "vunmap",
	[ASI_BREAK_CHANGED] = "changed",
	[ASI_BREAK_STACK] = "stack",
	[ASI_BREAK_GENERATION] = "generation",
	[ASI_BREAK_USER] = "user",
	[ASI_BREAK_BASE] = "base",
	[ASI_BREAK_GLOBAL] = "global",
	[ASI_BREAK_RECORD] = "record",
	[ASI_BREAK_LEAVE] = "leave",
	[ASI_BREAK_LAZY] = "lazy",
	[ASI_BREAK_CHARGE] = "charge",
	[ASI_BREAK_LIMIT] = "limit",
	[ASI_BREAK_PRUNE] = "prune",
	[ASI_BREAK_STUN] = "stun",
	[ASI_BREAK_PAGES] = "pages",
	[ASI_BREAK_ANSWER] = "answer",
	[ASI_BREAK_END] = "end",
	[ASI_BREAK_HELD] = "held",
	[ASI_BREAK_EDGE] = "edge",
	[ASI_BREAK_PKRS] = "pkrs",
	[ASI_BREAK_UNKEY] = "unkey",
	[ASI_BREAK_ALIAS] = "alias",
	[ASI_BREAK_GUARD_NPT] = "guard-npt",
	[ASI_BREAK_GUARD_EMULATOR] = "guard-emulator",
	[ASI_BREAK_GUARD_KVM] = "guard-kvm",
	[ASI_BREAK_GUARD_SLOT] = "guard-slot",
	[ASI_BREAK_GUARD_SEAL] = "guard-seal",
	[ASI_BREAK_GUARD_PIN] = "guard-pin",
	[ASI_BREAK_GUARD_JUDGE] = "guard-judge",
};

/* Words separated by commas; "none" or nothing: all is well. */
static int asi_break_parse(char *text)
{
	unsigned long broken = 0;
	char *word;
	int i;

	while ((word = strsep(&text, ",")) != NULL) {
		if (!*word || !strcmp(word, "none"))
			continue;
		i = match_string(asi_break_name, ASI_NR_BREAKS, word);
		if (i < 0) {
			pr_err("asi_break: \"%s\" is no mechanism\n", word);
			return -EINVAL;
		}
		broken |= BIT(i);
	}
	WRITE_ONCE(asi_broken, broken);
	if (broken)
		static_branch_enable(&asi_break_key);
	asi_quarantine_drain();
	if (broken)
		pr_warn("protection is switched off for a test: %#lx\n", broken);
	return 0;
}

static int __init asi_break_param(char *arg)
{
	asi_break_parse(arg);
	return 0;
}
early_param("asi_break", asi_break_param);

static ssize_t asi_break_write(struct file *file, const char __user *ubuf,
			       size_t len, loff_t *ppos)
{
	char text[80];
	int err;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, ubuf, len))
		return -EFAULT;
	text[len] = '\0';
	err = asi_break_parse(strim(text));
	return err ?: len;
}

static int asi_break_show(struct seq_file *m, void *unused)
{
	int i;

	for (i = 0; i < ASI_NR_BREAKS; i++)
		seq_printf(m, "%s %s\n", asi_break_name[i],
			   asi_breaks(i) ? "broken" : "works");
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(asi_break);

static int __init asi_break_init(void)
{
	if (asi_enabled() || xom_on() || IS_ENABLED(CONFIG_KVM_GUARD))
		debugfs_create_file("break", 0600, asi_debugfs(), NULL, &asi_break_fops);
	return 0;
}
late_initcall(asi_break_init);
