// SPDX-License-Identifier: GPL-2.0-only
#define CREATE_TRACE_POINTS
#include "trace.h"

/* For consumers, whose code may live in modules. */
void asi_trace_enter(const struct asi *asi)
{
	if (trace_enter_enabled())
		trace_enter(asi_id(asi), asi_class(asi));
}
EXPORT_SYMBOL_GPL(asi_trace_enter);

void asi_trace_exit(const struct asi *asi)
{
	const struct asi_leave *leave = asi_last_leave(asi);

	if (trace_exit_enabled())
		trace_exit(asi_id(asi), leave->how, leave->kind, leave->ip);
}
EXPORT_SYMBOL_GPL(asi_trace_exit);
