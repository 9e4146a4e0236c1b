// SPDX-License-Identifier: GPL-2.0-only
#include "snippet_vm.h"

#include "cpu_setup.h"
#include "error.h"
#include "layout.h"
#include "platform.h"
#include "port_bus.h"

namespace asi {
namespace {

constexpr size_t kMemorySize = 2 << 20;

uint64_t counter_address(const Vcpu& vcpu) {
    return kCounterAddress + vcpu.index() * kCounterStride;
}

}  // namespace

SnippetVm::SnippetVm(const Kvm& kvm, Irqchip irqchip, CpuMode mode, unsigned vcpu_count,
                     Backing backing)
    : memory_(std::make_unique<GuestMemory>(0, kMemorySize, backing)),
      mode_(mode),
      vm_(kvm, irqchip) {
    vm_.add_memory(*memory_);
    if (mode == CpuMode::kLong) write_long_mode_tables(*memory_);
    const CpuidTable supported = kvm.supported_cpuid();
    for (unsigned i = 0; i < vcpu_count; ++i) {
        vcpus_.push_back(std::make_unique<Vcpu>(kvm, vm_, i));
        const Vcpu& vcpu = *vcpus_.back();
        vcpu.set_cpuid(cpuid_for(kvm, supported, i, vcpu_count));
        if (mode == CpuMode::kLong)
            enter_long_mode(vcpu);
        else
            enter_real_mode(vcpu);
        // With an in-kernel APIC the others would wait for a SIPI that nobody sends.
        if (irqchip == Irqchip::kInKernel) vcpu.set_runnable();
        start_operation(vcpu, 0, 0);
    }
}

void SnippetVm::add_populated_memory(uint64_t base, size_t size) {
    more_memory_ = std::make_unique<GuestMemory>(base, size, Backing::kPopulatedSmallPages);
    vm_.add_memory(*more_memory_);
}

void SnippetVm::add_slots(unsigned count) {
    constexpr uint64_t kBase = 4ull << 30;
    constexpr uint64_t kPageSize = 4096;
    while (slots_.size() + 1 < count) {
        slots_.push_back(std::make_unique<GuestMemory>(kBase + slots_.size() * kPageSize, kPageSize,
                                                       Backing::kOnDemand));
        vm_.add_memory(*slots_.back());
    }
}

void SnippetVm::load_code(std::span<const uint8_t> code) const {
    memory_->write(kSnippetAddress, code.data(), code.size());
}

void SnippetVm::start_operation(const Vcpu& vcpu, uint64_t count, uint64_t operand) const {
    memory_->put(counter_address(vcpu), uint64_t{0});
    kvm_regs regs{};
    regs.rip = kSnippetAddress;
    regs.rflags = 2;
    regs.rsp = mode_ == CpuMode::kLong ? kStackAddress + (vcpu.index() + 1) * kStackStride
                                       : kSnippetAddress - vcpu.index() * 256;
    regs.r12 = count;
    regs.r13 = counter_address(vcpu);
    regs.r14 = operand;
    vcpu.set_regs(regs);
}

uint64_t SnippetVm::operations_done(const Vcpu& vcpu) const {
    const void* counter = memory_->at(counter_address(vcpu), sizeof(uint64_t)).data();
    return __atomic_load_n(static_cast<const uint64_t*>(counter), __ATOMIC_RELAXED);
}

SnippetResult run_until_end(Vcpu& vcpu) {
    SnippetResult result{SnippetEnd::kStopped};
    kvm_run& run = vcpu.state();
    while (vcpu.run()) {
        switch (run.exit_reason) {
            case KVM_EXIT_IO: {
                auto* data = reinterpret_cast<uint8_t*>(&run) + run.io.data_offset;
                const bool out = run.io.direction == KVM_EXIT_IO_OUT;
                if (out && run.io.port == kDebugPort) {
                    result.end = SnippetEnd::kDebugPort;
                    result.debug_byte = *data;
                    return result;
                }
                if (!out) std::memset(data, 0xff, size_t{run.io.size} * run.io.count);
                break;
            }
            case KVM_EXIT_MMIO:
                handle_absent_mmio(run);
                break;
            case KVM_EXIT_HLT:
                result.end = SnippetEnd::kHlt;
                return result;
            case KVM_EXIT_INTR:
                continue;
            default:
                throw Error(ExitStatus::kGuestFailed,
                            describe_exit(run) + "\n" + describe_registers(vcpu));
        }
        ++result.user_exits;
    }
    return result;
}

}  // namespace asi
