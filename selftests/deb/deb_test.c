// SPDX-License-Identifier: GPL-2.0-only
/* A module outside of the kernel's tree, with the headers that the overlay changes. */
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <generated/utsrelease.h>

static int __init deb_test_init(void)
{
	void *object = kmalloc(64, GFP_KERNEL);

	if (!object)
		return -ENOMEM;
	kfree(object);
	pr_info("deb_test: built for %s\n", UTS_RELEASE);
	return 0;
}

static void __exit deb_test_exit(void)
{
}

module_init(deb_test_init);
module_exit(deb_test_exit);
MODULE_DESCRIPTION("A module that is built against the headers of a package");
MODULE_LICENSE("GPL");
