/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges of addresses that do not overlap, sorted: which of them holds an address is
 * found in as many steps as their number has bits.
 */
#ifndef ASI_RANGES_H
#define ASI_RANGES_H

#include "port.h"

struct asi_range {
	asi_u64 start;
	asi_u64 end;		/* the byte after the last */
	asi_u32 what;		/* for the one who made it */
};

/* NULL: none does. */
static __always_inline const struct asi_range *
asi_range_find(const struct asi_range *ranges, asi_u32 count, asi_u64 address)
{
	asi_u32 low = 0, high = count, middle;

	/* Those below @low end before the address, those from @high on begin after it. */
	while (low < high) {
		middle = low + (high - low) / 2;
		if (address < ranges[middle].start)
			high = middle;
		else if (address >= ranges[middle].end)
			low = middle + 1;
		else
			return &ranges[middle];
	}
	return (const struct asi_range *)0;
}

#endif /* ASI_RANGES_H */
