// SPDX-License-Identifier: GPL-2.0-only
// Bytes choose what CPUs do, and in which order, on the model of tagged TLBs.
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "../unit/tlb_machine.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::size_t used = 0;
    const auto pick = [&](unsigned n) -> unsigned { return used < size ? data[used++] % n : 0; };
    static constexpr unsigned kSlots[] = {0, 1, 2, 3};
    const sim::TlbMachine::Shape shape{2 + pick(2), kSlots[pick(4)], 3 + pick(3)};
    const sim::TlbLogic logic;
    sim::TlbMachine machine(shape, pick, logic, sim::Mistake::kNone,
                            sim::TlbMachine::Judge::kFlushesToo);
    while (used < size)
        if (machine.run(16) != sim::TlbFault::kNone) throw std::logic_error(machine.what());
    return 0;
}
