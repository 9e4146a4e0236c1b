// SPDX-License-Identifier: GPL-2.0-only
// Changing mappings. The walk is written once; an operation only says, slot by
// slot, what should become of it:
//
//   decide(level, what the slot shows, what the source shows, wholly in range)
//       keep      leave it
//       store     replace it by this entry
//       descend   look one level down; whatever is there becomes an owned table
//                 if, and only if, something below it changes
//       conflict  give up before anything was touched
//
// "Becomes an owned table" covers a hole (an empty table), a large leaf (its
// pieces) and a borrowed table (a copy). The new table is filled and edited
// completely before one store links it, so a CPU that walks concurrently sees
// the old state or the new one.
#include "page_table.h"

namespace asi {

namespace {

enum class Step : u8 { kKeep, kStore, kDescend, kConflict };

struct Decision {
    Step step;
    Entry entry = {};
};

}  // namespace

template <typename Operation>
class Edit {
  public:
    Edit(PageTable& table, Operation& operation, const View& source, Range range)
        : pt_(table), op_(operation), source_(source), range_(range) {}

    /// Computes what the operation takes, then does it or does nothing.
    Status run(u32& needed) {
        Cost cost;
        scan(pt_.levels_, root(), source_, range_, Depth::kEverything, cost);
        needed = 0;
        if (cost.has_conflict) return Status::kExists;
        needed = cost.pages;
        if (cost.pages > pt_.reserve_) return Status::kNoMemory;
        if (commit(pt_.levels_, pt_.root_, root(), source_, range_)) return Status::kOk;
        // Only a source that changed since the scan leads here. What was done is
        // a valid part of the operation, and repeating it is harmless.
        needed = pt_.reserve_ + 1;
        return Status::kNoMemory;
    }

    /// For operations that rather do a part than nothing.
    bool run_unplanned() { return commit(pt_.levels_, pt_.root_, root(), source_, range_); }

  private:
    enum class Depth : u8 { kFirstChange, kEverything };

    struct Cost {
        u32 pages = 0;
        bool has_conflict = false;
    };

    [[nodiscard]] View root() const { return View::owned_root(pt_.root_); }

    /// Would anything in @range change? Adds the table pages that takes.
    bool scan(unsigned level, const View& target, const View& source, Range range, Depth depth,
              Cost& cost) const {
        bool is_changed = false;
        for (Slots slot(level, range); !slot.done(); slot.next()) {
            const View to = target.child(level, slot.index());
            const View from = source.child(level, slot.index());
            switch (op_.decide(level, to, from, slot.is_whole()).step) {
                case Step::kKeep:
                    break;
                case Step::kStore:
                    is_changed = true;
                    break;
                case Step::kConflict:
                    cost.has_conflict = true;
                    return true;
                case Step::kDescend:
                    if (!scan(level - 1, to, from, slot.range(), depth, cost)) break;
                    is_changed = true;
                    cost.pages += to.is_owned_table() ? 0 : 1;
                    break;
            }
            if (is_changed && (depth == Depth::kFirstChange || cost.has_conflict)) return true;
        }
        return is_changed;
    }

    /// Makes the changes in @table, whose contents before them @target shows.
    /// False when the operation had to stop early.
    bool commit(unsigned level, Table* table, const View& target, const View& source, Range range) {
        for (Slots slot(level, range); !slot.done(); slot.next()) {
            const View to = target.child(level, slot.index());
            const View from = source.child(level, slot.index());
            const Decision decision = op_.decide(level, to, from, slot.is_whole());
            if (decision.step == Step::kStore) {
                table->store(slot.index(), decision.entry);
                op_.stored();
            } else if (decision.step == Step::kDescend) {
                if (!descend(level, table, slot, to, from)) return false;
            }
        }
        return true;
    }

    bool descend(unsigned level, Table* table, const Slots& slot, const View& to,
                 const View& from) {
        const bool is_new = !to.is_owned_table();
        Table* child = const_cast<Table*>(to.table);
        if (is_new) {
            Cost unused;
            if (!scan(level - 1, to, from, slot.range(), Depth::kFirstChange, unused)) return true;
            child = pt_.take();
            if (!child) {
                op_.stop(slot.range().first);
                return false;
            }
            if (!to.is_hole()) copy(level - 1, child, to);
        }
        const bool is_complete = commit(level - 1, child, to, from, slot.range());
        if constexpr (Operation::kPrunes) {
            if (is_complete && child->is_empty()) return prune(table, slot, child, is_new);
        }
        if (is_new) {
            table->store(slot.index(), Entry::owned_table(phys_of(child)));
            pt_.count_tables(1);
            if (to.is_table()) pt_.count_replaced();
        }
        return is_complete;
    }

    /// Fills the empty @table with what @from shows.  Most slots of most tables are holes.
    static void copy(unsigned level, Table* table, const View& from) {
        for (unsigned first = 0; first < kEntriesPerTable; first += Table::kGroup) {
            if (from.is_table() && !from.table->has_present_in_group(first)) continue;
            for (unsigned i = first; i < first + Table::kGroup; ++i)
                table->store(i, from.child(level, i).to_entry(level));
        }
    }

    /// Takes the empty @child out of its slot.
    bool prune(Table* table, const Slots& slot, Table* child, bool is_new) {
        if (is_new) {
            table->store(slot.index(), Entry());
            pt_.donate(child);
            return true;
        }
        if (!op_.gather(child)) {
            // The last page is dealt with, but only if it is named again does
            // the next call come here and find the table.
            op_.stop(slot.range().last + 1 - ASI_PAGE_SIZE);
            return false;
        }
        table->store(slot.index(), Entry());
        pt_.count_tables(-1);
        return true;
    }

    PageTable& pt_;
    Operation& op_;
    const View source_;
    const Range range_;
};

namespace {

/// What operations have in common that never stop early and only add tables.
struct Planned {
    static constexpr bool kPrunes = false;
    void stored() const {}
    void stop(u64 va) const { asi_port_bug("page table: source changed under the lock", va); }
};

/// Makes the leaves of the source appear in the table.
struct Fill : Planned {
    const unsigned max_leaf_level;
    const u8 kind;

    Fill(unsigned level, u8 new_kind) : max_leaf_level(level), kind(new_kind) {}

    [[nodiscard]] Decision decide(unsigned level, const View& to, const View& from,
                                  bool is_whole) const {
        if (from.is_hole()) return {Step::kKeep};
        if (from.is_table() || to.is_table()) {
            // Sharing the source's own table already shows all its leaves.
            return {to.is_table() && to.table == from.table ? Step::kKeep : Step::kDescend};
        }
        if (to.is_hole()) {
            if (is_whole && level <= max_leaf_level && from.address % slot_size(level) == 0)
                return {Step::kStore, Entry::leaf(level, from.address, from.attributes, kind)};
            return {Step::kDescend};
        }
        if (to.address != from.address) return {Step::kConflict};
        const Rights both = to.attributes.rights() | from.attributes.rights();
        if (to.is_borrowed || both == to.attributes.rights()) return {Step::kKeep};
        if (!is_whole) return {Step::kDescend};
        return {Step::kStore, Entry::leaf(level, to.address, to.attributes.with(both), to.kind)};
    }
};

/// Makes one slot refer to the source's table.
struct Share : Planned {
    const unsigned at_level;

    explicit Share(unsigned level) : at_level(level) {}

    [[nodiscard]] Decision decide(unsigned level, const View& to, const View& from, bool) const {
        if (!from.is_table()) return {Step::kKeep};
        if (to.is_table() && to.is_borrowed && to.table == from.table) return {Step::kKeep};
        if (level > at_level) return {to.is_leaf() ? Step::kConflict : Step::kDescend};
        if (!to.is_hole()) return {Step::kConflict};
        return {Step::kStore, from.to_entry(level)};
    }
};

/// Replaces the rights of every leaf.
struct Protect : Planned {
    const Rights rights;

    explicit Protect(Rights wanted) : rights(wanted) {}

    [[nodiscard]] Decision decide(unsigned level, const View& to, const View&,
                                  bool is_whole) const {
        if (to.is_hole()) return {Step::kKeep};
        if (to.is_table()) return {Step::kDescend};
        if (to.attributes.rights() == rights) return {Step::kKeep};
        if (!is_whole) return {Step::kDescend};
        return {Step::kStore, Entry::leaf(level, to.address, to.attributes.with(rights), to.kind)};
    }
};

/// Removes everything; empty tables go to the gather.
struct Unmap {
    static constexpr bool kPrunes = true;
    asi_gather& to_release;
    u64 stopped_at = 0;

    [[nodiscard]] Decision decide(unsigned, const View& to, const View&, bool is_whole) const {
        if (to.is_hole()) return {Step::kKeep};
        if (is_whole && !to.is_owned_table()) return {Step::kStore};
        return {Step::kDescend};
    }
    void stored() { ++to_release.unmapped; }
    void stop(u64 va) { stopped_at = va; }
    bool gather(Table* table) {
        if (to_release.count >= ASI_GATHER_MAX) return false;
        to_release.table[to_release.count++] = table;
        return true;
    }
};

}  // namespace

Status PageTable::map(Range range, u64 pa, Attributes attributes, u8 kind, u32& needed) {
    Fill fill(max_leaf_level_, kind);
    const u64 before = range.first - table_base(range.first, levels_);
    return Edit(*this, fill, View::frames(pa - before, attributes), range).run(needed);
}

Status PageTable::clone(const void* source_root, Range range, u8 kind, u32& needed) {
    // Leaves no larger than the source's, which the CPU evidently supports.
    Fill fill(Format::kMaxLeafLevel, kind);
    return Edit(*this, fill, View::foreign_root(source_root), range).run(needed);
}

Status PageTable::borrow(const void* source_root, u64 va, unsigned level, u32& needed) {
    const u64 first = va & ~(slot_size(level) - 1);
    const View source = View::foreign_root(source_root);
    View shared = source;
    for (unsigned l = levels_; l >= level; --l) {
        shared = shared.child(l, slot_index(first, l));
        if (!shared.is_table()) return Status::kNotFound;
    }
    Share share(level);
    return Edit(*this, share, source, {first, first + slot_size(level) - 1}).run(needed);
}

Status PageTable::protect(Range range, Rights rights, u32& needed) {
    Protect protect(rights);
    return Edit(*this, protect, View(), range).run(needed);
}

u64 PageTable::unmap(Range range, asi_gather& gather) {
    Unmap unmap{.to_release = gather};
    if (Edit(*this, unmap, View(), range).run_unplanned()) return range.size();
    return unmap.stopped_at - range.first;
}

}  // namespace asi
