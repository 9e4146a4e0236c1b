# SPDX-License-Identifier: GPL-2.0-only
#
# Position independent guest code. In: r12 = operations to do (0: for ever), r13 = address of a
# 64-bit count of done operations, r14 = operand. Ends with a write to the debug port.

#define DEBUG_PORT 0xf4
#define UNUSED_PORT 0xe0

.macro begin name
	.balign	16
	.globl	guest_\name, guest_\name\()_end
guest_\name:
.endm

.macro next_or_stop
	incq	(%r13)
	dec	%r12
	jnz	1b
	xor	%eax, %eax
	out	%al, $DEBUG_PORT
	hlt
.endm

.macro end name
guest_\name\()_end:
.endm

	.section .rodata
	.code64

begin cpuid
1:	xor	%eax, %eax
	cpuid
next_or_stop
end cpuid

# IA32_APIC_BASE: intercepted and answered by KVM on both vendors.
begin msr
1:	mov	$0x1b, %ecx
	rdmsr
next_or_stop
end msr

begin in
1:	in	$UNUSED_PORT, %al
next_or_stop
end in

begin out
1:	out	%al, $UNUSED_PORT
next_or_stop
end out

# KVM_HC_VAPIC_POLL_IRQ: does nothing.
begin vmcall
1:	mov	$1, %eax
	vmcall
next_or_stop
end vmcall

begin vmmcall
1:	mov	$1, %eax
	vmmcall
next_or_stop
end vmmcall

# r14 = an address without memory.
begin mmio
1:	mov	(%r14), %eax
next_or_stop
end mmio

# r14 = the first of r12 untouched pages.
begin npf
1:	mov	%r12, (%r14)
	add	$4096, %r14
next_or_stop
end npf

# r14 = the first of r12 pages, each of which KVM reads for the guest.
begin outs
	cld
	mov	%r14, %rsi
1:	mov	$UNUSED_PORT, %edx
	outsb
	add	$4095, %rsi
next_or_stop
end outs

# r14 = timer ticks until the wake-up. x2APIC registers: [intel/vol3]: 10.12.1.2.
begin hlt_irq
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	xor	%edx, %edx
	mov	$0x80f, %ecx		# spurious vector register: software enable
	mov	$0x1ff, %eax
	wrmsr
	mov	$0x83e, %ecx		# divide configuration: by 1
	mov	$0xb, %eax
	wrmsr
	mov	$0x832, %ecx		# LVT timer: one-shot
	mov	$0x40, %eax
	wrmsr
1:	mov	$0x838, %ecx		# initial count
	xor	%edx, %edx
	mov	%r14d, %eax
	wrmsr
	sti
	hlt
2:	cli
next_or_stop

# Returns behind the hlt: where an emulator loses the shadow of sti, the timer may come before the
# hlt, which nothing would wake then.
	.globl	guest_timer_handler
guest_timer_handler:
	mov	$0x80b, %ecx		# end of interrupt
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	lea	2b(%rip), %rax
	mov	%rax, (%rsp)
	iretq
end hlt_irq

	.balign	16
	.globl	guest_hello_file, guest_hello_file_end
guest_hello_file:
	.incbin	GUEST_HELLO
guest_hello_file_end:

begin stress
	.incbin	STRESS_PROGRAM
end stress

	.section .note.GNU-stack, "", @progbits
