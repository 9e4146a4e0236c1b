// SPDX-License-Identifier: GPL-2.0-only
// A page table of somebody else, written with plain arithmetic and none of the
// engine's code, full of bits the engine must not take over: Global, User, and
// software bits that look like the engine's own.
#ifndef SELFTESTS_UNIT_FOREIGN_TABLE_H
#define SELFTESTS_UNIT_FOREIGN_TABLE_H

#include <cstdint>

#include "sim_port.h"

namespace sim {

class ForeignTable {
  public:
    static constexpr std::uint64_t kP = 1, kW = 2, kU = 4, kA = 0x20, kD = 0x40, kLarge = 0x80,
                                   kG = 0x100, kNx = 1ULL << 63;
    /// Bit 9 means "owned", bits 52 and up a kind, in tables of the engine.
    static constexpr std::uint64_t kForeignSoftware = (7ULL << 9) | (0x2aULL << 52);
    static constexpr std::uint64_t kNonLeaf = kP | kW | kU | kA | kForeignSoftware;

    explicit ForeignTable(unsigned levels)
        : levels_(levels), root_(static_cast<std::uint64_t*>(allocate_foreign_page())) {}

    void* root() const { return root_; }
    unsigned levels() const { return levels_; }

    static std::uint64_t size_at(unsigned level) { return 1ULL << (12 + 9 * (level - 1)); }

    /// One leaf on @level; tables on the way are made with kNonLeaf.
    void set_leaf(std::uint64_t va, unsigned level, std::uint64_t pa, std::uint64_t flags) {
        slot(va, level) = pa | flags | kP | (level > 1 ? kLarge : 0);
    }
    /// The entry that translates @va on @level.
    std::uint64_t& slot(std::uint64_t va, unsigned level) {
        std::uint64_t* table = root_;
        for (unsigned l = levels_; l > level; --l) {
            std::uint64_t& entry = table[(va >> (12 + 9 * (l - 1))) & 511];
            if (!(entry & kP)) entry = asi_port_phys(allocate_foreign_page()) | kNonLeaf;
            table = static_cast<std::uint64_t*>(asi_port_virt(entry & 0x000ffffffffff000));
        }
        return table[(va >> (12 + 9 * (level - 1))) & 511];
    }

  private:
    unsigned levels_;
    std::uint64_t* root_;
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_FOREIGN_TABLE_H
