/* SPDX-License-Identifier: GPL-2.0-only */
/* attack_text.S and tail.c, for attack.c and patch.c. */
#ifndef ASI_TEST_ATTACK_H
#define ASI_TEST_ATTACK_H

#include <linux/types.h>

void asi_overflow(const unsigned long *words, unsigned long count,
		  unsigned long first, unsigned long second);
void asi_smash(const unsigned long *words, unsigned long count,
	       unsigned long first, unsigned long second);
void asi_link_set(void);
void asi_link_nothing(void);
void asi_return(void);
void asi_call(unsigned long target, unsigned long first);
void asi_jump(unsigned long target, unsigned long first);
void asi_jump_behind(unsigned long target, unsigned long shift, bool two);
void asi_jump_behind_by_memory(unsigned long target, unsigned long shift, bool two);
void asi_direct_trampoline(void);
void asi_edge_begin(void);
int asi_edge(void);
unsigned long asi_load(unsigned long address);
void asi_store(unsigned long address, unsigned long value);
extern const u8 asi_smash_back[], asi_link_after_call[], asi_link_after_indirect_call[];
extern const u8 asi_return_instruction[];

/* attack.c: the address of a function of the kernel, or NULL.  Process context. */
void *asi_symbol(const char *name);
/* patch.c, called by the trampoline. */
void asi_direct(void);

/* Where asi_smash() finds its stack again. */
extern unsigned long asi_smash_stack;
/* By which asi_jump_behind_by_memory() jumps. */
extern unsigned long asi_jump_pointer;

/* Calls @function(@argument) and returns 1. */
int asi_tail_first(void (*function)(void *), void *argument);
int asi_tail_middle(void (*function)(void *), void *argument);
int asi_tail_last(void (*function)(void *), void *argument);

#endif /* ASI_TEST_ATTACK_H */
