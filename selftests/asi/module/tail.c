// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that end in jumps to one another: they have one return address, which each
 * tracer of each of them hides.  The last one calls what it is given.
 */
#include "attack.h"

noinline int asi_tail_last(void (*function)(void *), void *argument)
{
	function(argument);
	return 1;
}

noinline int asi_tail_middle(void (*function)(void *), void *argument)
{
	return asi_tail_last(function, argument);
}

noinline int asi_tail_first(void (*function)(void *), void *argument)
{
	return asi_tail_middle(function, argument);
}
