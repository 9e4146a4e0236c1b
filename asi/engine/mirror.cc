// SPDX-License-Identifier: GPL-2.0-only
#include <asi/mirror.h>

#include <new>

#include "../text/errno.h"
#include "table.h"

namespace asi {

namespace {

/// Level of the entries that span a block.
constexpr unsigned kBlockLevel = 2;
static_assert(slot_size(kBlockLevel) == ASI_BLOCK_SIZE);

/// Beside kOwned, in an entry for a block: it leads to memory that is not the mirror's.
constexpr u64 kFilled = 1ULL << 10;
static_assert((kFilled & Format::kSoftware) != 0 && (kFilled & Format::kOwned) == 0);

/// What the CPU writes into entries by itself.
constexpr u64 kByCpu = Format::kAccessed | Format::kDirty;

/// A copy of an entry of the kernel's: never Global, and its software bits are not ours.
constexpr Entry copy_of(Entry source, unsigned level) {
    if (!source.is_present()) return {};
    const u64 global = source.is_leaf(level) ? Format::kGlobal : 0;
    return Entry(source.raw() & ~(global | Format::kSoftware));
}

constexpr Entry page_entry(u64 pa) {
    const Attributes attributes(Format::kWrite | Format::kNoExecute);
    return Entry(Entry::leaf(1, pa, attributes, ASI_KIND_PRIVATE).raw() | Format::kOwned);
}

constexpr bool is_own_table(Entry entry, unsigned level) {
    return entry.is_table(level) && entry.is_owned() && (entry.raw() & kFilled) == 0;
}

/// The table that an entry of the kernel's leads to, or null.
const Table* source_child(const Table* source, unsigned index, unsigned level) {
    const Entry entry = source->load(index);
    return entry.is_table(level) ? table_at(entry.table_address()) : nullptr;
}

class Mirror {
  public:
    Mirror(Table* root, unsigned levels) : root_(root), levels_(levels) {}

    [[nodiscard]] const Table* root() const { return root_; }
    [[nodiscard]] u32 pages() const { return pages_; }

    void donate(void* page) {
        *static_cast<void**>(page) = spare_;
        spare_ = page;
        ++spares_;
        ++pages_;
    }

    void end() {
        free_tables(root_, levels_);
        while (spare_) asi_port_free_table(take());
    }

    int carve(const Table* source, u64 va) {
        if (!is_block(va)) return -kEinval;
        u32 missing = 0;
        const Table* own = root_;
        for (unsigned level = levels_; level > kBlockLevel; --level) {
            const unsigned index = slot_index(va, level);
            source = source_child(source, index, level);
            if (!source) return -kEinval;
            const Entry entry = own ? own->load(index) : Entry();
            own = is_own_table(entry, level) ? table_at(entry.table_address()) : nullptr;
            if (!own) ++missing;
        }
        if (source->load(slot_index(va, kBlockLevel)).is_present()) return -kEinval;
        if (missing > spares_) return -kEnomem;
        return 0;
    }

    /// After carve() said 0 for the same arguments.
    void make_tables(const Table* source, u64 va) {
        Table* own = root_;
        for (unsigned level = levels_; level > kBlockLevel; --level) {
            const unsigned index = slot_index(va, level);
            source = source_child(source, index, level);
            const Entry entry = own->load(index);
            if (is_own_table(entry, level)) {
                own = table_at(entry.table_address());
                continue;
            }
            Table* table = static_cast<Table*>(take());
            follow_table(table, source, level - 1);
            own->store(index, Entry::owned_table(phys_of(table)));
            own = table;
        }
    }

    int map(u64 va, u64 pa, u64 size) {
        Table* blocks = block_table(va, size);
        if (!blocks || pa % ASI_PAGE_SIZE != 0) return -kEinval;
        const unsigned index = slot_index(va, kBlockLevel);
        const Entry block = blocks->load(index);
        if (block.is_present() && !is_own_table(block, kBlockLevel)) return -kEinval;
        if (!block.is_present() && !spare_) return -kEnomem;
        Table* pages =
            block.is_present() ? table_at(block.table_address()) : static_cast<Table*>(take());
        for (u64 at = 0; at < size; at += ASI_PAGE_SIZE)
            pages->store(slot_index(va + at, 1), page_entry(pa + at));
        if (!block.is_present()) blocks->store(index, Entry::owned_table(phys_of(pages)));
        return 0;
    }

    u32 unmap(u64 va, u64 size) {
        Table* blocks = block_table(va, size);
        if (!blocks) return 0;
        const Entry block = blocks->load(slot_index(va, kBlockLevel));
        if (!is_own_table(block, kBlockLevel)) return 0;
        Table* pages = table_at(block.table_address());
        u32 count = 0;
        for (u64 at = 0; at < size; at += ASI_PAGE_SIZE) {
            const unsigned index = slot_index(va + at, 1);
            count += pages->load(index).is_present() ? 1 : 0;
            pages->store(index, Entry());
        }
        return count;
    }

    /// @entry: a leaf of a block's size, or a table of others'.
    int fill(u64 va, Entry entry) {
        Table* blocks = block_table(va, ASI_BLOCK_SIZE);
        const unsigned index = slot_index(va, kBlockLevel);
        if (!blocks || is_own_table(blocks->load(index), kBlockLevel)) return -kEinval;
        blocks->store(index, Entry(entry.raw() | Format::kOwned | kFilled));
        return 0;
    }

    u32 follow(const Table* source) { return follow_own(root_, source, levels_); }

  private:
    [[nodiscard]] bool is_block(u64 va) const {
        return va % ASI_BLOCK_SIZE == 0 && is_canonical(va, levels_);
    }

    /// A donated page, zeroed again.
    void* take() {
        void* page = spare_;
        spare_ = *static_cast<void**>(page);
        *static_cast<void**>(page) = nullptr;
        --spares_;
        return page;
    }

    /// The table of the mirror's that has the entry of the block; null: not carved, or
    /// [va, va + size) is not within one block.
    [[nodiscard]] Table* block_table(u64 va, u64 size) const {
        if (!is_canonical(va, levels_) || size == 0 || (va | size) % ASI_PAGE_SIZE != 0 ||
            va % ASI_BLOCK_SIZE + size > ASI_BLOCK_SIZE)
            return nullptr;
        Table* own = root_;
        for (unsigned level = levels_; level > kBlockLevel; --level) {
            const Entry entry = own->load(slot_index(va, level));
            if (!is_own_table(entry, level)) return nullptr;
            own = table_at(entry.table_address());
        }
        // A neighbour that the kernel maps is a copy of its entry.
        const Entry block = own->load(slot_index(va, kBlockLevel));
        return block.is_present() && !block.is_owned() ? nullptr : own;
    }

    /// One entry of the kernel's, copied.  Returns 1 if one was there and is different.
    static u32 follow_entry(Table* own, const Table* source, unsigned index, unsigned level) {
        const Entry now = own->load(index);
        const Entry want = copy_of(source->load(index), level);
        if (((now.raw() ^ want.raw()) & ~kByCpu) == 0) return 0;
        own->store(index, want);
        return now.is_present() ? 1 : 0;
    }

    /// A table on @level that has nothing of its own yet.
    static void follow_table(Table* own, const Table* source, unsigned level) {
        for (unsigned i = 0; i < kEntriesPerTable; ++i) follow_entry(own, source, i, level);
    }

    u32 follow_own(Table* own, const Table* source, unsigned level) {
        u32 changed = 0;
        for (unsigned i = 0; i < kEntriesPerTable; ++i) {
            const Entry entry = own->load(i);
            if (!entry.is_owned()) {
                // The root only leads to what was carved: others are borrowed elsewhere.
                if (level < levels_) changed += follow_entry(own, source, i, level);
                continue;
            }
            if (level == kBlockLevel) continue;
            // Above a carved block the kernel always has a table: the block is a hole in it.
            if (const Table* below = source_child(source, i, level))
                changed += follow_own(table_at(entry.table_address()), below, level - 1);
        }
        return changed;
    }

    void free_tables(Table* table, unsigned level) {
        for (unsigned i = 0; level > 1 && i < kEntriesPerTable; ++i) {
            const Entry entry = table->load(i);
            if (is_own_table(entry, level)) free_tables(table_at(entry.table_address()), level - 1);
        }
        asi_port_free_table(table);
    }

    Table* root_;
    void* spare_ = nullptr;
    u32 spares_ = 0;
    u32 pages_ = 1;
    u32 levels_;
};
static_assert(sizeof(Mirror) <= sizeof(asi_mirror));
static_assert(alignof(Mirror) <= alignof(asi_mirror));

Mirror& mirror(asi_mirror* m) {
    return *std::launder(reinterpret_cast<Mirror*>(m->opaque));
}
const Mirror& mirror(const asi_mirror* m) {
    return *std::launder(reinterpret_cast<const Mirror*>(m->opaque));
}

const Table* as_table(const void* page) {
    return static_cast<const Table*>(page);
}

}  // namespace

}  // namespace asi

int asi_mirror_begin(asi_mirror* m, void* root, unsigned int levels) {
    if (levels < asi::Format::kMinLevels || levels > asi::Format::kMaxLevels) return -asi::kEinval;
    new (m->opaque) asi::Mirror(static_cast<asi::Table*>(root), levels);
    return 0;
}

void asi_mirror_end(asi_mirror* m) {
    asi::mirror(m).end();
}

void asi_mirror_donate(asi_mirror* m, void* zeroed_page) {
    asi::mirror(m).donate(zeroed_page);
}

const void* asi_mirror_root(const asi_mirror* m) {
    return asi::mirror(m).root();
}

asi_u32 asi_mirror_pages(const asi_mirror* m) {
    return asi::mirror(m).pages();
}

int asi_mirror_carve(asi_mirror* m, const void* src_root, asi_u64 va) {
    const int err = asi::mirror(m).carve(asi::as_table(src_root), va);
    if (err == 0) asi::mirror(m).make_tables(asi::as_table(src_root), va);
    return err;
}

int asi_mirror_map(asi_mirror* m, asi_u64 va, asi_u64 pa, asi_u64 size) {
    return asi::mirror(m).map(va, pa, size);
}

asi_u32 asi_mirror_unmap(asi_mirror* m, asi_u64 va, asi_u64 size) {
    return asi::mirror(m).unmap(va, size);
}

int asi_mirror_fill_frames(asi_mirror* m, asi_u64 va, asi_u64 pa) {
    const asi::Attributes attributes(asi::Format::kWrite | asi::Format::kNoExecute);
    if (pa % ASI_BLOCK_SIZE != 0) return -asi::kEinval;
    return asi::mirror(m).fill(
        va, asi::Entry::leaf(asi::kBlockLevel, pa, attributes, ASI_KIND_PRIVATE));
}

int asi_mirror_fill_table(asi_mirror* m, asi_u64 va, const void* table) {
    return asi::mirror(m).fill(va, asi::Entry::owned_table(asi_port_phys(table)));
}

asi_u64 asi_mirror_page_entry(asi_u64 pa) {
    return asi::page_entry(pa).raw();
}

asi_u32 asi_mirror_follow(asi_mirror* m, const void* src_root) {
    return asi::mirror(m).follow(asi::as_table(src_root));
}
