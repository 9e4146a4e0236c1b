// SPDX-License-Identifier: GPL-2.0-only
// One table page, and what a slot of it shows to an algorithm.
#ifndef ASI_ENGINE_TABLE_H
#define ASI_ENGINE_TABLE_H

#include <asi/port.h>

#include "entry.h"
#include "result.h"

namespace asi {

/// A page of entries. CPUs walk it at any time, so every access to it is one
/// 64-bit load or store, and what an entry points to is complete before the
/// entry is stored.
class Table {
  public:
    [[nodiscard]] Entry load(unsigned index) const {
        return Entry(__atomic_load_n(&entry_[index], __ATOMIC_ACQUIRE));
    }
    void store(unsigned index, Entry entry) {
        __atomic_store_n(&entry_[index], entry.raw(), __ATOMIC_RELEASE);
    }
    static constexpr unsigned kGroup = 4;
    /// False: none of the entries from @first on, a group, refers to an owned table.
    [[nodiscard]] bool may_own_in_group(unsigned first) const { return any_of(first).is_owned(); }
    /// Of them, is one no hole?
    [[nodiscard]] bool has_present_in_group(unsigned first) const {
        return any_of(first).is_present();
    }
    [[nodiscard]] bool is_empty() const {
        for (const u64& entry : entry_)
            if (__atomic_load_n(&entry, __ATOMIC_RELAXED) != 0) return false;
        return true;
    }

  private:
    [[nodiscard]] Entry any_of(unsigned first) const {
        return Entry(load(first).raw() | load(first + 1).raw() | load(first + 2).raw() |
                     load(first + 3).raw());
    }

    u64 entry_[kEntriesPerTable];
};
static_assert(sizeof(Table) == ASI_PAGE_SIZE);

inline Table* table_at(u64 phys) {
    return static_cast<Table*>(asi_port_virt(phys));
}
inline u64 phys_of(const Table* table) {
    return asi_port_phys(table);
}

/// Addresses first .. last, last included: the top of the address space is the
/// end of many a range.
struct Range {
    u64 first = 0;
    u64 last = 0;

    [[nodiscard]] constexpr u64 size() const { return last - first + 1; }
};

/// A range that a page table with @levels can hold: whole pages, canonical,
/// in one half of the address space, not empty.
constexpr Result<Range> make_range(u64 va, u64 size, unsigned levels) {
    const Range range{va, va + size - 1};
    if (((va | size) & (ASI_PAGE_SIZE - 1)) != 0 || size == 0 || range.last < range.first)
        return Status::kInvalid;
    if (!is_canonical(range.first, levels) || !is_canonical(range.last, levels) ||
        (range.first ^ range.last) >> 63 != 0)
        return Status::kInvalid;
    return range;
}

/// Steps through the slots of one table on @level that @range touches. The
/// range must lie within what the table translates.
class Slots {
  public:
    constexpr Slots(unsigned level, Range range)
        : range_(range),
          size_(slot_size(level)),
          base_(table_base(range.first, level)),
          index_(slot_index(range.first, level)),
          last_index_(slot_index(range.last, level)) {}

    [[nodiscard]] constexpr bool done() const { return index_ > last_index_; }
    constexpr void next() { ++index_; }

    [[nodiscard]] constexpr unsigned index() const { return index_; }
    [[nodiscard]] constexpr u64 va() const { return base_ + index_ * size_; }
    /// The part of the range inside this slot.
    [[nodiscard]] constexpr Range range() const {
        const u64 end = va() + (size_ - 1);
        return {va() > range_.first ? va() : range_.first, end < range_.last ? end : range_.last};
    }
    [[nodiscard]] constexpr bool is_whole() const { return range().size() == size_; }

  private:
    Range range_;
    u64 size_;
    u64 base_;
    unsigned index_;
    unsigned last_index_;
};

/// What one slot shows, whoever owns it and whether or not the tables that would
/// hold it exist: the pieces of a large leaf look just like 4 KiB leaves. An
/// algorithm written on views can plan a split or a copy without making it.
struct View {
    enum class Type : u8 { kHole, kLeaf, kTable };

    Type type = Type::kHole;
    bool is_borrowed = false;      ///< the table that holds it is not ours;
                                   ///< for kTable: the table it refers to
    u8 kind = ASI_KIND_UNKNOWN;    ///< kLeaf of ours
    Rights rights = {};            ///< kTable: what the path so far allows
    u64 address = 0;               ///< kLeaf: physical
    Attributes attributes = {};    ///< kLeaf: with the path's restrictions
    const Table* table = nullptr;  ///< kTable

    [[nodiscard]] bool is_hole() const { return type == Type::kHole; }
    [[nodiscard]] bool is_leaf() const { return type == Type::kLeaf; }
    [[nodiscard]] bool is_table() const { return type == Type::kTable; }
    [[nodiscard]] bool is_owned_table() const { return is_table() && !is_borrowed; }

    static View owned_root(const Table* root) { return {.type = Type::kTable, .table = root}; }
    static View foreign_root(const void* root) {
        return {
            .type = Type::kTable, .is_borrowed = true, .table = static_cast<const Table*>(root)};
    }
    /// A run of frames that continues as far as anyone looks, placed so that
    /// its first slot starts at physical address @pa (modulo 2^64).
    static View frames(u64 pa, Attributes attributes) {
        return {.type = Type::kLeaf, .address = pa, .attributes = attributes};
    }

    /// Slot @index of the table on @level that this view is, or would become.
    [[nodiscard]] View child(unsigned level, unsigned index) const {
        if (is_hole()) return {};
        if (is_leaf()) {
            View piece = *this;
            piece.address += index * slot_size(level);
            return piece;
        }
        const Entry entry = table->load(index);
        if (!entry.is_present()) return {};
        if (entry.is_leaf(level)) {
            const Attributes own = entry.attributes(level);
            return {.type = Type::kLeaf,
                    .is_borrowed = is_borrowed,
                    // Software bits of a foreign entry are not ours to read.
                    .kind = is_borrowed ? u8{ASI_KIND_UNKNOWN} : entry.kind(),
                    .address = entry.leaf_address(level),
                    .attributes = own.with(own.rights() & rights)};
        }
        return {.type = Type::kTable,
                .is_borrowed = is_borrowed || !entry.is_owned(),
                .rights = rights & entry.rights(),
                .table = table_at(entry.table_address())};
    }

    /// The entry that makes a slot of an owned table show this view.
    [[nodiscard]] Entry to_entry(unsigned level) const {
        switch (type) {
            case Type::kLeaf:
                return Entry::leaf(level, address, attributes, kind);
            case Type::kTable:
                return is_borrowed ? Entry::borrowed_table(phys_of(table), rights)
                                   : Entry::owned_table(phys_of(table));
            case Type::kHole:
                break;
        }
        return {};
    }
};

}  // namespace asi

#endif  // ASI_ENGINE_TABLE_H
