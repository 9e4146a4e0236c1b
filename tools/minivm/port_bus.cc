// SPDX-License-Identifier: GPL-2.0-only
#include "port_bus.h"

#include <cstring>

namespace asi {

void PortBus::attach(unsigned first, unsigned count, PortDevice& device) {
    ranges_.push_back({first, count, &device});
}

const PortBus::Range* PortBus::find(unsigned port) const {
    for (const Range& range : ranges_)
        if (port >= range.first && port - range.first < range.count) return &range;
    return nullptr;
}

uint32_t PortBus::read(unsigned port, unsigned size) {
    const Range* range = find(port);
    return range ? range->device->read(port - range->first, size) : ~0u;
}

void PortBus::write(unsigned port, unsigned size, uint32_t value) {
    if (const Range* range = find(port)) range->device->write(port - range->first, size, value);
}

bool PortBus::handle(kvm_run& run) {
    const std::lock_guard guard(lock_);
    auto* data = reinterpret_cast<uint8_t*>(&run) + run.io.data_offset;
    for (uint32_t i = 0; i < run.io.count; ++i, data += run.io.size) {
        uint32_t value = 0;
        if (run.io.direction == KVM_EXIT_IO_OUT) {
            std::memcpy(&value, data, run.io.size);
            write(run.io.port, run.io.size, value);
        } else {
            value = read(run.io.port, run.io.size);
            std::memcpy(data, &value, run.io.size);
        }
    }
    return end_.ended();
}

void handle_absent_mmio(kvm_run& run) {
    if (!run.mmio.is_write) std::memset(run.mmio.data, 0xff, sizeof(run.mmio.data));
}

}  // namespace asi
