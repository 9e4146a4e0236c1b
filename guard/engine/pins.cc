// SPDX-License-Identifier: GPL-2.0-only
// What a guest may write to a register that is pinned.
#include "../include/guard/engine.h"

namespace {

constexpr guard_u64 kProtection = 1U << 0, kWriteProtect = 1U << 16, kPaging = 1U << 31;
constexpr guard_u64 kUmip = 1U << 11, kSmep = 1U << 20, kSmap = 1U << 21;
// LMA follows from the others. [amd/vol2]: 3.1.7.
constexpr guard_u64 kLma = 1U << 10;

struct PinnedMsr {
    guard_u32 msr;
    guard_register reg;
};

constexpr PinnedMsr kMsrs[] = {
    {0xc0000080, GUARD_EFER},   {0xc0000081, GUARD_STAR},          {0xc0000082, GUARD_LSTAR},
    {0xc0000083, GUARD_CSTAR},  {0xc0000084, GUARD_SFMASK},        {0x174, GUARD_SYSENTER_CS},
    {0x175, GUARD_SYSENTER_ESP}, {0x176, GUARD_SYSENTER_EIP},
};
constexpr guard_u32 kMsrCount = sizeof(kMsrs) / sizeof(kMsrs[0]);

/// Bits that stay once they are set, or 0: the register as a whole stays.
constexpr guard_u64 bits_of(guard_register reg) {
    switch (reg) {
        case GUARD_CR0:
            return kProtection | kWriteProtect | kPaging;
        case GUARD_CR4:
            return kUmip | kSmep | kSmap;
        default:
            return 0;
    }
}

constexpr guard_u64 compared_of(guard_register reg) {
    return reg == GUARD_EFER ? ~kLma : ~guard_u64{0};
}

}  // namespace

int guard_pins_refuse(const guard_pins* pins, guard_register reg, guard_u64 old, guard_u64 value) {
    if (!pins->armed || reg >= GUARD_NR_REGISTERS) return 0;
    const guard_u64 pinned = pins->value[reg];
    if (const guard_u64 bits = bits_of(reg)) return (old & pinned & bits & ~value) != 0;
    const guard_u64 mask = compared_of(reg);
    return ((old ^ pinned) & mask) == 0 && ((value ^ pinned) & mask) != 0;
}

int guard_pins_register(guard_u32 msr) {
    for (const PinnedMsr& one : kMsrs)
        if (one.msr == msr) return one.reg;
    return -1;
}

guard_u32 guard_pins_msr(guard_u32 i) {
    return i < kMsrCount ? kMsrs[i].msr : 0;
}
