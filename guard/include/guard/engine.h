/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The C border of the engine: what the host keeps of a guarded machine, and its decisions.
 * Zeroed storage is an empty table, an empty log, and pins that hold nothing.  No function
 * allocates or sleeps.
 */
#ifndef GUARD_ENGINE_H
#define GUARD_ENGINE_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Locked frames ---------------------------------------------------- */

/* What a guest locks.  Also the number in its hypercall. */
enum guard_asset { GUARD_TEXT, GUARD_RODATA, GUARD_MEMORY, GUARD_NR_ASSETS };

#define GUARD_MAX_RANGES 32

/* Guest frames [first, end). */
struct guard_range {
	guard_u64 first, end;
	guard_u32 asset;
	guard_u32 sealed;	/* the VMM cannot write to them either */
};

/* Readers need no lock; writers exclude each other. */
struct guard_frames {
	guard_u32 count;
	guard_u32 reserved;
	struct guard_range range[GUARD_MAX_RANGES];
};

/*
 * Add a range, at index count.  -EINVAL: empty, or no such asset; -EEXIST: a frame is locked
 * already; -ENOSPC: no room.
 */
int guard_frames_add(struct guard_frames *frames, guard_u64 first, guard_u64 end,
		     guard_u32 asset);
/* Take back the last one that was added. */
void guard_frames_drop(struct guard_frames *frames);
/* The range that has a frame of [first, end), or NULL.  Any context. */
const struct guard_range *guard_frames_find(const struct guard_frames *frames, guard_u64 first,
					    guard_u64 end);

/* ---- Refusals --------------------------------------------------------- */

/* How somebody tried. */
enum guard_way {
	GUARD_WAY_WRITE,	/* "write"     a guest's instruction; where: physical address */
	GUARD_WAY_WALK,		/* "walk"      the walk of a guest's page table; the same */
	GUARD_WAY_EVENT,	/* "event"     delivery of an event to a guest; the same */
	GUARD_WAY_EMULATED,	/* "emulated"  an instruction that KVM emulates; the same */
	GUARD_WAY_KVM,		/* "kvm"       KVM for the guest or the VMM; the same */
	GUARD_WAY_AREA,		/* "area"      an MSR names an area that KVM would write to */
	GUARD_WAY_SLOT,		/* "slot"      a memory slot; where: its physical address */
	GUARD_WAY_MAPPING,	/* "mapping"   the VMM's mapping; where: offset in the file */
	GUARD_WAY_CR0,		/* "cr0"       value: what was to be written */
	GUARD_WAY_CR4,		/* "cr4" */
	GUARD_WAY_MSR,		/* "msr"       where: its number */
	GUARD_WAY_IDT,		/* "idt"       where: limit, value: base */
	GUARD_WAY_SMM,		/* "smm" */
	GUARD_WAY_PATCH,	/* "patch"     where: physical address, value: verdict */
	GUARD_WAY_LOCK,		/* "lock"      where: physical address, value: errno */
	GUARD_WAY_IMAGE,	/* "image"     where: physical address, value: unexplained bytes */
	GUARD_NR_WAYS
};

const char *guard_way_name(guard_u32 way);	/* NULL when out of range */
const char *guard_asset_name(guard_u32 asset);

#define GUARD_MAX_REFUSALS 64

struct guard_refusal {
	guard_u64 where, value;
	guard_u64 ip;		/* guest's, or 0 */
	guard_u64 count;
	guard_u32 way;
	guard_u32 vcpu;		/* of the latest */
};

struct guard_refusals {
	guard_u64 total;
	guard_u64 dropped;	/* kinds that found no room */
	guard_u32 used;
	guard_u32 reserved;
	guard_u64 by_way[GUARD_NR_WAYS];
	struct guard_refusal refusal[GUARD_MAX_REFUSALS];
};

/*
 * Count one.  Those of one way, page or register and instruction are one record, which keeps
 * the latest value.  The caller excludes others.
 */
void guard_refusals_note(struct guard_refusals *log, const struct guard_refusal *one);

/* ---- Pinned registers ------------------------------------------------- */

enum guard_register {
	GUARD_CR0,
	GUARD_CR4,
	GUARD_EFER,
	GUARD_STAR,
	GUARD_LSTAR,
	GUARD_CSTAR,
	GUARD_SFMASK,
	GUARD_SYSENTER_CS,
	GUARD_SYSENTER_ESP,
	GUARD_SYSENTER_EIP,
	GUARD_IDT_BASE,
	GUARD_IDT_LIMIT,
	GUARD_NR_REGISTERS
};

/* What a virtual CPU's registers were when they were pinned. */
struct guard_pins {
	guard_u32 armed;
	guard_u32 reserved;
	guard_u64 value[GUARD_NR_REGISTERS];
};

/*
 * Is a write refused?  @old: what the register has.  A bit, or a register, that has its
 * pinned value keeps it; one that lost it, as by INIT, may take any.
 */
int guard_pins_refuse(const struct guard_pins *pins, enum guard_register reg, guard_u64 old,
		      guard_u64 value);
/* The register behind an MSR, or -1. */
int guard_pins_register(guard_u32 msr);
/* The MSR of index @i of those that are pinned, 0 when there is none. */
guard_u32 guard_pins_msr(guard_u32 i);

/* ---- Text ------------------------------------------------------------- */

/* A manifest that open() found valid.  Filled by guard_manifest_open(). */
struct guard_manifest {
	guard_u64 opaque[8];
};

/* NULL, or why @data is no manifest.  It is not copied.  Aligned to 8 bytes. */
const char *guard_manifest_open(struct guard_manifest *manifest, const void *data,
				guard_u64 size);
/* Bytes of the image that ranges cover: offsets in it are smaller. */
guard_u32 guard_manifest_size(const struct guard_manifest *manifest);

/* Where a kernel of a manifest lies. */
struct guard_image {
	guard_u64 gpa;		/* of offset 0 */
	guard_u64 delta;	/* its address minus the link address */
};

/*
 * How many bytes are none of their values, of the ranges in locked frames.  @text: memory from
 * offset 0 on, of guard_manifest_size() bytes.  *compared: how many were looked at.
 */
guard_u32 guard_image_compare(const struct guard_manifest *manifest,
			      const struct guard_image *image,
			      const struct guard_frames *frames, const guard_u8 *text,
			      guard_u32 *compared);
/* The difference for struct guard_image: of a kernel that runs at @address. */
guard_u64 guard_image_delta(const struct guard_manifest *manifest, guard_u64 address);

/*
 * May @length bytes be written at @offset?  0, or a verdict: guard_verdict_name().  Changes
 * nothing.
 */
guard_u32 guard_image_judge(const struct guard_manifest *manifest,
			    const struct guard_image *image, const guard_u8 *text,
			    guard_u32 offset, const guard_u8 *bytes, guard_u32 length);
const char *guard_verdict_name(guard_u32 verdict);

#ifdef __cplusplus
}
#endif
#endif /* GUARD_ENGINE_H */
