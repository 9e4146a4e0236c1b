// SPDX-License-Identifier: GPL-2.0-only
/* debugfs asi/netns/: namespaces, refused, and the reserve. */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <asi/gate.h>
#include "netns.h"

static const char * const netns_count_names[NETNS_NR_COUNTS] = {
	[NETNS_COUNT_NOT_PRIVATE] = "not_private_sends",
	[NETNS_COUNT_BORDER] = "border_bytes",
	[NETNS_COUNT_BORDER_REFUSED] = "border_refused",
	[NETNS_COUNT_EXHAUSTED] = "exhausted",
	[NETNS_COUNT_REFUSED] = "refused",
	[NETNS_COUNT_ADMITTED] = "admitted",
};

static const char * const netns_proto_names[NETNS_NR_PROTOS] = {
	[NETNS_PROTO_TCP] = "tcp",
	[NETNS_PROTO_UNIX] = "unix",
	[NETNS_PROTO_UDP] = "udp",
	[NETNS_PROTO_RAW] = "raw",
	[NETNS_PROTO_PACKET] = "packet",
	[NETNS_PROTO_OTHER] = "other",
};

static void netns_show_owner(struct seq_file *m, struct netns_owner *owner)
{
	unsigned int i;

	seq_printf(m, "namespace %u isolated %u dying %u granules %u free_pieces %u table_pages %u sockets_before %u",
		   owner->inum, READ_ONCE(owner->isolated), READ_ONCE(owner->dying),
		   READ_ONCE(owner->granules), READ_ONCE(owner->free_pieces),
		   asi_mirror_pages(&owner->mirror), owner->sockets_before);
	for (i = 0; i < NETNS_NR_PROTOS; i++)
		seq_printf(m, " %s_private_bytes %lld %s_spilled_bytes %lld",
			   netns_proto_names[i], atomic64_read(&owner->sent[i].private),
			   netns_proto_names[i], atomic64_read(&owner->sent[i].spilled));
	for (i = 0; i < NETNS_NR_COUNTS; i++)
		seq_printf(m, " %s %lld", netns_count_names[i],
			   atomic64_read(&owner->count[i]));
	seq_putc(m, '\n');
}

static int netns_namespaces_show(struct seq_file *m, void *unused)
{
	struct netns_owner *owner;

	/* Whoever reads may be isolated. */
	guard(asi_unrestricted)();

	mutex_lock(&netns_owners_mutex);
	list_for_each_entry(owner, &netns_owners, list)
		netns_show_owner(m, owner);
	mutex_unlock(&netns_owners_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(netns_namespaces);

static int netns_reserve_show(struct seq_file *m, void *unused)
{
	struct netns_pool_state state;

	guard(asi_unrestricted)();

	netns_pool_state(&state);
	seq_printf(m, "granule_bytes %lu\ngranules %u\nfree %u\npromised %u\nfloor %u\n",
		   NETNS_GRANULE, state.granules, state.free, state.promised, NETNS_FLOOR);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(netns_reserve);

static int netns_refused_show(struct seq_file *m, void *unused)
{
	guard(asi_unrestricted)();

	netns_show_refused(m);
	return 0;
}

/* What is written is of no matter. */
static ssize_t netns_refused_write(struct file *file, const char __user *buf, size_t len,
				   loff_t *ppos)
{
	guard(asi_unrestricted)();

	netns_clear_refused();
	return len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(netns_refused);

void __init netns_report_init(void)
{
	struct dentry *dir = debugfs_create_dir("netns", asi_debugfs());

	debugfs_create_file("namespaces", 0400, dir, NULL, &netns_namespaces_fops);
	debugfs_create_file("reserve", 0400, dir, NULL, &netns_reserve_fops);
	debugfs_create_file("refused", 0600, dir, NULL, &netns_refused_fops);
	netns_verify_init(dir);
	netns_break_init(dir);
}
