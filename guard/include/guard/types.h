/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Integers of the border between C and C++.  No kernel header in C++, and none of the
 * core's: tools and host tests see the same.
 */
#ifndef GUARD_TYPES_H
#define GUARD_TYPES_H

#ifdef __cplusplus
#include <cstdint>
typedef std::uint64_t guard_u64;
typedef std::uint32_t guard_u32;
typedef std::uint8_t guard_u8;
#else
#include <linux/types.h>
typedef u64 guard_u64;
typedef u32 guard_u32;
typedef u8 guard_u8;
#endif

#endif /* GUARD_TYPES_H */
