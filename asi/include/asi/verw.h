/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where VERW finds its selector on the way to user mode and to a guest.
 *
 * It is data, and the kernel has it in the entry code's text, because the process's table
 * is loaded by then.  With execute-only text it has a page of its own at a fixed address,
 * of which the process's table has a copy.  Addressed as an absolute 32-bit number, which
 * the processor sign-extends, wherever the kernel lies.
 */
#ifndef ASI_VERW_H
#define ASI_VERW_H

#ifdef CONFIG_EXECUTE_ONLY_TEXT
/* FIXADDR_TOP: of the fixed mappings, none has this place. */
#define ASI_VERW_ADDRESS	0xffffffffff7ff000
#define ASI_VERW		"verw 0xffffffffff7ff000"
#else
#define ASI_VERW		"verw x86_verw_sel(%rip)"
#endif

#ifndef __ASSEMBLY__
/* Of the CPU that calls it, when its features are known. */
#ifdef CONFIG_EXECUTE_ONLY_TEXT
#define XOM_CR4_PKS		(1UL << 24)
void xom_setup_cpu(void);
#else
#define XOM_CR4_PKS		0UL
static inline void xom_setup_cpu(void) { }
#endif
#endif

#endif /* ASI_VERW_H */
