/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Execute-only text: what the hooks and the readers of text call.
 *
 * Text carries a protection key through which nothing is read.  Whoever has to look at
 * instructions gets a copy of them: xom_read(), xom_bytes(), xom_memcmp().  There is no
 * way to open text and to keep it open.
 */
#ifndef ASI_XOM_H
#define ASI_XOM_H

#include <linux/align.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/jump_label.h>
#include <linux/pfn.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/page_types.h>
#include <asm/pgtable_types.h>
#include <asm/trap_pf.h>
#include <asi/verw.h>

struct bpf_prog;
struct page;
struct pt_regs;

long copy_from_kernel_nofault(void *dst, const void *src, size_t size);

#ifdef CONFIG_EXECUTE_ONLY_TEXT

/* Text cannot be read. */
DECLARE_STATIC_KEY_FALSE(xom_key);
/* The key of text, as an entry has it; 0 when text can be read. */
extern unsigned long xom_entry_bits;
/* What memory gets that becomes text: the same. */
extern unsigned long xom_set_bits;
/* What memory loses that becomes writable or free: the same. */
extern unsigned long xom_clear_bits;

unsigned long __xom_read(void *dst, const void *text, size_t n);
long __xom_read_nofault(void *dst, const void *text, size_t n);
int __xom_memcmp(const void *text, const void *other, size_t n);
bool __xom_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address);
bool __xom_refuses_pages(struct page *const *pages, unsigned long n);
bool __xom_refuses_frames(unsigned long pfn, unsigned long n);
bool __xom_is_text(const void *address);
int xom_seal_trampoline(void *trampoline, unsigned long code);
void *xom_extable(struct bpf_prog *prog, void *behind, size_t size);
void xom_free_extable(struct bpf_prog *prog);

/* "pks" or "off"; why it is off, or "-". */
const char *xom_backend(void);
const char *xom_off_reason(void);

#define xom_on()	static_branch_unlikely(&xom_key)

/*
 * Copy @n bytes of text.  noinstr, any context.  What cannot be read, because nothing is
 * mapped there, becomes INT3; returns how many bytes that was.
 */
static __always_inline unsigned long xom_read(void *dst, const void *text, size_t n)
{
	if (xom_on())
		return __xom_read(dst, text, n);
	__builtin_memcpy(dst, text, n);
	return 0;
}

static __always_inline const void *__xom_bytes(void *buf, const void *text, size_t n)
{
	if (!xom_on())
		return text;
	__xom_read(buf, text, n);
	return buf;
}

/*
 * @n bytes that are those of @text, or @text itself where that can be read.  @n is a
 * constant; the copy is there until the end of the block.
 */
#define xom_bytes(text, n)							\
	__xom_bytes((u8 [n]) { 0 }, (const void *)(text), (n))

/* copy_from_kernel_nofault() for text. */
static __always_inline long xom_read_nofault(void *dst, const void *text, size_t n)
{
	return xom_on() ? __xom_read_nofault(dst, text, n) :
			  copy_from_kernel_nofault(dst, text, n);
}

/* memcmp() of text with something else. */
static __always_inline int xom_memcmp(const void *text, const void *other, size_t n)
{
	return xom_on() ? __xom_memcmp(text, other, n) : memcmp(text, other, n);
}

/* For set_memory_rox() to set. */
#define XOM_SET		__pgprot(xom_set_bits)
/* For what makes memory writable, or gives it back to the direct map, to clear. */
#define XOM_CLR		__pgprot(xom_clear_bits)

/*
 * #PF, before anything else looks at the fault; interrupts off.  True: dealt with.
 * Keys of user space are another matter.
 */
static __always_inline bool xom_fault(struct pt_regs *regs, unsigned long error_code,
				      unsigned long address)
{
	return xom_on() && (error_code & (X86_PF_PK | X86_PF_USER)) == X86_PF_PK &&
	       (long)address < 0 &&
	       __xom_fault(regs, error_code, address);
}

/* Text gets no second address, where it could be read. */
static __always_inline int xom_alias_error(struct page *const *pages, unsigned long size)
{
	return xom_on() && __xom_refuses_pages(pages, size >> PAGE_SHIFT) ? -EPERM : 0;
}

/* The same of frames: -EPERM when there is text among them. */
static __always_inline int xom_hides(unsigned long pfn, unsigned long size)
{
	return xom_on() && __xom_refuses_frames(pfn, PFN_UP(size)) ? -EPERM : 0;
}

static __always_inline bool xom_is_text(const void *address)
{
	return xom_on() && __xom_is_text(address);
}

/* Data behind @size bytes of code begins there: on a page of its own. */
static __always_inline unsigned long xom_code_end(unsigned long size)
{
	return xom_on() ? ALIGN(size, PAGE_SIZE) : size;
}

#else

#define xom_on()	false
#define XOM_SET		__pgprot(0)
#define XOM_CLR		__pgprot(0)

static inline const char *xom_backend(void) { return "off"; }
static inline const char *xom_off_reason(void) { return "not built in"; }

static __always_inline unsigned long xom_read(void *dst, const void *text, size_t n)
{
	__builtin_memcpy(dst, text, n);
	return 0;
}

static __always_inline const void *__xom_bytes(void *buf, const void *text, size_t n)
{
	return text;
}

#define xom_bytes(text, n)	((const void *)(text))

static __always_inline long xom_read_nofault(void *dst, const void *text, size_t n)
{
	return copy_from_kernel_nofault(dst, text, n);
}

static __always_inline int xom_memcmp(const void *text, const void *other, size_t n)
{
	return memcmp(text, other, n);
}

static __always_inline bool xom_fault(struct pt_regs *regs, unsigned long error_code,
				      unsigned long address) { return false; }
static __always_inline int xom_alias_error(struct page *const *pages,
					   unsigned long size) { return 0; }
static __always_inline int xom_hides(unsigned long pfn, unsigned long size) { return 0; }
static __always_inline bool xom_is_text(const void *address) { return false; }
static __always_inline unsigned long xom_code_end(unsigned long size) { return size; }
static __always_inline int xom_seal_trampoline(void *trampoline,
					       unsigned long code) { return 0; }
static __always_inline void *xom_extable(struct bpf_prog *prog, void *behind, size_t size)
{
	return behind;
}

static __always_inline void xom_free_extable(struct bpf_prog *prog) { }

#endif /* CONFIG_EXECUTE_ONLY_TEXT */

/*
 * Where to write the entry @at of an exception table: in the buffer @rw for the image, unless
 * the table lies elsewhere.
 */
#define xom_extable_entry(at, rw, image)					\
	(xom_on() ? (void *)(at) : (void *)(rw) + ((void *)(at) - (void *)(image)))

#endif /* ASI_XOM_H */
