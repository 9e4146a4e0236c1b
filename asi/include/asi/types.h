/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words shared by every part: classes of consumers, kinds of memory, accesses
 * and actions.  Plain C and C++, no kernel header, so that the engine, the
 * kernel binding and the host tests see the same values.
 */
#ifndef ASI_TYPES_H
#define ASI_TYPES_H

/* Kind of consumer; text form in the comment. */
enum asi_class {
	ASI_CLASS_KVM,		/* "kvm"  vCPU run loop, transparent to interrupts */
	ASI_CLASS_TEST,		/* "test" self tests, strict: interrupts step out */
	ASI_CLASS_SCI,		/* "sci"  isolated system calls, strict */
	ASI_CLASS_XOM,		/* "xom"  who reads execute-only text, wherever */
	ASI_CLASS_NETNS,	/* "netns" isolated network namespaces: accessors of payload */
	ASI_NR_CLASSES
};

/*
 * What an address is.  A kind is decided from the address and, in the direct
 * map, from struct page; it never needs a lock.
 */
enum asi_kind {
	ASI_KIND_UNKNOWN,	/* "unknown"      no rule matched: treat as secret */
	ASI_KIND_ENTRY_TEXT,	/* "entry_text"   .entry.text, .noinstr.text */
	ASI_KIND_KERNEL_TEXT,	/* "kernel_text"  rest of _stext.._etext */
	ASI_KIND_MODULE,	/* "module"       text and data of loaded modules */
	ASI_KIND_RODATA,	/* "rodata"       __start_rodata..__end_rodata */
	ASI_KIND_DATA,		/* "data"         .data, .bss, .brk */
	ASI_KIND_PERCPU,	/* "percpu"       first per-CPU chunk, every possible CPU */
	ASI_KIND_CPU_ENTRY,	/* "cpu_entry"    cpu_entry_area: GDT, TSS, IST stacks, IDT */
	ASI_KIND_IRQ_STACK,	/* "irq_stack"    hard and soft interrupt stacks, idle tasks' */
	ASI_KIND_FIXMAP,	/* "fixmap"       fixed mappings, local APIC */
	ASI_KIND_OWN_STACK,	/* "own_stack"    stack of the running task */
	ASI_KIND_OTHER_STACK,	/* "other_stack"  another task's; in the direct map any task's */
	ASI_KIND_OWN_TASK,	/* "own_task"     task_struct of the running task */
	ASI_KIND_SLAB,		/* "slab"         slab object; cache name tells which */
	ASI_KIND_USER_PAGE,	/* "user_page"    page owned by user space, in the direct map */
	ASI_KIND_PAGE_CACHE,	/* "page_cache"   page of a file, not in tmpfs, in the direct map */
	ASI_KIND_PAGE_TABLE,	/* "page_table"   page used as a page table */
	ASI_KIND_FREE_PAGE,	/* "free_page"    page in the free lists */
	ASI_KIND_KERNEL_PAGE,	/* "kernel_page"  other page the kernel allocated */
	ASI_KIND_RESERVED,	/* "reserved"     boot-time or firmware memory */
	ASI_KIND_TEXT_ALIAS,	/* "text_alias"   kernel image seen through the direct map */
	ASI_KIND_VMALLOC,	/* "vmalloc"      vmalloc and ioremap area, not a stack */
	ASI_KIND_VMEMMAP,	/* "vmemmap"      array of struct page */
	ASI_KIND_DEVICE,	/* "device"       memory-mapped registers */
	ASI_KIND_SHADOW,	/* "shadow"       KASAN shadow (debug kernels) */
	ASI_KIND_USER_ADDRESS,	/* "user_address" user half of the address space */
	ASI_KIND_GUEST_MEMORY,	/* "guest_memory" a VM's own memory at its VMM's user addresses */
	ASI_KIND_OWN_TABLE,	/* "own_table"    the running process's page table, for its guest */
	ASI_KIND_OTHER_TASK,	/* "other_task"   the scheduler's part of a task_struct */
	ASI_KIND_OBJECT,	/* "object"       object the consumer mapped on purpose */
	ASI_KIND_PRIVATE,	/* "private"      payload that the kernel's own table does not map */
	ASI_NR_KINDS
};

enum asi_access {
	ASI_ACCESS_READ,	/* "r" */
	ASI_ACCESS_WRITE,	/* "w" */
	ASI_ACCESS_EXEC,	/* "x" */
	ASI_NR_ACCESSES
};

enum asi_action {
	ASI_ACTION_GROW,	/* "grow" map the page and carry on inside */
	ASI_ACTION_EXIT,	/* "exit" leave the restricted space and carry on */
	ASI_ACTION_DENY,	/* "deny" fix up through the exception table, else kill */
	ASI_NR_ACTIONS
};

/* A decision: the action, and whether it goes into the fault log. */
struct asi_verdict {
	unsigned char action;	/* enum asi_action */
	unsigned char log;	/* 0 or 1 */
};

/* Longest slab cache name a rule or a log record holds, with its NUL. */
#define ASI_CACHE_NAME_LEN	32

/* One fault: what its handler found, and everybody keeps. */
struct asi_fault_info {
	unsigned long long ip;		/* of the instruction */
	unsigned long long address;	/* what it touched */
	unsigned char kind;		/* enum asi_kind */
	unsigned char access;		/* enum asi_access */
	unsigned char action;		/* enum asi_action: what was done */
	unsigned char critical;		/* 0 or 1: in a critical section */
	char cache[ASI_CACHE_NAME_LEN];	/* slab cache, or "" */
};

/* How a CPU came to leave a domain. */
enum asi_leave_how {
	ASI_LEAVE_NONE,
	ASI_LEAVE_FAULT,	/* verdict "exit" or "deny" */
	ASI_LEAVE_SCHED,	/* another task's stack was needed */
	ASI_LEAVE_FLUSH,	/* TLB flush, or another reader or writer of CR3 */
	ASI_LEAVE_ASKED,	/* asi_exit() */
	ASI_NR_LEAVES
};

/* The first leaving since asi_enter(), kept per CPU. */
struct asi_leave {
	enum asi_leave_how how;
	struct asi_fault_info fault;	/* valid for ASI_LEAVE_FAULT */
};

#define ASI_PAGE_SHIFT		12
#define ASI_PAGE_SIZE		(1ULL << ASI_PAGE_SHIFT)

#endif /* ASI_TYPES_H */
