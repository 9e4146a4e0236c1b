// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kvm.h"
#include "vcpu_threads.h"

namespace asi {

enum class CpuMode { kReal, kLong };

/// A machine with 2 MiB of memory and code at kSnippetAddress; all its vCPUs start there.
class SnippetVm {
  public:
    SnippetVm(const Kvm& kvm, Irqchip irqchip, CpuMode mode, unsigned vcpu_count,
              Backing backing = Backing::kOnDemand);

    const Vcpus& vcpus() const { return vcpus_; }
    const GuestMemory& memory() const { return *memory_; }

    /// Maps another piece of guest memory, populated with small pages.
    void add_populated_memory(uint64_t base, size_t size);

    /// Makes the machine have `count` memory slots: the others have a page each, above 4 GiB.
    void add_slots(unsigned count);

    void load_code(std::span<const uint8_t> code) const;

    /// Sets all registers of `vcpu` for the convention of guest_code.S, its count cleared.
    void start_operation(const Vcpu& vcpu, uint64_t count, uint64_t operand) const;

    /// The count that `vcpu` keeps in guest memory; may be read while it runs.
    uint64_t operations_done(const Vcpu& vcpu) const;

  private:
    std::unique_ptr<GuestMemory> memory_;
    std::unique_ptr<GuestMemory> more_memory_;
    std::vector<std::unique_ptr<GuestMemory>> slots_;
    CpuMode mode_;
    Vm vm_;
    Vcpus vcpus_;
};

/// Why run_until_end() came back.
enum class SnippetEnd { kDebugPort, kHlt, kStopped };

struct SnippetResult {
    SnippetEnd end;
    uint8_t debug_byte = 0;   ///< with kDebugPort
    uint64_t user_exits = 0;  ///< port and MMIO exits before the end
};

/// Runs `vcpu` until it writes to the debug port, halts or is stopped. Other ports and absent
/// memory read as all ones. Any other exit throws with a register dump.
SnippetResult run_until_end(Vcpu& vcpu);

}  // namespace asi
