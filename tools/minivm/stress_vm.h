// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "kvm.h"
#include "stress_abi.h"

namespace asi {

/// What a stressed machine is made from.
struct StressPlan {
    uint64_t seed = 1;
    uint64_t limit = 0;  ///< operations of each vCPU until it ends by itself; 0: for ever
    uint32_t operations = 0;
    bool x2apic = true;
    unsigned vcpus = 1;  ///< there may be in the end
    unsigned pieces = 3;
    std::optional<Backing> backing;  ///< all memory is of one kind, the pieces in one mapping
};

constexpr uint32_t operation_bit(stress::Operation operation) {
    return 1u << operation;
}

/// kPieceSize bytes of guest memory whose mapping changes while the guest uses it. The guest sees
/// view(); the VMM answers for the guest through memory(), which never goes away.
class Piece {
  public:
    enum class Kind {
        kShared,   ///< a file: may be unmapped and comes back with its content
        kPrivate,  ///< anonymous: shared with children after fork, copied when written
        kLossy,    ///< anonymous, and may lose its content at any moment
    };

    explicit Piece(Kind kind);
    /// A part of a mapping that is there for longer.
    Piece(Kind kind, uint8_t* memory);
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;
    ~Piece();

    Kind kind() const { return kind_; }
    uint8_t* view() const { return view_; }
    uint8_t* memory() const { return memory_; }

    /// Takes the mapping behind view() away (kShared), and puts a new one there.
    void unmap() const;
    void map() const;
    void protect(int protection) const;
    /// MADV_DONTNEED: the pages are touched for the first time again.
    void discard() const;

    /// The pages that the VMM wrote for the guest, as dirty logging does not see that.
    void mark_written(unsigned page) { written_.fetch_or(1u << page); }
    uint32_t take_written() { return written_.exchange(0); }

  private:
    Kind kind_;
    int file_ = -1;
    bool is_part_ = false;
    uint8_t* view_ = nullptr;
    uint8_t* memory_ = nullptr;
    std::atomic<uint32_t> written_{0};
};

/// A machine that runs stress_program.cc, and the devices it talks to.
class StressVm {
  public:
    StressVm(const Kvm& kvm, const StressPlan& plan);

    const StressPlan& plan() const { return plan_; }
    const Vm& vm() const { return vm_; }
    Piece& piece(unsigned index) const { return *pieces_[index]; }
    /// All pieces, with a backing.
    const GuestMemory* pieces_memory() const { return pieces_memory_.get(); }

    /// Creates the next vCPU, while others run if need be.
    Vcpu& add_vcpu();
    unsigned vcpu_count() const { return vcpu_count_.load(); }
    Vcpu& vcpu(unsigned index) const { return *vcpus_[index]; }

    /// Where slot `index` of the pieces lies in guest physical memory.
    static uint64_t piece_address(unsigned index, bool alias);

    enum class RunEnd { kKicked, kEnded };
    /// Runs `vcpu` until a signal comes or its program ends. Throws when the guest found
    /// something wrong, or did what it should not.
    RunEnd run(Vcpu& vcpu);

    /// Makes all vCPUs end in order.
    void request_end() const { machine().stop = 1; }

    /// Looks at all memory of the pieces from outside, when no vCPU runs. Throws.
    void check_memory() const;

    stress::Machine& machine() const;
    stress::VcpuState& state(unsigned vcpu) const;
    uint64_t operations_done(unsigned vcpu) const;
    uint64_t doorbell_exits() const { return doorbell_exits_.load(); }
    /// KVM_RUNs that ended because the VMM had taken memory away.
    uint64_t refused() const { return refused_.load(); }

    /// Called after each exit to user space.
    void set_exit_hook(std::function<void()> hook) { exit_hook_ = std::move(hook); }

    /// One answer of a port will be wrong: the guest must notice.
    void spoil_answer() { spoil_ = true; }

  private:
    /// What the devices know of one vCPU; used by the thread that runs it.
    struct Devices {
        uint32_t sum = 0;
        std::array<uint32_t, stress::kStringLength> string{};
        unsigned string_in = 0;
        unsigned string_out = 0;
        std::array<uint64_t, stress::kPageSize / 8> registers{};
    };

    std::unique_ptr<Piece> make_piece(unsigned index) const;
    void handle_ports(Vcpu& vcpu);
    uint32_t read_port(Devices& devices, unsigned port);
    void write_port(Devices& devices, unsigned port, uint32_t value);
    void handle_mmio(Vcpu& vcpu);
    bool access_piece(kvm_run& run, uint64_t window);
    [[noreturn]] void fail(const Vcpu& vcpu) const;

    StressPlan plan_;
    const Kvm& kvm_;
    std::unique_ptr<GuestMemory> memory_;
    std::unique_ptr<GuestMemory> pieces_memory_;
    std::vector<std::unique_ptr<Piece>> pieces_;
    Vm vm_;
    CpuidTable cpuid_;
    std::array<std::unique_ptr<Vcpu>, stress::kMaxVcpus> vcpus_;
    std::atomic<unsigned> vcpu_count_{0};
    std::array<Devices, stress::kMaxVcpus> devices_;
    std::atomic<uint64_t> doorbell_exits_{0};
    std::atomic<uint64_t> refused_{0};
    std::atomic<bool> spoil_{false};
    std::function<void()> exit_hook_;
};

}  // namespace asi
