// SPDX-License-Identifier: GPL-2.0-only
// Looking: nothing here writes to a table.
#include "page_table.h"

namespace asi {

namespace {

void describe(asi_leaf& leaf, Entry entry, unsigned level, u64 va, bool is_borrowed) {
    leaf.va = va & ~(slot_size(level) - 1);
    leaf.pa = entry.leaf_address(level);
    leaf.size = slot_size(level);
    leaf.entry = entry.raw();
    leaf.kind = is_borrowed ? u32{ASI_KIND_UNKNOWN} : entry.kind();
    leaf.borrowed = is_borrowed;
}

/// Calls @visit(leaf, slot range) for the leaves of @range in address order,
/// until it returns non-zero.
template <typename Visit>
int for_each_leaf(const Table* table, unsigned level, bool is_borrowed, Range range, Visit& visit) {
    for (Slots slot(level, range); !slot.done(); slot.next()) {
        const Entry entry = table->load(slot.index());
        if (!entry.is_present()) continue;
        int result;
        if (entry.is_leaf(level)) {
            asi_leaf leaf;
            describe(leaf, entry, level, slot.va(), is_borrowed);
            result = visit(leaf, slot.range());
        } else {
            result = for_each_leaf(table_at(entry.table_address()), level - 1,
                                   is_borrowed || !entry.is_owned(), slot.range(), visit);
        }
        if (result != 0) return result;
    }
    return 0;
}

}  // namespace

bool find_leaf(const Table* root, unsigned levels, bool is_foreign, u64 va, asi_leaf& leaf) {
    if (!is_canonical(va, levels)) return false;
    const Table* table = root;
    bool is_borrowed = is_foreign;
    for (unsigned level = levels; level > 0; --level) {
        const Entry entry = table->load(slot_index(va, level));
        if (!entry.is_present()) return false;
        if (entry.is_leaf(level)) {
            describe(leaf, entry, level, va, is_borrowed);
            return true;
        }
        is_borrowed = is_borrowed || !entry.is_owned();
        table = table_at(entry.table_address());
    }
    return false;
}

u64 mapped_bytes(const void* root, unsigned levels, Range range) {
    u64 bytes = 0;
    auto add = [&bytes](const asi_leaf&, Range part) {
        bytes += part.size();
        return 0;
    };
    for_each_leaf(static_cast<const Table*>(root), levels, true, range, add);
    return bytes;
}

bool PageTable::lookup(u64 va, asi_leaf& leaf) const {
    return find_leaf(root_, levels_, false, va, leaf);
}

int PageTable::walk(Range range, asi_leaf_fn visit, void* context) const {
    auto call = [visit, context](const asi_leaf& leaf, Range) { return visit(context, &leaf); };
    return for_each_leaf(root_, levels_, false, range, call);
}

int PageTable::walk_all(asi_leaf_fn visit, void* context) const {
    const u64 half = slot_size(levels_) << (Format::kIndexBits - 1);
    const int result = walk({0, half - 1}, visit, context);
    return result != 0 ? result : walk({0 - half, ~0ULL}, visit, context);
}

}  // namespace asi
