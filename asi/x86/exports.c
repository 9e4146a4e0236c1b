// SPDX-License-Identifier: GPL-2.0-only
/* What modules call of the engine: C++ cannot export. */
#include <linux/export.h>
#include <asi/engine.h>

EXPORT_SYMBOL_GPL(asi_access_name);
EXPORT_SYMBOL_GPL(asi_kind_name);
