// SPDX-License-Identifier: GPL-2.0-only
// Giving table pages back: leaves that a touch will bring in again, and tables that
// nothing is in any more. In short passes, because the caller holds a lock.
#include "page_table.h"

namespace asi {

namespace {

/// Tables that a pass looks at.
constexpr u32 kTablesOfAPass = 64;

class Pass {
  public:
    Pass(u64 kinds, asi_gather& gather) : kinds_(kinds), gather_(gather) {}

    /// False: not done, go on at stopped_at().
    bool run(Table* table, unsigned level, Range range) {
        for (Slots slot(level, range); !slot.done(); slot.next()) {
            const Entry entry = table->load(slot.index());
            if (entry.is_leaf(level)) {
                if ((kinds_ >> entry.kind() & 1) == 0) continue;
                table->store(slot.index(), Entry());
                ++gather_.unmapped;
            } else if (entry.is_present() && entry.is_owned()) {
                if (!descend(table, level, slot, table_at(entry.table_address()))) return false;
            }
        }
        return true;
    }

    [[nodiscard]] u64 stopped_at() const { return stopped_at_; }
    [[nodiscard]] u32 tables() const { return gathered_; }

  private:
    bool descend(Table* table, unsigned level, const Slots& slot, Table* child) {
        if (looked_at_ >= kTablesOfAPass || gather_.count >= ASI_GATHER_MAX) {
            stopped_at_ = slot.range().first;
            return false;
        }
        ++looked_at_;
        if (level > 2 || kinds_ != 0) {
            if (!run(child, level - 1, slot.range())) return false;
        }
        if (!child->is_empty()) return true;
        if (gather_.count >= ASI_GATHER_MAX) {
            // Its own tables filled the gather: the next pass finds it empty.
            stopped_at_ = slot.range().first;
            return false;
        }
        table->store(slot.index(), Entry());
        gather_.table[gather_.count++] = child;
        ++gathered_;
        return true;
    }

    const u64 kinds_;
    asi_gather& gather_;
    u32 looked_at_ = 0;
    u32 gathered_ = 0;
    u64 stopped_at_ = 0;
};

}  // namespace

bool PageTable::prune(u64& from, u64 kinds, asi_gather& gather) {
    const u64 half = slot_size(levels_) << (Format::kIndexBits - 1);
    const bool is_lower = from < half;
    Pass pass(kinds, gather);
    const bool is_done = pass.run(root_, levels_, {from, is_lower ? half - 1 : ~0ULL});
    count_tables(-static_cast<int>(pass.tables()));
    if (!is_done) {
        from = pass.stopped_at();
        return false;
    }
    from = 0 - half;
    return !is_lower;
}

}  // namespace asi
