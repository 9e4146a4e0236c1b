// SPDX-License-Identifier: GPL-2.0-only
/*
 * Payload of sockets: where it lies, and what a touch of it gives.  The file "payload":
 *
 *	scan HEX	look at every page of memory for a word of eight bytes that is
 *			repeated at least four times, at any alignment; HEX is its complement,
 *			so that asking does not put the word into memory
 *	socket FD AT	byte AT of the buffer that waits first in that socket of the caller
 *	read CONTEXT	a plain load of its first word: task, kthread, softirq, timer or
 *			interrupt; or nofault, by the exception table
 *	write CONTEXT	a plain store of zero there
 *	call WHO FUNCTION FD AT
 *			call an accessor on what waits in that socket: as its owner, or as a
 *			stranger, for whom nobody acts; did it reach byte AT?
 *
 * What comes of it is what the file shows.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/page-flags.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include <asi/private.h>
#include "asi_test.h"

#define ASI_HITS_SHOWN	64
#define ASI_REPEATED	4

/* ---- Scanning --------------------------------------------------------------- */

struct asi_hit {
	unsigned long address;
	const char *owner;
};

static struct {
	unsigned long pages, unreadable, hits;
	struct asi_hit hit[ASI_HITS_SHOWN];
} asi_scan;

static const char *asi_page_owner(struct page *page)
{
	struct folio *folio = page_folio(page);

	if (asi_is_private((unsigned long)page_address(page)))
		return "private";
	if (PageReserved(page))
		return "reserved";
	if (folio_test_slab(folio))
		return "slab";
	if (PageBuddy(page))
		return "free";
	if (folio_test_anon(folio))
		return "anonymous";
	return folio->mapping ? "file" : "kernel";
}

/* Whatever its alignment, a repeated word shows as one of its rotations. */
static bool asi_is_rotation(u64 word, u64 wanted)
{
	unsigned int i;

	for (i = 0; i < sizeof(word); i++) {
		if (word == ror64(wanted, 8 * i))
			return true;
	}
	return false;
}

static int asi_find_word(const u64 *page, u64 complement)
{
	unsigned int i, same = 1;

	for (i = 1; i < PAGE_SIZE / sizeof(u64); i++) {
		same = page[i] == page[i - 1] ? same + 1 : 1;
		if (same == ASI_REPEATED && asi_is_rotation(~page[i], complement))
			return (i + 1 - ASI_REPEATED) * sizeof(u64);
	}
	return -1;
}

static void asi_scan_page(unsigned long pfn, u64 *copy, u64 complement)
{
	unsigned long address = (unsigned long)pfn_to_kaddr(pfn);
	int at;

	if (address == (unsigned long)copy)
		return;
	asi_scan.pages++;
	if (copy_from_kernel_nofault(copy, (void *)address, PAGE_SIZE)) {
		asi_scan.unreadable++;
		return;
	}
	at = asi_find_word(copy, complement);
	memset(copy, 0, PAGE_SIZE);
	if (at < 0)
		return;
	if (asi_scan.hits < ASI_HITS_SHOWN)
		asi_scan.hit[asi_scan.hits] = (struct asi_hit){
			.address = address + at,
			.owner = asi_page_owner(pfn_to_page(pfn)),
		};
	asi_scan.hits++;
}

static int asi_scan_memory(u64 complement)
{
	u64 *copy = (u64 *)get_zeroed_page(GFP_KERNEL);
	unsigned long pfn, end = PHYS_PFN(__pa(high_memory));

	if (!copy)
		return -ENOMEM;
	memset(&asi_scan, 0, sizeof(asi_scan));
	for (pfn = 0; pfn < end; pfn++) {
		if (pfn_to_online_page(pfn))
			asi_scan_page(pfn, copy, complement);
		cond_resched();
	}
	free_page((unsigned long)copy);
	return 0;
}

/* ---- Where a socket's payload lies -------------------------------------------- */

static unsigned long asi_payload;

static unsigned long asi_address_in(const struct sk_buff *skb, unsigned int at)
{
	unsigned int headlen = skb_headlen(skb);

	if (at < headlen)
		return (unsigned long)skb->data + at;
	/* A datagram of several fragments of IP is a list of buffers. */
	if (!skb_shinfo(skb)->nr_frags)
		return 0;
	return (unsigned long)skb_frag_address(&skb_shinfo(skb)->frags[0]) + at - headlen;
}

static int asi_find_payload(int fd, unsigned int at)
{
	struct socket *sock;
	struct sk_buff *skb;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return err;
	err = -ENOENT;
	spin_lock_bh(&sock->sk->sk_receive_queue.lock);
	skb = skb_peek(&sock->sk->sk_receive_queue);
	asi_payload = skb ? asi_address_in(skb, at) : 0;
	if (asi_payload)
		err = 0;
	spin_unlock_bh(&sock->sk->sk_receive_queue.lock);
	sockfd_put(sock);
	return err;
}

/* ---- Touching it --------------------------------------------------------------- */

static struct {
	const char *context;
	bool write, failed;
	u64 word;
	struct completion done;
} asi_touch;

static void asi_touch_now(void)
{
	if (asi_touch.write)
		WRITE_ONCE(*(u64 *)asi_payload, 0);
	else
		asi_touch.word = READ_ONCE(*(u64 *)asi_payload);
}

static void asi_touch_and_tell(void)
{
	asi_touch_now();
	complete(&asi_touch.done);
}

static int asi_touch_kthread(void *unused)
{
	asi_touch_and_tell();
	return 0;
}

static void asi_touch_tasklet(struct tasklet_struct *unused) { asi_touch_and_tell(); }
static void asi_touch_timer(struct timer_list *unused) { asi_touch_and_tell(); }
static void asi_touch_irq_work(struct irq_work *unused) { asi_touch_and_tell(); }

static DECLARE_TASKLET(asi_tasklet, asi_touch_tasklet);
static DEFINE_TIMER(asi_timer, asi_touch_timer);
static struct irq_work asi_irq_work = IRQ_WORK_INIT_HARD(asi_touch_irq_work);

static int asi_touch_in(const char *context)
{
	struct task_struct *task;

	if (!asi_payload)
		return -ENOENT;
	init_completion(&asi_touch.done);
	asi_touch.failed = false;
	if (!strcmp(context, "task")) {
		asi_touch_and_tell();
	} else if (!strcmp(context, "nofault")) {
		asi_touch.failed = copy_from_kernel_nofault(&asi_touch.word, (void *)asi_payload,
							    sizeof(u64));
		complete(&asi_touch.done);
	} else if (!strcmp(context, "kthread")) {
		task = kthread_run(asi_touch_kthread, NULL, "asi_payload");
		if (IS_ERR(task))
			return PTR_ERR(task);
	} else if (!strcmp(context, "softirq")) {
		tasklet_schedule(&asi_tasklet);
	} else if (!strcmp(context, "timer")) {
		mod_timer(&asi_timer, jiffies + 1);
	} else if (!strcmp(context, "interrupt")) {
		irq_work_queue(&asi_irq_work);
	} else {
		return -EINVAL;
	}
	return wait_for_completion_timeout(&asi_touch.done, 10 * HZ) ? 0 : -ETIMEDOUT;
}

/* ---- The file -------------------------------------------------------------------- */

static int asi_payload_show(struct seq_file *m, void *unused)
{
	unsigned long i;

	seq_printf(m, "scan pages %lu unreadable %lu hits %lu\n", asi_scan.pages,
		   asi_scan.unreadable, asi_scan.hits);
	for (i = 0; i < min_t(unsigned long, asi_scan.hits, ASI_HITS_SHOWN); i++)
		seq_printf(m, "hit 0x%lx owner %s\n", asi_scan.hit[i].address,
			   asi_scan.hit[i].owner);
	seq_printf(m, "payload 0x%lx private %u\n", asi_payload, asi_is_private(asi_payload));
	seq_printf(m, "call reached %u\n", asi_accessor_reached);
	/* The complement: nobody need find it here. */
	seq_printf(m, "touch failed %u complement 0x%016llx\n", asi_touch.failed, ~asi_touch.word);
	return 0;
}

static int asi_payload_do(char *line)
{
	char *word = strsep(&line, " ");
	u64 value;
	unsigned int at;
	int fd;

	if (!line)
		return -EINVAL;
	if (!strcmp(word, "scan"))
		return kstrtou64(line, 16, &value) ?: asi_scan_memory(value);
	if (!strcmp(word, "socket"))
		return sscanf(line, "%d %u", &fd, &at) == 2 ? asi_find_payload(fd, at) : -EINVAL;
	if (!strcmp(word, "call"))
		return asi_call_accessor(line);
	asi_touch.write = !strcmp(word, "write");
	return asi_touch.write || !strcmp(word, "read") ? asi_touch_in(line) : -EINVAL;
}

static ssize_t asi_payload_write(struct file *file, const char __user *ubuf, size_t len,
				 loff_t *ppos)
{
	char line[64];
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	err = asi_payload_do(strim(line));
	return err ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(asi_payload);

void asi_payload_init(struct dentry *dir)
{
	debugfs_create_file("payload", 0600, dir, NULL, &asi_payload_fops);
}

void asi_payload_exit(void)
{
	tasklet_kill(&asi_tasklet);
	del_timer_sync(&asi_timer);
	irq_work_sync(&asi_irq_work);
}
