/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that change no register, for hooks and switches on hot paths: around a NOP the
 * compiler saves nothing.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include "calling.h"

.section .noinstr.text, "ax"

THUNK asi_smt_reach_thunk, __asi_smt_reach
THUNK asi_smt_rest_thunk, __asi_smt_rest
THUNK asi_smt_entered_thunk, __asi_smt_entered
THUNK asi_smt_guest_thunk, __asi_smt_guest
