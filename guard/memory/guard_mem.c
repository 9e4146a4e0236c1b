// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory files for guests, whose pages can be sealed.
 *
 * An entry of a process's page table becomes writable by guard_mem_mkwrite() alone, as for any
 * shared file that wants to know who writes.  It holds the folio's lock until the entry is
 * there; sealing takes that lock after it has set the bit, and then removes all entries.  Pins
 * of a shared file for writing and for a long time are refused by the kernel; short ones are
 * waited for.
 *
 * Pages are small, do not move, and stay until the file goes.
 */
#include <linux/anon_inodes.h>
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asi/break.h>
#include <guard/memory.h>

struct guard_mem {
	struct mutex lock;	/* who seals */
	pgoff_t pages;
	unsigned long sealed[];	/* a bit for each page */
};

static vm_fault_t guard_mem_fault(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct guard_mem *mem = file->private_data;
	struct folio *folio;

	if (vmf->pgoff >= mem->pages)
		return VM_FAULT_SIGBUS;
	folio = filemap_grab_folio(file->f_mapping, vmf->pgoff);
	if (IS_ERR(folio))
		return vmf_error(PTR_ERR(folio));
	if (!folio_test_uptodate(folio)) {
		clear_highpage(folio_page(folio, 0));
		folio_mark_uptodate(folio);
	}
	vmf->page = folio_page(folio, 0);
	return VM_FAULT_LOCKED;
}

static vm_fault_t guard_mem_mkwrite(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct guard_mem *mem = file->private_data;
	struct folio *folio = page_folio(vmf->page);

	folio_lock(folio);
	if (folio->mapping != file->f_mapping) {
		folio_unlock(folio);
		return VM_FAULT_NOPAGE;
	}
	if (test_bit(vmf->pgoff, mem->sealed)) {
		folio_unlock(folio);
		return VM_FAULT_SIGBUS;
	}
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct guard_mem_vm_ops = {
	.fault = guard_mem_fault,
	.page_mkwrite = guard_mem_mkwrite,
};

static int guard_mem_mmap(struct file *file, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) == 0)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &guard_mem_vm_ops;
	return 0;
}

static int guard_mem_release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

static const struct file_operations guard_mem_fops = {
	.mmap = guard_mem_mmap,
	.release = guard_mem_release,
	.llseek = noop_llseek,
};

/* Pages stay where they are. */
static int guard_mem_migrate(struct address_space *mapping, struct folio *dst, struct folio *src,
			     enum migrate_mode mode)
{
	return -EBUSY;
}

static const struct address_space_operations guard_mem_aops = {
	.dirty_folio = noop_dirty_folio,
	.migrate_folio = guard_mem_migrate,
};

/* The size is given once: no truncation, no times. */
static int guard_mem_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	return -EPERM;
}

static const struct inode_operations guard_mem_iops = {
	.setattr = guard_mem_setattr,
};

bool guard_mem_is(const struct file *file)
{
	return file->f_op == &guard_mem_fops;
}
EXPORT_SYMBOL_GPL(guard_mem_is);

static struct file *guard_mem_file(struct guard_mem *mem)
{
	struct file *file = anon_inode_create_getfile("[guard_mem]", &guard_mem_fops, mem, O_RDWR,
						      NULL);
	struct inode *inode;

	if (IS_ERR(file))
		return file;
	inode = file_inode(file);
	inode->i_op = &guard_mem_iops;
	inode->i_mapping->a_ops = &guard_mem_aops;
	inode->i_mode |= S_IFREG;
	inode->i_size = (loff_t)mem->pages << PAGE_SHIFT;
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER | __GFP_ACCOUNT);
	mapping_set_unevictable(inode->i_mapping);
	file->f_flags |= O_LARGEFILE;
	return file;
}

int guard_mem_create(u64 size)
{
	struct guard_mem *mem;
	struct file *file;
	int fd;

	if (!size || !PAGE_ALIGNED(size) || size > MAX_LFS_FILESIZE ||
	    size >> PAGE_SHIFT > totalram_pages())
		return -EINVAL;
	mem = kvzalloc(struct_size(mem, sealed, BITS_TO_LONGS(size >> PAGE_SHIFT)),
		       GFP_KERNEL_ACCOUNT);
	if (!mem)
		return -ENOMEM;
	mutex_init(&mem->lock);
	mem->pages = size >> PAGE_SHIFT;
	file = guard_mem_file(mem);
	if (IS_ERR(file)) {
		kvfree(mem);
		return PTR_ERR(file);
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		fput(file);
	else
		fd_install(fd, file);
	return fd;
}
EXPORT_SYMBOL_GPL(guard_mem_create);

/* Whoever was making an entry writable has made it, or will find the bit. */
static void guard_mem_wait_for_writers(struct address_space *mapping, pgoff_t first, pgoff_t end)
{
	struct folio *folio;

	for (; first < end; first++) {
		folio = filemap_lock_folio(mapping, first);
		if (IS_ERR(folio))
			continue;
		folio_unlock(folio);
		folio_put(folio);
	}
}

/* Is any of the pages held by somebody beside the file, and mappings, which only read? */
static bool guard_mem_is_held(struct address_space *mapping, pgoff_t first, pgoff_t end)
{
	struct folio *folio;
	bool held = false;

	for (; first < end && !held; first++) {
		folio = filemap_get_folio(mapping, first);
		if (IS_ERR(folio))
			continue;
		held = folio_ref_count(folio) != 2 + folio_mapcount(folio);
		folio_put(folio);
		cond_resched();
	}
	return held;
}

#define GUARD_MEM_TRIES	50

int guard_mem_seal(struct file *file, pgoff_t first, pgoff_t end)
{
	struct guard_mem *mem = file->private_data;
	struct address_space *mapping = file->f_mapping;
	int try, err = -EBUSY;

	if (first >= end || end > mem->pages)
		return -EFAULT;
	if (asi_breaks(ASI_BREAK_GUARD_SEAL))
		return 0;
	mutex_lock(&mem->lock);
	bitmap_set(mem->sealed, first, end - first);
	guard_mem_wait_for_writers(mapping, first, end);
	unmap_mapping_pages(mapping, first, end - first, false);
	for (try = 0; try < GUARD_MEM_TRIES && err; try++) {
		if (try)
			msleep(20);
		/* Pages on their way to a list are held. */
		lru_add_drain_all();
		if (!guard_mem_is_held(mapping, first, end))
			err = 0;
	}
	/* What a caller sealed before does not overlap: a frame is locked once. */
	if (err)
		bitmap_clear(mem->sealed, first, end - first);
	mutex_unlock(&mem->lock);
	return err;
}
EXPORT_SYMBOL_GPL(guard_mem_seal);

/* The file's page at @address, with a reference, or an error: -ENXIO for other memory. */
static struct folio *guard_mem_folio(struct mm_struct *mm, unsigned long address)
{
	struct folio *folio = ERR_PTR(-ENXIO);
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, address);
	if (vma && vma->vm_file && guard_mem_is(vma->vm_file))
		folio = filemap_get_folio(vma->vm_file->f_mapping,
					  linear_page_index(vma, address));
	mmap_read_unlock(mm);
	return folio;
}

int guard_mem_write(struct mm_struct *mm, unsigned long address, const void *bytes, size_t len)
{
	struct folio *folio = guard_mem_folio(mm, address);

	if (folio == ERR_PTR(-ENXIO))
		return copy_to_user((void __user *)address, bytes, len) ? -EFAULT : 0;
	if (IS_ERR(folio))
		return -EFAULT;
	memcpy_to_folio(folio, offset_in_page(address), bytes, len);
	folio_put(folio);
	return 0;
}
EXPORT_SYMBOL_GPL(guard_mem_write);
