/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernel/module/main.c has and no header for others declares. */
#ifndef ASI_X86_FAULT_MODULES_H
#define ASI_X86_FAULT_MODULES_H

#include <linux/types.h>

extern struct list_head modules;

#endif /* ASI_X86_FAULT_MODULES_H */
