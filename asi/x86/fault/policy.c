// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy in force, and the fault logs.
 *
 * Faults read the policy through one pointer; a writer fills the spare copy,
 * switches the pointer and waits until no fault can be using the old one.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <asm/setup.h>
#include <asi/private.h>
#include "fault/fault.h"

struct asi_fault_log asi_logs[ASI_NR_CLASSES];
struct asi_policy_error asi_policy_last_error;

static struct asi_policy asi_policies[2];
static struct asi_policy __rcu *asi_policy_now;
static DEFINE_MUTEX(asi_policy_mutex);

static char asi_policy_param[COMMAND_LINE_SIZE] __initdata;

static int __init asi_policy_setup(char *arg)
{
	if (arg)
		strscpy(asi_policy_param, arg, sizeof(asi_policy_param));
	return 0;
}
early_param("asi_policy", asi_policy_setup);

struct asi_verdict asi_policy_of(enum asi_class cls, const struct asi_place *place,
				 enum asi_access access)
{
	/* Faults run with interrupts off, which is a read-side section. */
	struct asi_policy *p = rcu_dereference_sched_check(asi_policy_now, 1);

	if (asi_breaks(ASI_BREAK_POLICY))
		return (struct asi_verdict){ .action = ASI_ACTION_GROW };
	/* Text has its key before there is a policy. */
	if (!p)
		return (struct asi_verdict){ .action = ASI_ACTION_DENY, .log = 1 };
	return asi_policy_decide(p, cls, place->kind, place->cache, access);
}

int asi_policy_set(const char *text, size_t len)
{
	struct asi_policy *now, *next;
	int err;

	mutex_lock(&asi_policy_mutex);
	now = rcu_dereference_protected(asi_policy_now,
					lockdep_is_held(&asi_policy_mutex));
	next = now == &asi_policies[0] ? &asi_policies[1] : &asi_policies[0];
	*next = *now;
	err = asi_policy_parse(next, text, len, &asi_policy_last_error);
	if (!err) {
		rcu_assign_pointer(asi_policy_now, next);
		synchronize_rcu();
		asi_policy_last_error.line = 0;
	}
	mutex_unlock(&asi_policy_mutex);
	return err;
}

int asi_policy_rule(const char *rule)
{
	return asi_policy_set(rule, strlen(rule));
}

ssize_t asi_policy_text(char **buf)
{
	struct asi_policy *p;
	ssize_t len;

	mutex_lock(&asi_policy_mutex);
	p = rcu_dereference_protected(asi_policy_now,
				      lockdep_is_held(&asi_policy_mutex));
	len = asi_policy_format(p, NULL, 0);
	*buf = kvmalloc(len + 1, GFP_KERNEL);
	if (*buf)
		asi_policy_format(p, *buf, len + 1);
	mutex_unlock(&asi_policy_mutex);
	return *buf ? len : -ENOMEM;
}

void __init asi_policy_boot(void)
{
	if (rcu_access_pointer(asi_policy_now))
		return;
	asi_policy_default(&asi_policies[0]);
	rcu_assign_pointer(asi_policy_now, &asi_policies[0]);
	if (asi_policy_param[0] &&
	    asi_policy_set(asi_policy_param, strlen(asi_policy_param)))
		pr_err("asi_policy: rule %u: %s; keeping the built-in policy\n",
		       asi_policy_last_error.line, asi_policy_last_error.message);
}
