// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who isolates: sysctl net.asi.isolate of each namespace, and net.asi.isolate_new of the
 * first one.
 *
 *	0	what is sent from now on is ordinary
 *	1	what is sent from now on is private
 *	2	the same for good: nobody writes here any more
 *
 * It takes CAP_NET_ADMIN in the user namespace that the network namespace belongs to.  A
 * namespace that was isolated once keeps its record to its end: payload of it may be about.
 */
#define pr_fmt(fmt) "netns_asi: " fmt

#include <linux/capability.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>
#include <asi/gate.h>
#include "netns.h"

#define NETNS_LOCKED	2

struct netns_net {
	struct netns_owner *owner;	/* NULL: was never isolated */
	struct ctl_table_header *header;
	bool locked;
};

static unsigned int netns_net_id __ro_after_init;
/* Who writes to any namespace's switch. */
static DEFINE_MUTEX(netns_switch_mutex);
/* Namespaces that are made from now on. */
static int netns_isolate_new;

static struct netns_net *netns_net(const struct net *net)
{
	return net_generic(net, netns_net_id);
}

struct netns_owner *netns_owner_of(const struct net *net)
{
	const struct netns_net *n = netns_net(net);

	/* None while the namespace is made, and when that failed. */
	return n ? READ_ONCE(n->owner) : NULL;
}

/* ---- The switch ------------------------------------------------------------- */

/* Under the mutex. */
static int netns_make_owner(struct net *net)
{
	struct netns_owner *owner;

	if (netns_net(net)->owner)
		return 0;
	owner = netns_owner_create(net->ns.inum);
	if (IS_ERR(owner))
		return PTR_ERR(owner);
#ifdef CONFIG_PROC_FS
	owner->sockets_before = sock_inuse_get(net);
#endif
	/* Pairs with netns_owner_of(): all of it is there. */
	smp_store_release(&netns_net(net)->owner, owner);
	return 0;
}

/* Under the mutex. */
static int netns_switch(struct net *net, int value)
{
	struct netns_net *n = netns_net(net);
	int err = 0;

	if (n->locked)
		return -EPERM;
	if (value)
		err = netns_make_owner(net);
	if (err || !n->owner)
		return err;
	WRITE_ONCE(n->owner->isolated, value);
	n->locked = value == NETNS_LOCKED;
	return 0;
}

static int netns_value(const struct net *net)
{
	const struct netns_net *n = netns_net(net);

	if (n->locked)
		return NETNS_LOCKED;
	return n->owner && n->owner->isolated;
}

static int netns_isolate_handler(const struct ctl_table *table, int write, void *buffer,
				 size_t *lenp, loff_t *ppos)
{
	struct net *net = table->extra1;
	struct ctl_table copy = {
		.maxlen = sizeof(int),
		.mode = table->mode,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_TWO,
	};
	int value, err;

	if (write && !ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	copy.data = &value;
	/* Whoever writes may be isolated, and tables are made. */
	guard(asi_unrestricted)();

	mutex_lock(&netns_switch_mutex);
	value = netns_value(net);
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (write && !err)
		err = netns_switch(net, value);
	mutex_unlock(&netns_switch_mutex);
	return err;
}

static int netns_new_handler(const struct ctl_table *table, int write, void *buffer,
			     size_t *lenp, loff_t *ppos)
{
	if (write && !capable(CAP_NET_ADMIN))
		return -EPERM;
	return proc_dointvec_minmax(table, write, buffer, lenp, ppos);
}

static const struct ctl_table netns_table[] = {
	{
		.procname = "isolate",
		.mode = 0644,
		.proc_handler = netns_isolate_handler,
	},
	{
		.procname = "isolate_new",
		.data = &netns_isolate_new,
		.maxlen = sizeof(int),
		.mode = 0644,
		.proc_handler = netns_new_handler,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_TWO,
	},
};

/* ---- Namespaces --------------------------------------------------------------- */

static int __net_init netns_register(struct net *net)
{
	struct ctl_table *table = kmemdup(netns_table, sizeof(netns_table), GFP_KERNEL_ACCOUNT);

	if (!table)
		return -ENOMEM;
	table[0].extra1 = net;
	netns_net(net)->header =
		register_net_sysctl_sz(net, "net/asi", table,
				       net_eq(net, &init_net) ? ARRAY_SIZE(netns_table) : 1);
	if (netns_net(net)->header)
		return 0;
	kfree(table);
	return -ENOMEM;
}

static void netns_unregister(struct net *net)
{
	struct ctl_table_header *header = netns_net(net)->header;
	const struct ctl_table *table = header->ctl_table_arg;

	unregister_net_sysctl_table(header);
	kfree(table);
}

static int __net_init netns_net_init(struct net *net)
{
	int err = netns_register(net), value = READ_ONCE(netns_isolate_new);

	if (err || !value || net_eq(net, &init_net))
		return err;
	mutex_lock(&netns_switch_mutex);
	err = netns_switch(net, value);
	mutex_unlock(&netns_switch_mutex);
	/* Rather no namespace than one that is not as it was ordered. */
	if (err) {
		asi_refused("a new network namespace could not be isolated");
		netns_unregister(net);
	}
	return err;
}

static void __net_exit netns_net_exit(struct net *net)
{
	struct netns_owner *owner = netns_net(net)->owner;

	netns_unregister(net);
	/* Other parts of the namespace end later, and release sockets. */
	WRITE_ONCE(netns_net(net)->owner, NULL);
	if (owner)
		netns_owner_end(owner);
}

static struct pernet_operations netns_net_ops = {
	.init = netns_net_init,
	.exit = netns_net_exit,
	.id = &netns_net_id,
	.size = sizeof(struct netns_net),
};

int __init netns_sysctl_init(void)
{
	return register_pernet_subsys(&netns_net_ops);
}
