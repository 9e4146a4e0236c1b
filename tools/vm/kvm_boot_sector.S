/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A boot sector that enters 64-bit mode with paging on, works for some
 * milliseconds, and leaves through QEMU's isa-debug-exit device. Some nested
 * hosts accept every KVM request and then fail in the guest's first such
 * instructions, or emulate each one and never get a kernel booted, so nothing
 * less proves KVM.
 */
#define LOAD_ADDRESS	0x7c00
#define PML4		0x10000
#define PDPT		0x11000
#define PD		0x12000
#define EXIT_PORT	0xf4
#define EXIT_VALUE	0x2a
#define SCRATCH		0x20000
#define SCRATCH_BYTES	0x20000
#define PASSES		256

#define AT(label)	(LOAD_ADDRESS + (label) - asi_kvm_boot_sector)

	.section .rodata
	.globl	asi_kvm_boot_sector
	.code16
asi_kvm_boot_sector:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	AT(gdt_pointer)
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$0x08, $AT(protected_mode)

	.code32
protected_mode:
	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$PML4, %edi
	xor	%eax, %eax
	mov	$0x3000 / 4, %ecx
	rep stosl
	movl	$PDPT + 3, PML4
	movl	$PD + 3, PDPT
	/* One large page, present and writable. */
	movl	$0x83, PD
	mov	$0x20, %eax
	mov	%eax, %cr4
	mov	$PML4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ljmpl	$0x18, $AT(long_mode)

	.code64
long_mode:
	xor	%eax, %eax
	cpuid
	mov	%cr3, %rax
	mov	%rax, %cr3

	mov	$PASSES, %ebx
pass:
	mov	$SCRATCH, %edi
	mov	$SCRATCH_BYTES / 8, %ecx
1:	add	%rbx, (%rdi)
	add	$8, %rdi
	dec	%ecx
	jnz	1b
	dec	%ebx
	jnz	pass

	mov	$EXIT_VALUE, %al
	out	%al, $EXIT_PORT
1:	hlt
	jmp	1b

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9a000000ffff
	.quad	0x00cf92000000ffff
	.quad	0x00af9a000000ffff
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	AT(gdt)

	.org	asi_kvm_boot_sector + 510
	.word	0xaa55

	.section .note.GNU-stack, "", @progbits
