/* SPDX-License-Identifier: GPL-2.0-only */
/* For vmenter.S: no VERW when isolation knows that nothing is to be cleared. */
#ifndef ASI_VMENTER_H
#define ASI_VMENTER_H

#include <asm/percpu.h>

#ifdef CONFIG_KVM_ASI
/* ZF: VERW is due.  Clobbers CF. */
.macro ASI_TEST_BUFFERS
	cmpb	$0, PER_CPU_VAR(asi_buffers_clean)
.endm
.macro ASI_JUMP_IF_CLEAN target:req
	jnz	\target
.endm
#else
.macro ASI_TEST_BUFFERS
.endm
.macro ASI_JUMP_IF_CLEAN target:req
.endm
#endif

#endif /* ASI_VMENTER_H */
