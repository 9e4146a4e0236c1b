// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memory.h"
#include "unique_fd.h"

namespace asi {

using CpuidTable = std::vector<kvm_cpuid_entry2>;

/// The open /dev/kvm. Throws Error with ExitStatus::kNoKvm if there is none to use.
class Kvm {
  public:
    Kvm();

    int fd() const { return fd_.get(); }
    int extension(unsigned capability) const;
    size_t run_size() const { return run_size_; }
    CpuidTable supported_cpuid() const;

  private:
    UniqueFd fd_;
    size_t run_size_ = 0;
};

enum class Irqchip { kNone, kInKernel };

/// A virtual machine without vCPUs. Memory handed to it must outlive it.
class Vm {
  public:
    Vm(const Kvm& kvm, Irqchip irqchip);

    int fd() const { return fd_.get(); }
    Irqchip irqchip() const { return irqchip_; }
    void add_memory(const GuestMemory& memory);

    /// Makes, moves, changes or (size 0) deletes a slot; one that add_memory() does not use.
    void set_slot(const kvm_userspace_memory_region& region) const;
    void set_irq_line(unsigned gsi, bool level) const;

  private:
    UniqueFd fd_;
    Irqchip irqchip_;
    uint32_t slots_ = 0;
};

/// One virtual CPU and its shared run page.
class Vcpu {
  public:
    Vcpu(const Kvm& kvm, const Vm& vm, unsigned index);
    Vcpu(const Vcpu&) = delete;
    Vcpu& operator=(const Vcpu&) = delete;
    ~Vcpu();

    unsigned index() const { return index_; }
    int fd() const { return fd_.get(); }
    kvm_run& state() const { return *run_; }

    /// Runs the guest until it exits to user space. False: request_stop() was called.
    bool run();

    /// One KVM_RUN, whatever comes of it: 0 or the error number.
    int enter() const;

    /// Completes the instruction behind the last I/O or MMIO exit without running the guest any
    /// further, so that registers may be replaced.
    void complete_exit();

    /// Makes run() return false soon; any thread. The caller also sends kick_signal() to the
    /// thread in run(), which may be in the guest already.
    void request_stop();

    void set_cpuid(const CpuidTable& table) const;
    void set_runnable() const;
    kvm_regs regs() const;
    void set_regs(const kvm_regs& regs) const;
    kvm_sregs sregs() const;
    void set_sregs(const kvm_sregs& sregs) const;

    /// The kernel's own count of exits of this vCPU, 0 if the kernel does not tell.
    uint64_t exit_count() const;
    /// One of KVM's binary statistics; none if this kernel has no such statistic.
    std::optional<uint64_t> statistic(std::string_view name) const;

  private:
    unsigned index_;
    UniqueFd fd_;
    kvm_run* run_ = nullptr;
    size_t run_size_;
    std::atomic<bool> stop_requested_{false};
};

/// The signal that interrupts KVM_RUN; install_kick_handler() makes it harmless.
int kick_signal();
void install_kick_handler();

/// The name of an exit reason, with its detail where there is one.
std::string describe_exit(const kvm_run& run);

/// General, segment and control registers, several lines.
std::string describe_registers(const Vcpu& vcpu);

}  // namespace asi
