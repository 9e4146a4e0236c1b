/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of attack.c that need exact instructions: a function that lets its
 * caller write over its own return address, and what its chains consist of.
 * The returns that are attacked are plain ones, whatever the CPU's mitigations.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>

#define ASI_BUFFER	32	/* bytes of asi_overflow()'s local buffer */
#define ASI_ROOM	512	/* what a chain may take of asi_smash()'s stack */

	.text
	/* On one page: the links of chains are where the attacked function is. */
	.balign	1024

/*
 * void asi_overflow(const unsigned long *words, unsigned long count,
 *		     unsigned long first, unsigned long second)
 *
 * Copies to a local buffer and does not look how long that is.  Returns with
 * @first and @second in the registers of the first two arguments, as functions
 * do that worked on the attacker's data.
 */
SYM_FUNC_START(asi_overflow)
	sub	$ASI_BUFFER, %rsp
	mov	%rdx, %r8
	mov	%rcx, %r9
	mov	%rsi, %rcx
	mov	%rdi, %rsi
	mov	%rsp, %rdi
	rep movsq
	mov	%r8, %rdi
	mov	%r9, %rsi
	add	$ASI_BUFFER, %rsp
	ANNOTATE_UNRET_SAFE
	ret
	int3
SYM_FUNC_END(asi_overflow)

/*
 * asi_smash(), arguments as above: calls asi_overflow().  A chain whose last
 * word is asi_smash_back returns to the caller as if nothing had happened.
 */
SYM_FUNC_START(asi_smash)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, asi_smash_stack(%rip)
	sub	$ASI_ROOM, %rsp
	call	asi_overflow
	int3
	/* Not after a call: only a chain comes here. */
SYM_INNER_LABEL(asi_smash_back, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	mov	asi_smash_stack(%rip), %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(asi_smash)
STACK_FRAME_NON_STANDARD asi_smash

/* A link of a chain: *(u32 *)first = 1. */
SYM_FUNC_START(asi_link_set)
	movl	$1, (%rdi)
	ANNOTATE_UNRET_SAFE
	ret
	int3
SYM_FUNC_END(asi_link_set)

/* A link that does nothing, at an address after a call of something else. */
SYM_FUNC_START(asi_link_called)
	call	asi_return
SYM_INNER_LABEL(asi_link_after_call, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	ANNOTATE_UNRET_SAFE
	ret
	int3
SYM_FUNC_END(asi_link_called)

/* The same, behind an indirect call. */
SYM_FUNC_START(asi_link_called_indirectly)
	ANNOTATE_RETPOLINE_SAFE
	call	*%rax
SYM_INNER_LABEL(asi_link_after_indirect_call, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	ANNOTATE_UNRET_SAFE
	ret
	int3
SYM_FUNC_END(asi_link_called_indirectly)

/* A link that only makes the stack's alignment the other one. */
SYM_FUNC_START(asi_link_nothing)
	ANNOTATE_UNRET_SAFE
	ret
	int3
SYM_FUNC_END(asi_link_nothing)

/* How functions of this kernel return on this CPU. */
SYM_FUNC_START(asi_return)
SYM_INNER_LABEL(asi_return_instruction, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	RET
SYM_FUNC_END(asi_return)

/* void asi_call(unsigned long target, unsigned long first): an indirect call. */
SYM_FUNC_START(asi_call)
	mov	%rdi, %rax
	mov	%rsi, %rdi
	ANNOTATE_RETPOLINE_SAFE
	call	*%rax
	RET
SYM_FUNC_END(asi_call)

/* void asi_jump(unsigned long target, unsigned long first): an indirect jump. */
SYM_FUNC_START(asi_jump)
	mov	%rdi, %rax
	mov	%rsi, %rdi
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%rax
	int3
SYM_FUNC_END(asi_jump)

/* What a function's end takes from the stack: %rbx, and %rbp if @two. */
.macro ASI_PUSH_SAVED two
	test	\two, \two
	jz	.Lonly_one\@
	push	%rbp
.Lonly_one\@:
	push	%rbx
.endm

/* The stack pointer is aligned to 16, less \shift, when those and one word are pushed. */
.macro ASI_ALIGN shift two
	and	$~15, %rsp
	sub	\shift, %rsp
	test	\two, \two
	jz	.Laligned\@
	sub	$8, %rsp
.Laligned\@:
.endm

/*
 * void asi_jump_behind(unsigned long target, unsigned long shift, bool two): jumps to
 * where a function takes one register from the stack, or two, and returns.  The stack
 * pointer is there aligned to 16, less @shift.  The return address is one of a call.
 */
SYM_FUNC_START(asi_jump_behind)
	push	%rbp
	mov	%rsp, %rbp
	ASI_ALIGN %rsi %edx
	ANNOTATE_INTRA_FUNCTION_CALL
	call	1f
	mov	%rbp, %rsp
	pop	%rbp
	RET
1:	ASI_PUSH_SAVED %edx
	mov	%rdi, %rax
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%rax
	int3
SYM_FUNC_END(asi_jump_behind)
STACK_FRAME_NON_STANDARD asi_jump_behind

/* The same by a pointer in memory, and with a return address that is none of a call. */
SYM_FUNC_START(asi_jump_behind_by_memory)
	push	%rbp
	mov	%rsp, %rbp
	ASI_ALIGN %rsi %edx
	lea	2f(%rip), %rax
	push	%rax
	ASI_PUSH_SAVED %edx
	mov	%rdi, asi_jump_pointer(%rip)
	xor	%edi, %edi
	ANNOTATE_RETPOLINE_SAFE
	jmp	*asi_jump_pointer(%rip)
	int3
2:	ANNOTATE_NOENDBR
	mov	%rbp, %rsp
	pop	%rbp
	RET
SYM_FUNC_END(asi_jump_behind_by_memory)
STACK_FRAME_NON_STANDARD asi_jump_behind_by_memory

/* A direct call of a tracer's: calls asi_direct() and returns to the traced function. */
SYM_FUNC_START(asi_direct_trampoline)
	push	%rbp
	mov	%rsp, %rbp
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%r8
	push	%r9
	call	asi_direct
	pop	%r9
	pop	%r8
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%rbp
	RET
SYM_FUNC_END(asi_direct_trampoline)

/*
 * void asi_edge_begin(void): on the page on which asi_edge() begins.
 * int asi_edge(void): 1.  Its last bytes are on the page behind, and a jump leads there
 * when no return address is on top of the stack.
 */
	.balign	4096
SYM_FUNC_START(asi_edge_begin)
	RET
SYM_FUNC_END(asi_edge_begin)
	.skip	4096 - 256, 0xcc
SYM_FUNC_START(asi_edge)
	push	%rbx
	jmp	1f
	.balign	4096, 0xcc
1:	mov	$1, %eax
	pop	%rbx
	RET
SYM_FUNC_END(asi_edge)

/* unsigned long asi_load(unsigned long address): one load that nothing fixes up. */
SYM_FUNC_START(asi_load)
	mov	(%rdi), %rax
	RET
SYM_FUNC_END(asi_load)

/* void asi_store(unsigned long address, unsigned long value) */
SYM_FUNC_START(asi_store)
	mov	%rsi, (%rdi)
	RET
SYM_FUNC_END(asi_store)
