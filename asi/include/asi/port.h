/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The port: everything the C++ code may ask of the world around it.  In
 * vmlinux asi/x86/port.c implements it, on the host selftests/unit does over
 * simulated memory.
 *
 * Only asi_port_alloc_root() may sleep.  It and asi_port_free_table() take
 * allocator locks and so are not for the fault path.
 */
#ifndef ASI_PORT_H
#define ASI_PORT_H

#ifdef __cplusplus
#include <cstdint>
#include <cstddef>
extern "C" {
typedef std::uint64_t asi_u64;
typedef std::uint32_t asi_u32;
typedef std::size_t asi_size;
#ifndef __always_inline
#define __always_inline inline
#endif
#else
#include <linux/compiler.h>
#include <linux/types.h>
typedef u64 asi_u64;
typedef u32 asi_u32;
typedef size_t asi_size;
#endif

/*
 * Two zeroed pages side by side: one for a root table, whose physical bit 12 must
 * be clear, as the kernel's entry code takes it for the mark of PTI's user roots
 * (arch/x86/entry/calling.h); and one for any other table, as no restricted root
 * is ever left for user mode directly.  Each is freed for itself.  NULL when
 * memory is out.  Process context, may sleep.
 */
void *asi_port_alloc_root(void);

/* Give back one table page.  No CPU may hold a translation through it. */
void asi_port_free_table(void *table);

/* Linear address to physical address of a table page, and back. */
asi_u64 asi_port_phys(const void *table);
void *asi_port_virt(asi_u64 phys);

/*
 * One line for the kernel log about an internal inconsistency.  The caller
 * continues in the safe direction (deny or leave).
 */
void asi_port_bug(const char *what, asi_u64 value);

#ifdef __cplusplus
}
#endif
#endif /* ASI_PORT_H */
