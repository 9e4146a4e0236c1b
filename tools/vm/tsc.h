// SPDX-License-Identifier: GPL-2.0-only
#pragma once

namespace asi {

/// How fast the counter runs that TCG shows its guests as their TSC, in kHz: the host's own.
/// 0 where the host has none. Takes 50 ms.
unsigned tsc_khz();

}  // namespace asi
