// SPDX-License-Identifier: GPL-2.0-only
/* Is isolation on, and what every part asks of the machine. */
#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/pgtable.h>
#include "core/core.h"

bool asi_boot_enabled __ro_after_init;
EXPORT_SYMBOL_GPL(asi_boot_enabled);
bool asi_nonglobal __ro_after_init;
bool asi_ready __ro_after_init;
const char *asi_off __ro_after_init = "not requested";
bool asi_consumer_on[ASI_NR_CLASSES] __ro_after_init;
EXPORT_SYMBOL_GPL(asi_consumer_on);

DEFINE_STATIC_KEY_FALSE(asi_active_key);
EXPORT_SYMBOL_GPL(asi_active_key);

bool asi_enabled(void)
{
	return asi_ready;
}
EXPORT_SYMBOL_GPL(asi_enabled);

const char *asi_off_reason(void)
{
	return asi_ready ? "-" : asi_off;
}

/* Of consumers: who could not be isolated, and so did not run. */
static atomic_t asi_refusals;
static const char *asi_refusal = "-";

void asi_refused(const char *why)
{
	WRITE_ONCE(asi_refusal, why);
	atomic_inc(&asi_refusals);
}
EXPORT_SYMBOL_GPL(asi_refused);

unsigned int asi_refused_count(void)
{
	return atomic_read(&asi_refusals);
}

const char *asi_refused_reason(void)
{
	return READ_ONCE(asi_refusal);
}

unsigned int asi_levels(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

void *asi_kernel_root(void)
{
	return init_mm.pgd;
}

bool __init asi_on_off_param(const char *who, const char *name, const char *arg, bool *value)
{
	if (arg && !strcmp(arg, "on")) {
		*value = true;
		return true;
	}
	if (arg && !strcmp(arg, "off")) {
		*value = false;
		return true;
	}
	pr_err("%s: %s=%s: expected \"on\" or \"off\", keeping %s\n", who, name, arg ?: "",
	       *value ? "on" : "off");
	return false;
}
