// SPDX-License-Identifier: GPL-2.0-only
#define CREATE_TRACE_POINTS
#include "core/trace.h"

/* asi/cpu.h asks whether they are on. */
EXPORT_TRACEPOINT_SYMBOL_GPL(asi_enter);
EXPORT_TRACEPOINT_SYMBOL_GPL(asi_exit);
