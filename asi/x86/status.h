/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ASI_X86_STATUS_H
#define ASI_X86_STATUS_H

#include <linux/types.h>

unsigned int asi_domain_count(void);

#endif /* ASI_X86_STATUS_H */
