// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "kvm.h"
#include "memory.h"

namespace asi {

/// `supported` as CPU `index` of `count` shows it: APIC ids and topology leaves filled in.
CpuidTable cpuid_for(const Kvm& kvm, const CpuidTable& supported, unsigned index, unsigned count);

/// Writes a GDT and page tables that map the first 4 GiB to themselves in 2 MiB pages.
void write_long_mode_tables(const GuestMemory& memory);

/// Puts `vcpu` into 64-bit mode over the tables of write_long_mode_tables(), interrupts off.
void enter_long_mode(const Vcpu& vcpu);

/// Puts `vcpu` into real mode with all segment bases 0.
void enter_real_mode(const Vcpu& vcpu);

/// Writes an interrupt gate for `vector` to `handler` into the IDT of long mode vCPUs.
void write_interrupt_gate(const GuestMemory& memory, unsigned vector, uint64_t handler);

}  // namespace asi
