/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For vmenter.S: no VERW when isolation knows that nothing is to be cleared.
 * @feature is VERW's own: without it these are NOPs, too.  What VERW did is told in
 * asi_cleared, so that nothing counts that was not executed.
 */
#ifndef ASI_VMENTER_H
#define ASI_VMENTER_H

#include <asm/alternative.h>
#include <asm/percpu.h>

#ifdef CONFIG_KVM_ASI
#define ASI_TEST_TAINTS	cmpb $0, PER_CPU_VAR(asi_taints); setnz PER_CPU_VAR(asi_cleared)

/* ZF: nothing is to be cleared.  Clobbers CF.  One alternative, so that it is one NOP. */
.macro ASI_TEST_BUFFERS feature
	ALTERNATIVE "", __stringify(ASI_TEST_TAINTS), \feature
.endm
.macro ASI_JUMP_IF_CLEAN target feature
	ALTERNATIVE "", "jz \target", \feature
.endm
#else
.macro ASI_TEST_BUFFERS feature
.endm
.macro ASI_JUMP_IF_CLEAN target feature
.endm
#endif

#endif /* ASI_VMENTER_H */
