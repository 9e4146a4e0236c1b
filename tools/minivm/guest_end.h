// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>

namespace asi {

/// How a booted guest ended.
enum class GuestEndKind {
    kRunning,
    kPowerOff,
    kReset,
    kDebugPort,  ///< a byte written to kDebugPort
    kAwaitedString,
    kFault,
};

/// Written by devices under the port bus's lock; the first end stays.
struct GuestEnd {
    GuestEndKind kind = GuestEndKind::kRunning;
    uint8_t debug_byte = 0;

    bool ended() const { return kind != GuestEndKind::kRunning; }
    void set(GuestEndKind new_kind, uint8_t byte = 0) {
        if (ended()) return;
        kind = new_kind;
        debug_byte = byte;
    }
};

}  // namespace asi
