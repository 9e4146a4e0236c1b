// SPDX-License-Identifier: GPL-2.0-only
/* Boot parameters kvm_asi= and asi_flush=, and what KVM asks on every entry. */
#define pr_fmt(fmt) "kvm-asi: " fmt

#include <linux/init.h>
#include <linux/string.h>
#include "kvm_asi.h"

DEFINE_STATIC_KEY_FALSE(kvm_asi_key);
EXPORT_SYMBOL_GPL(kvm_asi_key);

/*
 * Set by the last instructions of VM entry, where buffers are cleared at every entry that
 * has a taint: they were this time.
 */
DEFINE_PER_CPU(u8, asi_cleared);
EXPORT_PER_CPU_SYMBOL_GPL(asi_cleared);

enum asi_flush_mode kvm_asi_flush_mode __ro_after_init;
EXPORT_SYMBOL_GPL(kvm_asi_flush_mode);
bool kvm_asi_flush_forced __ro_after_init;
EXPORT_SYMBOL_GPL(kvm_asi_flush_forced);
const char *const kvm_asi_mode_names[] = { "auto", "always", "never" };

static int __init kvm_asi_flush_param(char *arg)
{
	enum asi_flush_mode mode = ASI_FLUSH_AUTO;
	bool forced = false;
	char *word;
	int i;

	while ((word = strsep(&arg, ",")) != NULL) {
		i = match_string(kvm_asi_mode_names, ARRAY_SIZE(kvm_asi_mode_names), word);
		if (i >= 0) {
			mode = i;
		} else if (!strcmp(word, "force")) {
			forced = true;
		} else {
			pr_err("asi_flush=: \"%s\" is not auto, always, never or force; keeping auto\n",
			       word);
			return 0;
		}
	}
	kvm_asi_flush_mode = mode;
	kvm_asi_flush_forced = forced;
	return 0;
}
early_param("asi_flush", kvm_asi_flush_param);

static bool kvm_asi_wanted __initdata = true;

static int __init kvm_asi_param(char *arg)
{
	asi_on_off_param("kvm-asi", "kvm_asi", arg, &kvm_asi_wanted);
	return 0;
}
early_param("kvm_asi", kvm_asi_param);

static int __init kvm_asi_init(void)
{
	if (!kvm_asi_wanted || !asi_enabled())
		return 0;
	asi_consumer_on[ASI_CLASS_KVM] = true;
	static_branch_enable(&kvm_asi_key);
	return 0;
}
subsys_initcall(kvm_asi_init);
