// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that does nothing: loaded and unloaded while domains are in use,
 * which see every module through the kernel's own table.
 */
#include <linux/init.h>
#include <linux/module.h>

/* Some pages of each kind, so that the module's text and data come and go. */
static char asi_idle_data[3 * PAGE_SIZE] = { 1 };
static const char asi_idle_rodata[PAGE_SIZE] = { 1 };

static int __init asi_idle_init(void)
{
	asi_idle_data[PAGE_SIZE] = asi_idle_rodata[0];
	return 0;
}

static void __exit asi_idle_exit(void)
{
	asi_idle_data[PAGE_SIZE] = 0;
}

module_init(asi_idle_init);
module_exit(asi_idle_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Does nothing, for the self tests of address-space isolation");
