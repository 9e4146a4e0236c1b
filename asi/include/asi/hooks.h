/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hooks call.  On hot paths each is a static-key-guarded call: until the
 * first domain is made a hooked site executes one NOP.  Allocations, registration and
 * boot ask asi_boot_enabled.
 */
#ifndef ASI_HOOKS_H
#define ASI_HOOKS_H

#include <linux/align.h>
#include <linux/compiler.h>
#include <linux/jump_label.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/page_types.h>
#include <asi/gate.h>
#include <asi/pages.h>
#include <asi/xom.h>

struct idr;
struct pt_regs;
struct page;
struct task_struct;

#ifdef CONFIG_ADDRESS_SPACE_ISOLATION

/* Some domain exists or has existed. */
DECLARE_STATIC_KEY_FALSE(asi_active_key);
/* asi=on: decided in early boot, before the direct map is built. */
extern bool asi_boot_enabled;
/* Kernel mappings have no Global bit; follows asi_boot_enabled. */
extern bool asi_nonglobal;
/* asi_smt= is count or stun, there are siblings, and a domain exists or has existed. */
DECLARE_STATIC_KEY_FALSE(asi_smt_key);
/* There is private memory: asi/private.h. */
DECLARE_STATIC_KEY_FALSE(asi_private_key);

bool __asi_fault(struct pt_regs *regs, unsigned long error_code,
		 unsigned long address);
u8 __asi_irq_enter(void);
void __asi_irq_exit(u8 state);
u8 __asi_nmi_enter(void);
void __asi_nmi_exit(u8 state);
void __asi_sched_out(struct task_struct *prev, struct task_struct *next);
void __asi_leave_for_cr3(void);
void __asi_switch_mm(void);
bool __asi_flush_later(void);
bool __asi_stays_inside(int cpu);
unsigned long __asi_current_cr3(void);
unsigned long __asi_unrestricted_cr3(void);
void __asi_flush_local(void);
void __asi_assert_unrestricted(void);
void __asi_leave_for_user(void);
bool __asi_free_pages(struct page *page, unsigned int order);
void __asi_vunmap_begin(unsigned long start, unsigned long end);
void __asi_vunmap_end(unsigned long start, unsigned long end);
void __asi_kernel_changed(unsigned long start, unsigned long size);
void __asi_release_task(struct task_struct *tsk);
bool __asi_stack_in_use(const void *stack);

/*
 * Memory that is nobody's secret, lives as long as the system and is looked at
 * by interrupts all the time: domains made from now on map it.  Any context but
 * NMI.
 */
void asi_share(const void *addr, size_t size);
/*
 * The same for the node of a small table: of up to 64 entries, some of which stay for good.
 * It moves to a page of its own.  Process context, while nobody changes the table.
 */
void asi_share_idr(struct idr *idr);
void *__asi_zalloc_global_nonsensitive(size_t size, gfp_t gfp, int node);
void *__asi_zalloc_local_nonsensitive(size_t size, gfp_t gfp);
void *__asi_memdup_user_local_nonsensitive(const void __user *from, size_t size);

#define asi_hook_active()	static_branch_unlikely(&asi_active_key)
#define asi_smt_on()		static_branch_unlikely(&asi_smt_key)

/* The function keeps all registers: until it is called the compiler saves none for it. */
#define asi_call_thunk(function)						\
	({ asm volatile("call " #function : ASM_CALL_CONSTRAINT : : "memory"); })

/*
 * #PF, before anything else looks at the fault; interrupts off.  True: dealt
 * with, return to the interrupted instruction.  A read of text is refused in domains as
 * elsewhere.
 */
static __always_inline bool asi_fault(struct pt_regs *regs,
				      unsigned long error_code,
				      unsigned long address)
{
	return xom_fault(regs, error_code, address) ||
	       (asi_hook_active() && __asi_fault(regs, error_code, address));
}

/* Entry from and return to kernel mode; the state travels in irqentry_state. */
static __always_inline u8 asi_irq_enter(void)
{
	return asi_hook_active() ? __asi_irq_enter() : 0;
}

static __always_inline void asi_irq_exit(u8 state)
{
	if (asi_hook_active())
		__asi_irq_exit(state);
}

/* NMI, #MC, #DB, #BP, #DF: step out, and restore exactly what was found. */
static __always_inline u8 asi_nmi_enter(void)
{
	return asi_hook_active() ? __asi_nmi_enter() : 0;
}

static __always_inline void asi_nmi_exit(u8 state)
{
	if (asi_hook_active())
		__asi_nmi_exit(state);
}

/* The scheduler is about to switch to the stack of @next. */
static __always_inline void asi_sched_out(struct task_struct *prev,
					  struct task_struct *next)
{
	if (asi_hook_active())
		__asi_sched_out(prev, next);
}

/* The caller is about to read or write CR3, or to flush by it. */
static __always_inline void asi_leave_for_cr3(void)
{
	if (asi_hook_active())
		__asi_leave_for_cr3();
}

/*
 * The caller is about to flush user addresses of the process whose table is loaded;
 * interrupts off.  True: the load of CR3 that leaves will, before any use.
 */
static __always_inline bool asi_flush_later(void)
{
	return asi_hook_active() && __asi_flush_later();
}

/*
 * The caller passes over this CPU, which is lazy: it uses no address of the process's.
 * True: it is inside a domain, and may use them there.
 */
static __always_inline bool asi_stays_inside(int cpu)
{
	return asi_hook_active() && __asi_stays_inside(cpu);
}

/* CR3 is about to be another process's. */
static __always_inline void asi_switch_mm(void)
{
	if (asi_hook_active())
		__asi_switch_mm();
}

/*
 * The caller is about to drop translations of kernel addresses from this CPU's
 * TLB: those under the domains' PCIDs go as well.
 */
static __always_inline void asi_flush_local(void)
{
	if (asi_hook_active())
		__asi_flush_local();
}

/* CR3 as it is now, or 0 when the CPU is not restricted. */
static __always_inline unsigned long asi_current_cr3(void)
{
	return asi_hook_active() ? __asi_current_cr3() : 0;
}

/* What CR3 will be when the CPU leaves, or 0 when it is not restricted. */
static __always_inline unsigned long asi_unrestricted_cr3(void)
{
	return asi_hook_active() ? __asi_unrestricted_cr3() : 0;
}

/* User mode never runs on a restricted root. */
static __always_inline void asi_exit_to_user(void)
{
	if (static_branch_unlikely(&asi_private_key))
		__asi_leave_for_user();
	if (IS_ENABLED(CONFIG_ASI_DEBUG) && asi_hook_active())
		__asi_assert_unrestricted();
}

/*
 * The CPU comes from user mode, or was idle: until a guest of a sibling thread has exited
 * that may not run beside the kernel.  noinstr, interrupts off.
 */
static __always_inline void asi_smt_reach(void)
{
	if (asi_smt_on())
		asi_call_thunk(asi_smt_reach_thunk);
}

/* The CPU is about to execute user mode's code, or none.  noinstr, interrupts off. */
static __always_inline void asi_smt_rest(void)
{
	if (asi_smt_on())
		asi_call_thunk(asi_smt_rest_thunk);
}

/*
 * Pages are on their way back to the page allocator.  True: isolation keeps
 * them until no CPU can reach them any more, and frees them then.
 */
static __always_inline bool asi_free_pages(struct page *page, unsigned int order)
{
	return asi_hook_active() && __asi_free_pages(page, order);
}

/* Around the removal of [start, end) from the kernel's own table. */
static __always_inline void asi_vunmap_begin(unsigned long start, unsigned long end)
{
	if (asi_hook_active())
		__asi_vunmap_begin(start, end);
}

static __always_inline void asi_vunmap_end(unsigned long start, unsigned long end)
{
	if (asi_hook_active())
		__asi_vunmap_end(start, end);
}

/* The kernel's own entry for these addresses was changed; the flush follows. */
static __always_inline void asi_kernel_changed(unsigned long start, unsigned long size)
{
	if (asi_hook_active())
		__asi_kernel_changed(start, size);
}

/* A task's stack is about to be freed or cached for another task. */
static __always_inline void asi_release_task(struct task_struct *tsk)
{
	if (asi_hook_active())
		__asi_release_task(tsk);
}

/* May a CPU still reach a dead task's stack?  Then no other task may have it. */
static __always_inline bool asi_stack_in_use(const void *stack)
{
	return asi_hook_active() && __asi_stack_in_use(stack);
}

/*
 * Alignment of task_struct, signal_struct and mm_struct: a domain maps the
 * running task's, and the pages must not hold another's as well.
 */
static __always_inline int asi_task_align(int align)
{
	return asi_boot_enabled ? PAGE_SIZE : align;
}

/*
 * Bytes to ask kmalloc() for, or alignment to ask a slab cache for, so that what
 * a domain maps shares its pages with nothing else.
 */
static __always_inline unsigned long asi_own_pages(unsigned long size)
{
	return asi_boot_enabled ? ALIGN(size, PAGE_SIZE) : size;
}

/*
 * Flags of a slab cache whose pages domains map: the kernel must not put objects of other
 * caches of that size there.
 */
static __always_inline slab_flags_t asi_cache_flags(slab_flags_t flags)
{
	return asi_boot_enabled ? flags | SLAB_NO_MERGE : flags;
}

/*
 * Book-keeping that is nobody's secret, of objects that come and go: from slab
 * caches which hold nothing else and which domains may map.  For kfree().
 */
static __always_inline void *asi_zalloc_global_nonsensitive(size_t size, gfp_t gfp, int node)
{
	return asi_boot_enabled ? __asi_zalloc_global_nonsensitive(size, gfp, node) :
				  kzalloc_node(size, gfp, node);
}

/*
 * An object on pages of its own, from the page allocator: when it is freed it leaves every
 * domain, before anything else has its place.  For kfree().
 */
static __always_inline void *asi_zalloc_local_nonsensitive(size_t size, gfp_t gfp)
{
	return asi_boot_enabled ? __asi_zalloc_local_nonsensitive(size, gfp) : kzalloc(size, gfp);
}

/* vmemdup_user() in the manner of asi_zalloc_local_nonsensitive().  For kvfree(). */
static __always_inline void *
asi_memdup_user_local_nonsensitive(const void __user *from, size_t size)
{
	return asi_boot_enabled ? __asi_memdup_user_local_nonsensitive(from, size) :
				  vmemdup_user(from, size);
}

/* Kernel mappings must not be Global. */
static __always_inline bool asi_no_global(void)
{
	return asi_nonglobal;
}

#else

#define asi_hook_active()	false

static __always_inline bool asi_fault(struct pt_regs *regs,
				      unsigned long error_code,
				      unsigned long address) { return false; }
static __always_inline u8 asi_irq_enter(void) { return 0; }
static __always_inline void asi_irq_exit(u8 state) { }
static __always_inline u8 asi_nmi_enter(void) { return 0; }
static __always_inline void asi_nmi_exit(u8 state) { }
static __always_inline void asi_sched_out(struct task_struct *prev,
					  struct task_struct *next) { }
static __always_inline void asi_leave_for_cr3(void) { }
static __always_inline bool asi_flush_later(void) { return false; }
static __always_inline bool asi_stays_inside(int cpu) { return false; }
static __always_inline void asi_switch_mm(void) { }
static __always_inline void asi_flush_local(void) { }
static __always_inline unsigned long asi_current_cr3(void) { return 0; }
static __always_inline unsigned long asi_unrestricted_cr3(void) { return 0; }
static __always_inline void asi_exit_to_user(void) { }
static __always_inline void asi_smt_reach(void) { }
static __always_inline void asi_smt_rest(void) { }
static __always_inline bool asi_free_pages(struct page *page,
					   unsigned int order) { return false; }
static __always_inline void asi_vunmap_begin(unsigned long start, unsigned long end) { }
static __always_inline void asi_vunmap_end(unsigned long start, unsigned long end) { }
static __always_inline void asi_kernel_changed(unsigned long start, unsigned long size) { }
static __always_inline void asi_release_task(struct task_struct *tsk) { }
static __always_inline bool asi_stack_in_use(const void *stack) { return false; }
static __always_inline void asi_share(const void *addr, size_t size) { }
static __always_inline void asi_share_idr(struct idr *idr) { }
static __always_inline int asi_task_align(int align) { return align; }
static __always_inline unsigned long asi_own_pages(unsigned long size) { return size; }
static __always_inline slab_flags_t asi_cache_flags(slab_flags_t flags) { return flags; }
static __always_inline void *asi_zalloc_global_nonsensitive(size_t size, gfp_t gfp, int node)
{
	return kzalloc_node(size, gfp, node);
}

static __always_inline void *asi_zalloc_local_nonsensitive(size_t size, gfp_t gfp)
{
	return kzalloc(size, gfp);
}

static __always_inline void *
asi_memdup_user_local_nonsensitive(const void __user *from, size_t size)
{
	return vmemdup_user(from, size);
}

static __always_inline bool asi_no_global(void) { return false; }

#endif /* CONFIG_ADDRESS_SPACE_ISOLATION */

/* The bits that entries of kernel mappings may have, of those in @mask. */
#define asi_pte_mask(mask)	((mask) & ~(asi_no_global() ? _PAGE_GLOBAL : 0))

#endif /* ASI_HOOKS_H */
