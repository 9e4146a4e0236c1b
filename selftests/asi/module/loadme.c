// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module to load and unload: text, data, a per-CPU area and an init section,
 * all of which are gone afterwards.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/percpu.h>

static DEFINE_PER_CPU(unsigned long, loadme_visits);

static void loadme_visit(void *unused)
{
	this_cpu_inc(loadme_visits);
}

static int __init loadme_init(void)
{
	on_each_cpu(loadme_visit, NULL, 1);
	return this_cpu_read(loadme_visits) == 1 ? 0 : -EIO;
}

static void __exit loadme_exit(void)
{
}

module_init(loadme_init);
module_exit(loadme_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Comes and goes while a CPU is restricted");
