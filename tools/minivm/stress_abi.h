// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>

// What the guest of the stress tests (stress_program.cc) and its VMM agree on: where things lie in
// guest physical memory, and what each answer must be. Included by both, so plain data only.
//
//   0x010000    Machine
//   0x011000    VcpuState of each vCPU
//   0x100000    a version number for each page of the pieces
//   0x40000000  pieces: guest memory that the VMM changes under the guest, and once more
//   0x80000000  the same pieces under another address
//   0xd0000000  a device in user space, and the doorbell behind it
namespace asi::stress {

constexpr unsigned kMaxVcpus = 16;
constexpr unsigned kMaxPieces = 256;
constexpr unsigned kPagesPerPiece = 8;
constexpr uint64_t kPageSize = 4096;
constexpr uint64_t kPieceSize = kPagesPerPiece * kPageSize;

constexpr uint64_t kMachineAddress = 0x10000;
constexpr uint64_t kVcpuStateAddress = 0x11000;
constexpr uint64_t kVcpuStateStride = 0x400;
constexpr uint64_t kVersionsAddress = 0x100000;
constexpr uint64_t kPiecesAddress = 0x40000000;
constexpr uint64_t kAliasAddress = 0x80000000;
constexpr uint64_t kDeviceAddress = 0xd0000000;
constexpr uint64_t kDoorbellAddress = 0xd0800000;

constexpr unsigned kSumPort = 0x510;       ///< 32 bit: reads as mix() of what was written last
constexpr unsigned kStringPort = 0x514;    ///< 32 bit, strings: reads as the complement
constexpr unsigned kDoorbellPort = 0x520;  ///< 16 bit: only counts
constexpr unsigned kStringLength = 8;

/// A CPUID leaf that only this VMM gives; EAX to EDX are mix() of the seed and the vCPU.
constexpr uint32_t kCpuidLeaf = 0x4fffff00;

enum Vector : uint8_t {
    kTimerVector = 0x40,
    kIpiVector = 0x41,
    kPitVector = 0x42,
    kEventVector = 0x50,  ///< and the next ones, each 0x10 further
};
constexpr unsigned kEventVectors = 4;
constexpr uint16_t kPitReload = 59659;  // 20 Hz
constexpr unsigned kPitPin = 0;
constexpr unsigned kLinePin = 5;

/// What a vCPU does, chosen at random, again and again.
enum Operation : uint32_t {
    kCpuid,
    kMsr,
    kPort,
    kString,
    kDevice,
    kHalt,
    kMemory,
    kIpi,
    kBroadcast,
    kDoorbell,
    kPit,
    kClock,
    kOperations,
};
constexpr const char* kOperationNames[kOperations] = {"cpuid",     "msr",      "port",   "string",
                                                      "device",    "halt",     "memory", "ipi",
                                                      "broadcast", "doorbell", "pit",    "clock"};

/// An interrupt or exception that must not come: where CR2, expected and found the error code and
/// RIP, or RIP and CS.
constexpr uint64_t kUnexpected = 0x100;

/// Written by the VMM; `stop` while the vCPUs run.
struct Machine {
    uint64_t seed;
    uint64_t limit;  ///< operations of each vCPU until it ends by itself; 0: for ever
    uint32_t operations;
    uint32_t x2apic;
    uint32_t vcpus;  ///< there may be in the end
    uint32_t pieces;
    uint32_t alike;  ///< many pages have the same content: see word_of()
    volatile uint32_t stop;
    /// A piece may lose its content at any moment: then its words are 0.
    uint8_t lossy[kMaxPieces];
};
static_assert(kMachineAddress + sizeof(Machine) <= kVcpuStateAddress);

/// Written by the vCPU, but for the first two and `post`.
struct VcpuState {
    VcpuState* self;  ///< found through GS
    uint64_t index;
    volatile uint64_t ready;
    volatile uint64_t done[kOperations];
    volatile uint64_t timer_ticks;
    volatile uint64_t pit_ticks;
    volatile uint64_t events[kEventVectors];
    volatile uint64_t doorbells;
    /// Number of the last IPI from each vCPU, written by the sender, and of the last answered.
    volatile uint64_t post[kMaxVcpus];
    volatile uint64_t answered[kMaxVcpus];
    /// With a status of 1 at the debug port: what was wrong.
    volatile uint64_t wrong;  ///< Operation, or kUnexpected + vector
    volatile uint64_t where;
    volatile uint64_t expected;
    volatile uint64_t found;
};
static_assert(sizeof(VcpuState) <= kVcpuStateStride);
static_assert(kVcpuStateAddress + kMaxVcpus * kVcpuStateStride <= 0x18000);

constexpr uint64_t mix(uint64_t value) {
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccd;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53;
    return value ^ value >> 33;
}

/// The words of a page that are written and checked.
constexpr unsigned kWords = 4;
constexpr uint64_t kWordOffsets[kWords] = {0, 8, 2040, 4088};

constexpr uint64_t page_word(uint64_t seed, uint64_t page, uint32_t version, unsigned word) {
    return version == 0 ? 0 : mix(seed ^ page << 34 ^ uint64_t{version} << 2 ^ word) | 1;
}

/// Of how many kinds the pages are then.
constexpr uint32_t kAlikeVersions = 4;

/// The word that a page of that machine has.
constexpr uint64_t word_of(const Machine& machine, uint64_t page, uint32_t version, unsigned word) {
    if (!machine.alike || version == 0) return page_word(machine.seed, page, version, word);
    return page_word(machine.seed, 0, 1 + version % kAlikeVersions, word);
}

/// Where in a page KVM writes its clock: three words of 32 bits, the first of them a version that
/// grows by 2 each time.
constexpr uint64_t kClockOffset = 1024;

constexpr uint32_t cpuid_word(uint64_t seed, uint64_t vcpu, unsigned word) {
    return static_cast<uint32_t>(mix(seed + vcpu * 4 + word));
}

/// What the device at kDeviceAddress + `offset` answers after `written` was written there.
constexpr uint64_t device_answer(uint64_t offset, uint64_t written) {
    return mix(written + offset);
}

/// Each page is written by one vCPU only.
constexpr unsigned page_owner(uint64_t page, unsigned vcpus) {
    return page % vcpus;
}

}  // namespace asi::stress
