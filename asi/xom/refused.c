// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who wanted to read text, by function: the fault log's records of the class "xom", added up.
 * What the log does not have, because the policy said so or it was cleared, is missing here.
 */
#include <linux/kallsyms.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/sysfs.h>
#include "../x86/fault/fault.h"
#include "xom.h"

/* So many are shown: the file is one page. */
#define XOM_READERS_SHOWN	24

struct xom_reader {
	unsigned long function;		/* its first instruction, or the reading one */
	u64 refused;
	u64 logged;
};

static struct xom_reader *xom_reader_of(struct xom_reader *readers, unsigned int *n,
					unsigned long ip)
{
	unsigned long size, offset;
	unsigned int i;

	if (kallsyms_lookup_size_offset(ip, &size, &offset))
		ip -= offset;
	for (i = 0; i < *n; i++) {
		if (readers[i].function == ip)
			return &readers[i];
	}
	readers[*n].function = ip;
	return &readers[(*n)++];
}

static unsigned int xom_add_up(struct xom_reader *readers)
{
	struct asi_fault_record record;
	struct xom_reader *reader;
	unsigned int i, n = 0;

	for (i = 0; i < ASI_LOG_RECORDS; i++) {
		if (!asi_log_read(&asi_logs[ASI_CLASS_XOM], i, &record))
			continue;
		reader = xom_reader_of(readers, &n, record.info.ip);
		if (record.info.action == ASI_ACTION_DENY)
			reader->refused += record.count;
		else
			reader->logged += record.count;
	}
	return n;
}

static int xom_compare(const void *a, const void *b)
{
	const struct xom_reader *x = a, *y = b;
	u64 of_x = x->refused + x->logged, of_y = y->refused + y->logged;

	return of_x < of_y ? 1 : of_x > of_y ? -1 : 0;
}

/* Lines "reader", the most frequent first; returns where @buf ends. */
int xom_show_readers(char *buf, int at)
{
	struct xom_reader *readers = kcalloc(ASI_LOG_RECORDS, sizeof(*readers), GFP_KERNEL);
	unsigned int i, n;

	if (!readers)
		return -ENOMEM;
	n = xom_add_up(readers);
	sort(readers, n, sizeof(*readers), xom_compare, NULL);
	for (i = 0; i < n && i < XOM_READERS_SHOWN; i++)
		at += sysfs_emit_at(buf, at, "reader refused %llu logged %llu symbol %ps\n",
				    readers[i].refused, readers[i].logged,
				    (void *)readers[i].function);
	kfree(readers);
	return at;
}
