// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>

#include "memory.h"

namespace asi {

/// Writes RSDP, XSDT, FADT, DSDT, FACS and MADT for `cpu_count` CPUs whose APIC ids count from 0
/// into the BIOS area of `memory`. Returns the RSDP's guest physical address.
uint64_t write_acpi_tables(const GuestMemory& memory, unsigned cpu_count);

}  // namespace asi
