// SPDX-License-Identifier: GPL-2.0-only
// Life of a page table, its reserve, and the zap that needs neither.
#include "page_table.h"

namespace asi {

namespace {

u32 zap_below(Table* table, unsigned level, Range range) {
    u32 cleared = 0;
    for (Slots slot(level, range); !slot.done(); slot.next()) {
        const Entry entry = table->load(slot.index());
        if (entry.is_leaf(level)) {
            table->store(slot.index(), Entry());
            ++cleared;
        } else if (entry.is_present() && entry.is_owned()) {
            cleared += zap_below(table_at(entry.table_address()), level - 1, slot.range());
        }
    }
    return cleared;
}

}  // namespace

Status PageTable::init(unsigned levels, bool has_1g_leaves) {
    if (levels < Format::kMinLevels || levels > Format::kMaxLevels) return Status::kInvalid;
    root_ = static_cast<Table*>(asi_port_alloc_root());
    if (!root_) return Status::kNoMemory;
    donate(reinterpret_cast<char*>(root_) + ASI_PAGE_SIZE);
    levels_ = levels;
    max_leaf_level_ = has_1g_leaves ? 3 : 2;
    tables_ = 1;
    return Status::kOk;
}

void PageTable::destroy() {
    if (root_) {
        free_below(root_, levels_);
        asi_port_free_table(root_);
    }
    while (Table* page = take()) asi_port_free_table(page);
    *this = PageTable();
}

void PageTable::free_below(Table* table, unsigned level) {
    for (unsigned first = 0; first < kEntriesPerTable; first += Table::kGroup) {
        if (!table->may_own_in_group(first)) continue;
        for (unsigned i = first; i < first + Table::kGroup; ++i) {
            const Entry entry = table->load(i);
            if (!entry.is_table(level) || !entry.is_owned()) continue;
            Table* child = table_at(entry.table_address());
            if (level > 2) free_below(child, level - 1);
            asi_port_free_table(child);
        }
    }
}

void PageTable::donate(void* page) {
    auto* table = static_cast<Table*>(page);
    table->store(0, Entry(reinterpret_cast<u64>(reserve_head_)));
    reserve_head_ = table;
    __atomic_store_n(&reserve_, reserve_ + 1, __ATOMIC_RELAXED);
}

Table* PageTable::take() {
    Table* table = reserve_head_;
    if (!table) return nullptr;
    reserve_head_ = reinterpret_cast<Table*>(table->load(0).raw());
    table->store(0, Entry());
    __atomic_store_n(&reserve_, reserve_ - 1, __ATOMIC_RELAXED);
    return table;
}

u32 PageTable::zap(Range range) {
    return zap_below(root_, levels_, range);
}

}  // namespace asi
