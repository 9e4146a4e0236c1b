/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel defines, and no header that can be included from here declares. */
#ifndef SCI_SECTIONS_H
#define SCI_SECTIONS_H

#include <linux/types.h>
#include <asm/extable.h>

struct ftrace_func_entry;
struct ftrace_hash;
struct static_call_site;
struct jump_entry;

/* Of the linker's script. */
extern const u8 __start_notes[], __stop_notes[];
extern const struct exception_table_entry __start___ex_table[], __stop___ex_table[];
extern struct static_call_site __start_static_call_sites[], __stop_static_call_sites[];
extern const u8 __static_call_text_start[], __static_call_text_end[];

/* arch/x86/kernel/ftrace_64.S: what calls tracers lies between these two. */
void ftrace_caller(void);
void ftrace_stub_direct_tramp(void);

/* kernel/trace/ftrace.c */
struct ftrace_func_entry *ftrace_lookup_ip(struct ftrace_hash *hash, unsigned long ip);

#endif /* SCI_SECTIONS_H */
