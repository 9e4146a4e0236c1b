# SPDX-License-Identifier: GPL-2.0-only
#
# What a guest does against its guard, in 64-bit mode over an identity map. In: r14 = the address
# of a page of its own, r15 = a value. Each ends with a write to the debug port.

#define DEBUG_PORT 0xf4
#define UNUSED_PORT 0xe0
#define MMIO_ADDRESS 0xd0000000
/* The entry for 1 GiB to 1 GiB + 2 MiB in the tables of write_long_mode_tables(). */
#define ALIAS_ENTRY 0x5000
#define ALIAS 0x40000000

/* KVM emulates what follows, with force_emulation_prefix=1. */
.macro emulated
	.byte	0x0f, 0x0b, 0x6b, 0x76, 0x6d
.endm

.macro begin name
	.balign	16
	.globl	attack_\name, attack_\name\()_end
attack_\name:
.endm

.macro end name
	xor	%eax, %eax
	out	%al, $DEBUG_PORT
	hlt
attack_\name\()_end:
.endm

.macro write_msr number
	mov	$\number, %ecx
	mov	%r15d, %eax
	mov	%r15, %rdx
	shr	$32, %rdx
	wrmsr
.endm

	.section .rodata
	.code64

# The guard's hypercall, by the registers as they are.
begin hypercall
	vmmcall
	mov	%rax, %r15
end hypercall

begin write
	mov	%r15, (%r14)
end write

begin alias
	movq	$0x83, ALIAS_ENTRY
	mov	$ALIAS, %eax
	invlpg	(%rax)
	mov	%r15, (%rax, %r14)
end alias

begin movs_mmio
	mov	$MMIO_ADDRESS, %esi
	mov	%r14, %rdi
	movsq
end movs_mmio

begin rep_ins
	mov	$4, %ecx
	mov	%r14, %rdi
	mov	$UNUSED_PORT, %edx
	rep insb
end rep_ins

begin emulated_write
	emulated
	mov	%r15, (%r14)
end emulated_write

begin emulated_cmpxchg
	mov	(%r14), %rax
	emulated
	lock cmpxchg %r15, (%r14)
end emulated_cmpxchg

# The page at r14 is a top-level page table whose entries were not used yet.
begin walk
	mov	%r14, %cr3
end walk

# KVM walks that table for an instruction that it emulates.
begin emulated_walk
	mov	%r14, %cr3
	emulated
	mov	(%rsp), %rax
end emulated_walk

# An exception needs a stack: there is an IDT.
begin event
	lea	2048(%r14), %rsp
	int3
end event

begin cr0_wp
	mov	%cr0, %rax
	btr	$16, %rax
	mov	%rax, %cr0
end cr0_wp

begin cr4_smep
	mov	%cr4, %rax
	btr	$20, %rax
	mov	%rax, %cr4
end cr4_smep

begin cr4_smap
	mov	%cr4, %rax
	btr	$21, %rax
	mov	%rax, %cr4
end cr4_smap

begin efer_nx
	mov	$0xc0000080, %ecx
	rdmsr
	btr	$11, %eax
	wrmsr
end efer_nx

begin lstar
	write_msr 0xc0000082
end lstar

begin star
	write_msr 0xc0000081
end star

begin sysenter_eip
	write_msr 0x176
end sysenter_eip

begin sysenter_esp
	write_msr 0x175
end sysenter_esp

begin lidt
	mov	%r15, -8(%rsp)
	movw	$0xfff, -10(%rsp)
	lidt	-10(%rsp)
end lidt

# Legal: PGE and back, TS and back, and what is pinned already.
begin legal
	mov	%cr4, %rax
	btc	$7, %rax
	mov	%rax, %cr4
	btc	$7, %rax
	mov	%rax, %cr4
	mov	%cr0, %rax
	or	$8, %eax
	mov	%rax, %cr0
	clts
	mov	$0xc0000082, %ecx
	rdmsr
	wrmsr
	sidt	-10(%rsp)
	lidt	-10(%rsp)
	mov	%r15, 8192(%r14)
end legal

# MSR_KVM_STEAL_TIME, MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_WALL_CLOCK_NEW. r14 or r15.
begin steal_time
	lea	1(%r14), %r15
	write_msr 0x4b564d03
end steal_time

begin kvmclock
	lea	1(%r14), %r15
	write_msr 0x4b564d01
end kvmclock

begin wall_clock
	mov	%r14, %r15
	write_msr 0x4b564d00
end wall_clock

	.section .note.GNU-stack, "", @progbits
