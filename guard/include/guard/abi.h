/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest and a VMM say to the guard: Documentation/guard-abi.rst.
 */
#ifndef GUARD_ABI_H
#define GUARD_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The hypercall: RAX has its number, RBX the operation (bits 7:0) and what it says there,
 * RCX, RDX and RSI the rest; RAX returns 0 or more, or a negative errno of Linux.  From
 * 64-bit kernel mode.  KVM answers -1000 (-KVM_ENOSYS) where there is no guard.
 */
#define KVM_HC_GUARD		0x475244

#define GUARD_OP_STATUS		0	/* GUARD_STATUS_* */
#define GUARD_OP_LOCK		1	/* RCX address, RDX bytes, RSI enum guard_asset */
#define GUARD_OP_PIN		2	/* registers of this virtual CPU */
#define GUARD_OP_IMAGE		3	/* RCX physical, RDX virtual address of the image */
#define GUARD_OP_PATCH		4	/* RBX bits 15:8 length, RCX address, RDX, RSI bytes */

#define GUARD_STATUS_OFFERED	1
#define GUARD_STATUS_TABLE	2	/* the VMM gave a manifest */
#define GUARD_STATUS_SEALED	4	/* all locked frames: the VMM cannot write either */
#define GUARD_STATUS_LOCKED	8	/* there are locked frames */
#define GUARD_STATUS_PATCH	16	/* IMAGE found text as its manifest says */
#define GUARD_STATUS_PINNED	32	/* registers of this virtual CPU */

#define GUARD_PATCH_MAX		16	/* bytes */

/* The device. */
#define GUARD_DEVICE		"/dev/guard"

/* Offer the guard to a machine that has no virtual CPU yet. */
struct guard_offer {
	__s32 vm;			/* file of the machine */
	__u32 flags;			/* 0 */
	__u64 manifest;			/* address, or 0 */
	__u64 manifest_size;
};

/* Memory for a guest, of so many bytes: returns a file to map MAP_SHARED. */
struct guard_memory {
	__u64 size;
	__u64 flags;			/* 0 */
};

#define GUARD_OFFER		_IOW('G', 0xa0, struct guard_offer)
#define GUARD_CREATE_MEMORY	_IOW('G', 0xa1, struct guard_memory)

/*
 * With KVM_EXIT_SYSTEM_EVENT, KVM_SYSTEM_EVENT_CRASH: nothing could be refused to an
 * instruction.  data: this, enum guard_way, address, instruction.
 */
#define GUARD_EVENT		0x4452415547ULL	/* "GUARD" */

#endif /* GUARD_ABI_H */
