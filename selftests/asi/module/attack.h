/* SPDX-License-Identifier: GPL-2.0-only */
/* attack_text.S, for attack.c. */
#ifndef ASI_TEST_ATTACK_H
#define ASI_TEST_ATTACK_H

#include <linux/types.h>

void asi_overflow(const unsigned long *words, unsigned long count,
		  unsigned long first, unsigned long second);
void asi_smash(const unsigned long *words, unsigned long count,
	       unsigned long first, unsigned long second);
void asi_link_set(void);
void asi_return(void);
void asi_call(unsigned long target, unsigned long first);
void asi_jump(unsigned long target, unsigned long first);
unsigned long asi_load(unsigned long address);
void asi_store(unsigned long address, unsigned long value);
extern const u8 asi_smash_back[], asi_link_after_call[], asi_return_instruction[];

/* Where asi_smash() finds its stack again. */
extern unsigned long asi_smash_stack;

#endif /* ASI_TEST_ATTACK_H */
