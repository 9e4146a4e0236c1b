// SPDX-License-Identifier: GPL-2.0-only
// A restricted page table.
//
//   root ──owned──▶ table ──owned──▶ table ─▶ leaves with a kind
//     │               └──borrowed──▶ foreign table ─▶ whatever its owner maps
//     └──borrowed──▶ foreign table ─▶ ...
//
// An entry with the owned bit leads to a table that this page table allocated,
// may edit and will free. Without it the table belongs to somebody else: it is
// never written and never freed, and neither is anything below it. To change
// something below a borrowed table, an owned copy takes its place first.
#ifndef ASI_ENGINE_PAGE_TABLE_H
#define ASI_ENGINE_PAGE_TABLE_H

#include <asi/engine.h>

#include "result.h"
#include "table.h"

namespace asi {

/// Serialized by its owner; functions that say so are lockless.
///
/// Every operation that changes mappings first computes, without touching
/// anything, how many table pages it needs. When the reserve holds them the
/// changes cannot fail; when not, nothing has happened. That is the roll-back.
class PageTable {
  public:
    Status init(unsigned levels, bool has_1g_leaves);
    void destroy();

    [[nodiscard]] u64 root_phys() const { return phys_of(root_); }
    [[nodiscard]] Table* root() const { return root_; }
    [[nodiscard]] unsigned levels() const { return levels_; }
    [[nodiscard]] u32 tables() const { return __atomic_load_n(&tables_, __ATOMIC_RELAXED); }
    [[nodiscard]] u32 reserve() const { return __atomic_load_n(&reserve_, __ATOMIC_RELAXED); }
    [[nodiscard]] u32 replaced() const { return __atomic_load_n(&replaced_, __ATOMIC_RELAXED); }

    /// Adds a page to the reserve. All of it must be zero.
    void donate(void* page);

    // edit.cc. @needed: table pages the whole operation takes.
    Status map(Range range, u64 pa, Attributes attributes, u8 kind, u32& needed);
    Status clone(const void* source_root, Range range, u8 kind, u32& needed);
    /// clone.cc. The same where it only fills holes of one lowest table that is there, of
    /// ours, with frames that the source has for all of @range, or finds all there: what
    /// nearly every call is.
    /// False: nothing was done.
    [[nodiscard]] bool clone_into_holes(const void* source_root, Range range, u8 kind);
    Status borrow(const void* source_root, u64 va, unsigned level, u32& needed);
    Status protect(Range range, Rights rights, u32& needed);
    /// Bytes dealt with; less than the range when @gather or the reserve ran out.
    [[nodiscard]] u64 unmap(Range range, asi_gather& gather);

    /// Clears owned leaves in place; see asi_pt_zap().
    u32 zap(Range range);

    /// prune.cc; see asi_pt_prune(). True: done.
    [[nodiscard]] bool prune(u64& from, u64 kinds, asi_gather& gather);

    /// Lockless.
    [[nodiscard]] bool lookup(u64 va, asi_leaf& leaf) const;
    int walk(Range range, asi_leaf_fn visit, void* context) const;
    /// Every leaf, lower half first.
    int walk_all(asi_leaf_fn visit, void* context) const;

  private:
    template <typename Operation>
    friend class Edit;

    /// A zeroed page from the reserve, or nullptr.
    Table* take();
    void count_tables(int change) {
        __atomic_store_n(&tables_, tables_ + static_cast<u32>(change), __ATOMIC_RELAXED);
    }
    void count_replaced() { __atomic_store_n(&replaced_, replaced_ + 1, __ATOMIC_RELAXED); }
    void free_below(Table* table, unsigned level);

    Table* root_ = nullptr;
    Table* reserve_head_ = nullptr;  ///< linked through the first word of each page
    u32 levels_ = 0;
    u32 max_leaf_level_ = 2;
    u32 tables_ = 0;  ///< owned, root included
    u32 reserve_ = 0;
    u32 replaced_ = 0;  ///< borrowed tables that a copy took the place of
};

static_assert(sizeof(PageTable) <= sizeof(asi_pt));
static_assert(alignof(PageTable) <= alignof(asi_pt));

/// Finds the leaf that maps @va below @root. @is_foreign: not a table of ours.
/// Lockless: reads each entry once, and what it saw was true at that moment.
[[nodiscard]] bool find_leaf(const Table* root, unsigned levels, bool is_foreign, u64 va,
                             asi_leaf& leaf);

/// Bytes of @range that the foreign table @root maps.
[[nodiscard]] u64 mapped_bytes(const void* root, unsigned levels, Range range);

}  // namespace asi

#endif  // ASI_ENGINE_PAGE_TABLE_H
