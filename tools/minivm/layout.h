// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>

// Guest physical memory, the same for every subcommand:
//
//   0x00500  GDT
//   0x01000  IDT (snippets with interrupts)
//   0x02000  PML4, PDPT, four page directories: 4 GiB of identity map
//   0x08000  snippet code; real mode stacks grow down from here
//   0x10000  Linux's boot_params
//   0x18000  one cache line of counters per vCPU
//   0x20000  Linux's command line
//   0x40000  long mode stacks, 4 KiB per vCPU
//   0xe0000  ACPI tables
namespace asi {

constexpr uint64_t kGdtAddress = 0x500;
constexpr uint64_t kIdtAddress = 0x1000;
constexpr uint64_t kPageTableAddress = 0x2000;
constexpr uint64_t kSnippetAddress = 0x8000;
constexpr uint64_t kSnippetMaxSize = 0x8000;
constexpr uint64_t kBootParamsAddress = 0x10000;
constexpr uint64_t kCounterAddress = 0x18000;
constexpr uint64_t kCounterStride = 64;
constexpr uint64_t kCommandLineAddress = 0x20000;
constexpr uint64_t kStackAddress = 0x40000;
constexpr uint64_t kStackStride = 0x1000;
constexpr uint64_t kLowMemoryEnd = 0x9fc00;
constexpr uint64_t kAcpiStart = 0xe0000;
constexpr uint64_t kAcpiEnd = 0x100000;
constexpr uint64_t kHighMemoryStart = 0x100000;

constexpr uint32_t kIoApicAddress = 0xfec00000;
constexpr uint32_t kLocalApicAddress = 0xfee00000;

/// No memory is ever put here: an access is an MMIO exit.
constexpr uint64_t kMmioAddress = 0xd0000000;

constexpr unsigned kMaxVcpus = 64;
static_assert(kCounterAddress + kMaxVcpus * kCounterStride <= kCommandLineAddress);
static_assert(kStackAddress + kMaxVcpus * kStackStride <= kLowMemoryEnd);
static_assert(kSnippetAddress + kSnippetMaxSize <= kBootParamsAddress);

}  // namespace asi
