// SPDX-License-Identifier: GPL-2.0-only
// Bytes choose operations on a page table and its reference model.
#include <cstddef>
#include <cstdint>

#include "../unit/model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::size_t used = 0;
    const auto byte = [&]() -> unsigned { return used < size ? data[used++] : 0; };
    // Two bytes where one cannot reach every choice; zeros after the end.
    const auto pick = [&](unsigned n) -> unsigned {
        const unsigned value = n <= 256 ? byte() : byte() << 8 | byte();
        return value % n;
    };
    {
        sim::Machine machine(byte() % 2 ? 5 : 4, pick);
        while (used < size) machine.step();
        machine.check_all();
    }
    // Roots are not used twice: hundreds of thousands of runs would use up what there is.
    sim::free_all();
    return 0;
}
