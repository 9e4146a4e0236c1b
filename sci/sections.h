/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's linker script defines and no header of the kernel declares. */
#ifndef SCI_SECTIONS_H
#define SCI_SECTIONS_H

#include <linux/types.h>
#include <asm/extable.h>

extern const u8 __start_notes[], __stop_notes[];
extern const struct exception_table_entry __start___ex_table[], __stop___ex_table[];

#endif /* SCI_SECTIONS_H */
