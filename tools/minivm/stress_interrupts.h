// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "stress_cpu.h"

// Interrupts of the stress tests' guest: the local APIC, the handlers, and what is wired on the
// board.
namespace asi::stress {

// Registers of the local APIC: the offset in xAPIC mode, MSR 0x800 + offset / 16 in x2APIC mode.
// [intel/vol3]: 11.4.1, 11.12.1.2.
enum Apic : uint32_t {
    kApicId = 0x20,
    kEoi = 0xb0,
    kSpurious = 0xf0,
    kIcr = 0x300,
    kIcrHigh = 0x310,
    kLvtTimer = 0x320,
    kLvtLine0 = 0x350,
    kInitialCount = 0x380,
    kCurrentCount = 0x390,
    kDivide = 0x3e0,
};
constexpr uint32_t kApicBaseMsr = 0x1b;
constexpr uint32_t kMasked = 1 << 16;
constexpr uint32_t kPeriodic = 1 << 17;
constexpr uint32_t kAllButSelf = 3 << 18;
constexpr uint32_t kDelivering = 1 << 12;

uint32_t apic_read(uint32_t offset);
void apic_write(uint32_t offset, uint32_t value);
void send_ipi(uint32_t destination, uint32_t command);

/// Interrupts on, until one comes; then off again. Its hlt lies at `sleeping`.
extern "C" void sleep_once();

/// Every vCPU writes the same, and the vectors in use are never others in between.
void set_up_gates();
void set_up_apic();
/// The I/O APIC's lines and the PIT: once for all vCPUs.
void set_up_board();

}  // namespace asi::stress
