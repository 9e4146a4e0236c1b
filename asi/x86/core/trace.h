/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM asi

#if !defined(ASI_X86_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ASI_X86_CORE_TRACE_H

#include <linux/tracepoint.h>
#include <asi/asi.h>

/* So that user space can print names, too. */
#define ASI_TRACE_CLASSES \
	EM(ASI_CLASS_KVM, "kvm") \
	EM(ASI_CLASS_TEST, "test") \
	EM(ASI_CLASS_SCI, "sci") \
	EM(ASI_CLASS_XOM, "xom") \
	EMe(ASI_CLASS_NETNS, "netns")

#define ASI_TRACE_KINDS \
	EM(ASI_KIND_UNKNOWN, "unknown") \
	EM(ASI_KIND_ENTRY_TEXT, "entry_text") \
	EM(ASI_KIND_KERNEL_TEXT, "kernel_text") \
	EM(ASI_KIND_MODULE, "module") \
	EM(ASI_KIND_RODATA, "rodata") \
	EM(ASI_KIND_DATA, "data") \
	EM(ASI_KIND_PERCPU, "percpu") \
	EM(ASI_KIND_CPU_ENTRY, "cpu_entry") \
	EM(ASI_KIND_IRQ_STACK, "irq_stack") \
	EM(ASI_KIND_FIXMAP, "fixmap") \
	EM(ASI_KIND_OWN_STACK, "own_stack") \
	EM(ASI_KIND_OTHER_STACK, "other_stack") \
	EM(ASI_KIND_OWN_TASK, "own_task") \
	EM(ASI_KIND_SLAB, "slab") \
	EM(ASI_KIND_USER_PAGE, "user_page") \
	EM(ASI_KIND_PAGE_CACHE, "page_cache") \
	EM(ASI_KIND_PAGE_TABLE, "page_table") \
	EM(ASI_KIND_FREE_PAGE, "free_page") \
	EM(ASI_KIND_KERNEL_PAGE, "kernel_page") \
	EM(ASI_KIND_RESERVED, "reserved") \
	EM(ASI_KIND_TEXT_ALIAS, "text_alias") \
	EM(ASI_KIND_VMALLOC, "vmalloc") \
	EM(ASI_KIND_VMEMMAP, "vmemmap") \
	EM(ASI_KIND_DEVICE, "device") \
	EM(ASI_KIND_SHADOW, "shadow") \
	EM(ASI_KIND_USER_ADDRESS, "user_address") \
	EM(ASI_KIND_GUEST_MEMORY, "guest_memory") \
	EM(ASI_KIND_OWN_TABLE, "own_table") \
	EM(ASI_KIND_OTHER_TASK, "other_task") \
	EM(ASI_KIND_OBJECT, "object") \
	EMe(ASI_KIND_PRIVATE, "private")

#define ASI_TRACE_HOWS \
	EM(ASI_LEAVE_NONE, "none") \
	EM(ASI_LEAVE_FAULT, "fault") \
	EM(ASI_LEAVE_SCHED, "sched") \
	EM(ASI_LEAVE_FLUSH, "flush") \
	EMe(ASI_LEAVE_ASKED, "asked")

#define ASI_TRACE_ACCESSES \
	EM(ASI_ACCESS_READ, "r") \
	EM(ASI_ACCESS_WRITE, "w") \
	EMe(ASI_ACCESS_EXEC, "x")

#define ASI_TRACE_ACTIONS \
	EM(ASI_ACTION_GROW, "grow") \
	EM(ASI_ACTION_EXIT, "exit") \
	EMe(ASI_ACTION_DENY, "deny")

#undef EM
#undef EMe
#define EM(value, name)		TRACE_DEFINE_ENUM(value);
#define EMe(value, name)	TRACE_DEFINE_ENUM(value);
ASI_TRACE_CLASSES
ASI_TRACE_KINDS
ASI_TRACE_HOWS
ASI_TRACE_ACCESSES
ASI_TRACE_ACTIONS
#undef EM
#undef EMe
#define EM(value, name)		{ value, name },
#define EMe(value, name)	{ value, name }

/* Emitted where a consumer is about to enter, outside of noinstr code. */
TRACE_EVENT(asi_enter,
	TP_PROTO(unsigned int domain, unsigned int cls),
	TP_ARGS(domain, cls),
	TP_STRUCT__entry(
		__field(unsigned int, domain)
		__field(unsigned int, cls)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->cls = cls;
	),
	TP_printk("domain=%u class=%s", __entry->domain,
		  __print_symbolic(__entry->cls, ASI_TRACE_CLASSES))
);

/* Emitted at the first point outside of noinstr code after leaving. */
TRACE_EVENT(asi_exit,
	TP_PROTO(unsigned int domain, unsigned int how, unsigned int kind,
		 unsigned long ip),
	TP_ARGS(domain, how, kind, ip),
	TP_STRUCT__entry(
		__field(unsigned int, domain)
		__field(unsigned int, how)
		__field(unsigned int, kind)
		__field(unsigned long, ip)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->how = how;
		__entry->kind = kind;
		__entry->ip = ip;
	),
	TP_printk("domain=%u how=%s kind=%s ip=%pS", __entry->domain,
		  __print_symbolic(__entry->how, ASI_TRACE_HOWS),
		  __print_symbolic(__entry->kind, ASI_TRACE_KINDS),
		  (void *)__entry->ip)
);

TRACE_EVENT(asi_fault,
	TP_PROTO(unsigned int domain, unsigned int cls, unsigned long ip,
		 unsigned long address, unsigned int kind, unsigned int access,
		 unsigned int action),
	TP_ARGS(domain, cls, ip, address, kind, access, action),
	TP_STRUCT__entry(
		__field(unsigned int, domain)
		__field(unsigned int, cls)
		__field(unsigned long, ip)
		__field(unsigned long, address)
		__field(unsigned int, kind)
		__field(unsigned int, access)
		__field(unsigned int, action)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->cls = cls;
		__entry->ip = ip;
		__entry->address = address;
		__entry->kind = kind;
		__entry->access = access;
		__entry->action = action;
	),
	TP_printk("domain=%u class=%s ip=%pS address=0x%lx kind=%s access=%s action=%s",
		  __entry->domain, __print_symbolic(__entry->cls, ASI_TRACE_CLASSES),
		  (void *)__entry->ip, __entry->address,
		  __print_symbolic(__entry->kind, ASI_TRACE_KINDS),
		  __print_symbolic(__entry->access, ASI_TRACE_ACCESSES),
		  __print_symbolic(__entry->action, ASI_TRACE_ACTIONS))
);

TRACE_EVENT(asi_map,
	TP_PROTO(unsigned int domain, unsigned long address, unsigned long size,
		 unsigned int kind, int error),
	TP_ARGS(domain, address, size, kind, error),
	TP_STRUCT__entry(
		__field(unsigned int, domain)
		__field(unsigned long, address)
		__field(unsigned long, size)
		__field(unsigned int, kind)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->address = address;
		__entry->size = size;
		__entry->kind = kind;
		__entry->error = error;
	),
	TP_printk("domain=%u address=0x%lx size=0x%lx kind=%s error=%d",
		  __entry->domain, __entry->address, __entry->size,
		  __print_symbolic(__entry->kind, ASI_TRACE_KINDS), __entry->error)
);

TRACE_EVENT(asi_unmap,
	TP_PROTO(unsigned int domain, unsigned long address, unsigned long size),
	TP_ARGS(domain, address, size),
	TP_STRUCT__entry(
		__field(unsigned int, domain)
		__field(unsigned long, address)
		__field(unsigned long, size)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->address = address;
		__entry->size = size;
	),
	TP_printk("domain=%u address=0x%lx size=0x%lx", __entry->domain,
		  __entry->address, __entry->size)
);

#endif /* ASI_X86_CORE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
