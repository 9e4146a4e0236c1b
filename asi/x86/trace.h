/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM asi

#if !defined(ASI_X86_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ASI_X86_TRACE_H

#include <linux/tracepoint.h>
#include <asi/asi.h>

/* Emitted where a consumer is about to enter, outside of noinstr code. */
TRACE_EVENT(enter,
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
	TP_printk("domain=%u class=%u", __entry->domain, __entry->cls)
);

/* Emitted at the first point outside of noinstr code after leaving. */
TRACE_EVENT(exit,
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
	TP_printk("domain=%u how=%s kind=%u ip=%pS", __entry->domain,
		  __print_symbolic(__entry->how,
				   { ASI_LEAVE_NONE, "none" },
				   { ASI_LEAVE_FAULT, "fault" },
				   { ASI_LEAVE_SCHED, "sched" },
				   { ASI_LEAVE_FLUSH, "flush" },
				   { ASI_LEAVE_ASKED, "asked" }),
		  __entry->kind, (void *)__entry->ip)
);

TRACE_EVENT(fault,
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
	TP_printk("domain=%u class=%u ip=%pS address=0x%lx kind=%u access=%s action=%s",
		  __entry->domain, __entry->cls, (void *)__entry->ip,
		  __entry->address, __entry->kind,
		  __print_symbolic(__entry->access,
				   { ASI_ACCESS_READ, "r" },
				   { ASI_ACCESS_WRITE, "w" },
				   { ASI_ACCESS_EXEC, "x" }),
		  __print_symbolic(__entry->action,
				   { ASI_ACTION_GROW, "grow" },
				   { ASI_ACTION_EXIT, "exit" },
				   { ASI_ACTION_DENY, "deny" }))
);

TRACE_EVENT(map,
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
	TP_printk("domain=%u address=0x%lx size=0x%lx kind=%u error=%d",
		  __entry->domain, __entry->address, __entry->size,
		  __entry->kind, __entry->error)
);

TRACE_EVENT(unmap,
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

#endif /* ASI_X86_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
