// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs asi_test/xom: read kernel text in every way there is.
 *
 *   write  "HOW ADDRESS": read one byte there
 *          "kvm ADDRESS TGID": in the next VM exit of that process
 *          "scan HOW ADDRESS END STRIDE": a byte at every STRIDE of what is executable there
 *          "die ADDRESS": by a plain load, which nothing copes with
 *          "warn": WARN(), whose instruction is decoded
 *          "bpf": compile a BPF program, whose place is told
 *          "its": where this module's thunks against ITS are; 0 if it has none
 *          "pkrs": let everybody read on this CPU, behind the kernel's back
 *   read   what was read: "how HOW address ADDRESS tried N got N value BYTE inside N"; inside:
 *          by a CPU that was in a domain
 *
 * HOW: load, nofault, user (to the writer's buffer), alias (the direct map's address),
 * vmap, map (to user space), softirq, nmi.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/filter.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/apic.h>
#include <asm/asm.h>
#include <asm/extable.h>
#include <asm/nmi.h>
#include <asm/pgtable.h>
#include <asi/asi.h>
#include "asi_test.h"

static DEFINE_MUTEX(xom_mutex);
static struct {
	char how[12];
	unsigned long address;
	unsigned long tried;
	unsigned long got;
	u8 value;
} xom_result;
static struct bpf_prog *xom_program;

static ssize_t xom_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos);

/* Of the reader's place: in data, which every domain maps. */
static unsigned long xom_where;
static u8 xom_byte;
static bool xom_got;
static bool xom_inside;

static noinline bool xom_load(unsigned long address, u8 *value)
{
	unsigned long ok = 0;
	u8 byte = 0;

	xom_inside = asi_current();
	asm volatile("1: movb (%[at]), %[byte]\n"
		     "   movl $1, %k[ok]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [byte] "=&q" (byte), [ok] "+r" (ok) : [at] "r" (address));
	*value = byte;
	return ok;
}

static bool xom_nofault(unsigned long address, u8 *value)
{
	return !copy_from_kernel_nofault(value, (void *)address, 1);
}

/* Without the check of hardened copies, which knows the kernel's text. */
static bool xom_user(unsigned long address, u8 *value, char __user *ubuf)
{
	unsigned long left;

	left = raw_copy_to_user(ubuf, (void *)address, 1);
	return !left && !copy_from_user(value, ubuf, 1);
}

static struct page *xom_page(unsigned long address)
{
	/* As the kernel does for its image. */
	if (address >= __START_KERNEL_map && address < MODULES_VADDR)
		return pfn_to_page(PHYS_PFN(address - __START_KERNEL_map + phys_base));
	return is_vmalloc_or_module_addr((void *)address) ? vmalloc_to_page((void *)address) :
							    NULL;
}

static bool xom_alias(unsigned long address, u8 *value)
{
	struct page *page = xom_page(address);

	return page && xom_load((unsigned long)page_address(page) + offset_in_page(address),
				value);
}

static bool xom_vmap(unsigned long address, u8 *value)
{
	struct page *page = xom_page(address);
	u8 *mapped = page ? vmap(&page, 1, VM_MAP, PAGE_KERNEL_RO) : NULL;
	bool got;

	if (!mapped)
		return false;
	got = xom_load((unsigned long)mapped + offset_in_page(address), value);
	vunmap(mapped);
	return got;
}

/* In the first page of the writer's mapping of this file. */
static bool xom_map(unsigned long address, u8 *value)
{
	struct page *page = xom_page(address);
	struct vm_area_struct *vma;
	unsigned long at = 0;
	int err = -EFAULT;

	mmap_write_lock(current->mm);
	VMA_ITERATOR(vmi, current->mm, 0);
	for_each_vma(vmi, vma) {
		if (!page || !vma->vm_file || vma->vm_file->f_op->write != xom_write)
			continue;
		at = vma->vm_start;
		zap_vma_ptes(vma, at, PAGE_SIZE);
		err = remap_pfn_range(vma, at, page_to_pfn(page), PAGE_SIZE, PAGE_READONLY);
		break;
	}
	mmap_write_unlock(current->mm);
	return !err && !copy_from_user(value, (void __user *)(at + offset_in_page(address)), 1);
}

static void xom_read_there(void)
{
	u8 value;

	xom_got = xom_load(xom_where, &value);
	xom_byte = value;
}

static DECLARE_COMPLETION(xom_done);

static void xom_on_tasklet(struct tasklet_struct *tasklet)
{
	xom_read_there();
	complete(&xom_done);
}

static DECLARE_TASKLET(xom_tasklet, xom_on_tasklet);

static bool xom_softirq(unsigned long address, u8 *value)
{
	xom_where = address;
	reinit_completion(&xom_done);
	tasklet_schedule(&xom_tasklet);
	wait_for_completion(&xom_done);
	*value = xom_byte;
	return xom_got;
}

static bool xom_nmi_sent;

static int xom_on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!READ_ONCE(xom_nmi_sent))
		return NMI_DONE;
	xom_read_there();
	WRITE_ONCE(xom_nmi_sent, false);
	return NMI_HANDLED;
}

static bool xom_nmi(unsigned long address, u8 *value)
{
	if (register_nmi_handler(NMI_LOCAL, xom_on_nmi, 0, "asi_test_xom"))
		return false;
	xom_where = address;
	preempt_disable();
	WRITE_ONCE(xom_nmi_sent, true);
	__apic_send_IPI_mask(cpumask_of(raw_smp_processor_id()), NMI_VECTOR);
	while (READ_ONCE(xom_nmi_sent))
		cpu_relax();
	preempt_enable();
	unregister_nmi_handler(NMI_LOCAL, "asi_test_xom");
	*value = xom_byte;
	return xom_got;
}

static bool xom_shot(void *unused)
{
	xom_read_there();
	return true;
}

static bool xom_try(const char *how, unsigned long address, u8 *value, char __user *ubuf)
{
	if (!strcmp(how, "load"))
		return xom_load(address, value);
	if (!strcmp(how, "nofault"))
		return xom_nofault(address, value);
	if (!strcmp(how, "user"))
		return xom_user(address, value, ubuf);
	if (!strcmp(how, "alias"))
		return xom_alias(address, value);
	if (!strcmp(how, "vmap"))
		return xom_vmap(address, value);
	if (!strcmp(how, "map"))
		return xom_map(address, value);
	if (!strcmp(how, "softirq"))
		return xom_softirq(address, value);
	if (!strcmp(how, "nmi"))
		return xom_nmi(address, value);
	return false;
}

static int xom_one(const char *how, unsigned long address, int tgid, char __user *ubuf)
{
	u8 value = 0;
	int err = 0;

	xom_result.address = address;
	xom_result.tried = 1;
	if (!strcmp(how, "kvm")) {
		xom_where = address;
		err = asi_probe_call(tgid, xom_shot, NULL);
		xom_result.got = xom_got;
		value = xom_byte;
	} else {
		xom_result.got = xom_try(how, address, &value, ubuf);
	}
	xom_result.value = xom_result.got ? value : 0;
	return err;
}

/* Where the entry ends that maps @at; sets @executable. */
static unsigned long xom_entry_end(unsigned long at, bool *executable)
{
	unsigned int level;
	pte_t *entry = lookup_address(at, &level);

	*executable = entry && pte_present(*entry) && pte_exec(*entry);
	return (at | (page_level_size(level) - 1)) + 1;
}

static void xom_scan(const char *how, unsigned long start, unsigned long end,
		     unsigned long stride, char __user *ubuf)
{
	unsigned long at = start, next;
	bool executable;
	u8 value;

	xom_result.address = start;
	while (at < end && !fatal_signal_pending(current)) {
		next = min(end, xom_entry_end(at, &executable));
		if (!executable) {
			at = next;
			continue;
		}
		for (; at < next; at += stride) {
			xom_result.tried++;
			xom_result.got += xom_try(how, at, &value, ubuf);
			cond_resched();
		}
	}
}

/* The first page of them. */
static void xom_find_thunks(void)
{
#ifdef CONFIG_MITIGATION_ITS
	if (THIS_MODULE->its_num_pages)
		xom_result.address = (unsigned long)THIS_MODULE->its_page_array[0];
#endif
}

/* return 0, of a classic program as socket filters are. */
static int xom_compile(void)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog_kern program = { .len = ARRAY_SIZE(code), .filter = code };
	int err;

	if (xom_program)
		bpf_prog_destroy(xom_program);
	xom_program = NULL;
	err = bpf_prog_create(&xom_program, &program);
	if (!err) {
		xom_result.address = (unsigned long)xom_program->bpf_func;
		xom_result.tried = xom_program->jited_len;
	}
	return err;
}

static void xom_die(unsigned long address)
{
	mutex_unlock(&xom_mutex);
	pr_info("read %02x\n", READ_ONCE(*(u8 *)address));
	mutex_lock(&xom_mutex);
}

static int xom_do(char *line, char __user *ubuf)
{
	unsigned long address = 0, end = 0, stride = 0;
	char how[12];
	int tgid = 0;

	memset(&xom_result, 0, sizeof(xom_result));
	if (sscanf(line, "scan %11s %lx %lx %lu", how, &address, &end, &stride) == 4) {
		strscpy(xom_result.how, how, sizeof(xom_result.how));
		if (!stride)
			return -EINVAL;
		xom_scan(how, address, end, stride, ubuf);
		return 0;
	}
	if (sscanf(line, "%11s %lx %d", how, &address, &tgid) < 1)
		return -EINVAL;
	strscpy(xom_result.how, how, sizeof(xom_result.how));
	if (!strcmp(how, "bpf"))
		return xom_compile();
	if (!strcmp(how, "its")) {
		xom_find_thunks();
		return 0;
	}
	if (!strcmp(how, "warn")) {
		WARN(1, "asi_test: somebody asked for it\n");
		return 0;
	}
	if (!strcmp(how, "pkrs")) {
		wrmsrl(0x6e1, 0);
		return 0;
	}
	if (!strcmp(how, "die")) {
		xom_die(address);
		return 0;
	}
	return xom_one(how, address, tgid, ubuf);
}

static ssize_t xom_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	char line[80];
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	mutex_lock(&xom_mutex);
	err = xom_do(line, (char __user *)ubuf);
	mutex_unlock(&xom_mutex);
	return err ?: len;
}

static ssize_t xom_read_result(struct file *file, char __user *ubuf, size_t len, loff_t *ppos)
{
	char line[120];
	int n;

	mutex_lock(&xom_mutex);
	n = scnprintf(line, sizeof(line),
		      "how %s address 0x%lx tried %lu got %lu value %02x inside %u\n",
		      xom_result.how[0] ? xom_result.how : "-", xom_result.address,
		      xom_result.tried, xom_result.got, xom_result.value, xom_inside);
	mutex_unlock(&xom_mutex);
	return simple_read_from_buffer(ubuf, len, ppos, line, n);
}

/* An area that xom_map() fills. */
static int xom_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static const struct file_operations xom_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = xom_read_result,
	.write = xom_write,
	.mmap = xom_mmap,
};

void asi_xom_init(struct dentry *dir)
{
	debugfs_create_file_unsafe("xom", 0600, dir, NULL, &xom_fops);
}

void asi_xom_exit(void)
{
	tasklet_kill(&xom_tasklet);
	if (xom_program)
		bpf_prog_destroy(xom_program);
}
