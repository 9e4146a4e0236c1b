// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "guest_end.h"
#include "kvm.h"

namespace asi {

/// A device that answers a range of I/O ports. The bus calls it under its lock.
class PortDevice {
  public:
    virtual ~PortDevice() = default;

    /// `offset` counts from the first port of the range; `size` is 1, 2 or 4.
    virtual uint32_t read(unsigned offset, unsigned size) = 0;
    virtual void write(unsigned offset, unsigned size, uint32_t value) = 0;
};

/// The machine's I/O ports. Ports without a device read as all ones and swallow writes.
class PortBus {
  public:
    /// `end` is what devices on the bus report the guest's end to.
    explicit PortBus(const GuestEnd& end) : end_(end) {}

    /// `device` must outlive the bus.
    void attach(unsigned first, unsigned count, PortDevice& device);

    /// Performs the port access in `run`, whose exit reason is KVM_EXIT_IO. True: the guest has
    /// ended, by this access or by another vCPU's.
    bool handle(kvm_run& run);

  private:
    struct Range {
        unsigned first;
        unsigned count;
        PortDevice* device;
    };

    uint32_t read(unsigned port, unsigned size);
    void write(unsigned port, unsigned size, uint32_t value);
    const Range* find(unsigned port) const;

    const GuestEnd& end_;
    std::mutex lock_;
    std::vector<Range> ranges_;
};

/// Answers an MMIO exit to an address without a device: reads as all ones.
void handle_absent_mmio(kvm_run& run);

}  // namespace asi
