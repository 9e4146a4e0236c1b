// SPDX-License-Identifier: GPL-2.0-only
// The C border of the page table: checks arguments, translates results.
#include <asi/engine.h>

#include <new>

#include "page_table.h"

using asi::Attributes;
using asi::PageTable;
using asi::Range;
using asi::Result;
using asi::Status;
using asi::u32;
using asi::u64;

namespace {

PageTable& page_table(asi_pt* pt) {
    return *std::launder(reinterpret_cast<PageTable*>(pt->opaque));
}
const PageTable& page_table(const asi_pt* pt) {
    return *std::launder(reinterpret_cast<const PageTable*>(pt->opaque));
}

Result<Range> range_of(const asi_pt* pt, u64 va, u64 size) {
    return asi::make_range(va, size, page_table(pt).levels());
}

/// Stores where the caller wants it, if anywhere.
template <typename T>
void hand_out(T* where, T value) {
    if (where) *where = value;
}

bool is_kind(unsigned kind) {
    return kind < ASI_NR_KINDS;
}

constexpr u64 kPhysicalEnd = asi::Format::kAddress + ASI_PAGE_SIZE;

bool is_frame_range(u64 pa, u64 size) {
    return pa % ASI_PAGE_SIZE == 0 && pa < kPhysicalEnd && size <= kPhysicalEnd - pa;
}

}  // namespace

void asi_gather_init(asi_gather* g) {
    g->count = 0;
    g->unmapped = 0;
}

asi_u32 asi_gather_pending(const asi_gather* g) {
    return g->count + g->unmapped;
}

void asi_gather_release(asi_gather* g) {
    for (u32 i = 0; i < g->count; ++i) asi_port_free_table(g->table[i]);
    asi_gather_init(g);
}

void asi_gather_finish(const asi_gather* g) {
    if (const u32 pending = asi_gather_pending(g); pending != 0)
        asi_port_bug("removed tables were not released", pending);
}

int asi_pt_init(asi_pt* pt, unsigned int levels) {
    const bool has_1g_leaves = (levels & ASI_PT_1G_LEAVES) != 0;
    auto* table = new (pt->opaque) PageTable();
    return to_errno(table->init(levels & ~ASI_PT_1G_LEAVES, has_1g_leaves));
}

void asi_pt_destroy(asi_pt* pt) {
    page_table(pt).destroy();
}

asi_u64 asi_pt_root(const asi_pt* pt) {
    return page_table(pt).root_phys();
}

void* asi_pt_root_table(const asi_pt* pt) {
    return page_table(pt).root();
}

asi_u32 asi_pt_tables(const asi_pt* pt) {
    return page_table(pt).tables();
}

asi_u32 asi_pt_replaced(const asi_pt* pt) {
    return page_table(pt).replaced();
}

void asi_pt_donate(asi_pt* pt, void* zeroed_page) {
    page_table(pt).donate(zeroed_page);
}

asi_u32 asi_pt_reserve(const asi_pt* pt) {
    return page_table(pt).reserve();
}

int asi_pt_map(asi_pt* pt, asi_u64 va, asi_u64 pa, asi_u64 size, asi_u64 entry, asi_kind kind,
               asi_u32* needed) {
    const Result<Range> range = range_of(pt, va, size);
    if (!range.ok() || !is_frame_range(pa, size) || !is_kind(kind) ||
        !asi::Entry(entry).is_present())
        return to_errno(Status::kInvalid);
    u32 pages = 0;
    const Status status =
        page_table(pt).map(range.value(), pa, Attributes(entry), static_cast<asi::u8>(kind), pages);
    hand_out(needed, pages);
    return to_errno(status);
}

int asi_pt_clone(asi_pt* pt, const void* src_root, asi_u64 va, asi_u64 size, asi_kind kind,
                 asi_u64* copied, asi_u32* needed) {
    const Result<Range> range = range_of(pt, va, size);
    if (!range.ok() || !is_kind(kind)) return to_errno(Status::kInvalid);
    u32 pages = 0;
    if (page_table(pt).clone_into_holes(src_root, range.value(), static_cast<asi::u8>(kind))) {
        hand_out(needed, pages);
        if (copied) *copied = size;
        return 0;
    }
    const Status status =
        page_table(pt).clone(src_root, range.value(), static_cast<asi::u8>(kind), pages);
    hand_out(needed, pages);
    if (copied && status == Status::kOk)
        *copied = asi::mapped_bytes(src_root, page_table(pt).levels(), range.value());
    return to_errno(status);
}

int asi_pt_borrow(asi_pt* pt, const void* src_root, asi_u64 va, unsigned int level,
                  asi_u32* needed) {
    const unsigned levels = page_table(pt).levels();
    if (level < 2 || level > levels || !asi::is_canonical(va, levels))
        return to_errno(Status::kInvalid);
    u32 pages = 0;
    const Status status = page_table(pt).borrow(src_root, va, level, pages);
    hand_out(needed, pages);
    return to_errno(status);
}

long long asi_pt_unmap(asi_pt* pt, asi_u64 va, asi_u64 size, asi_gather* g) {
    const Result<Range> range = range_of(pt, va, size);
    if (!range.ok()) return to_errno(range.status());
    return static_cast<long long>(page_table(pt).unmap(range.value(), *g));
}

asi_u32 asi_pt_zap(asi_pt* pt, asi_u64 va, asi_u64 size) {
    const Result<Range> range = range_of(pt, va, size);
    return range.ok() ? page_table(pt).zap(range.value()) : 0;
}

int asi_pt_prune(asi_pt* pt, asi_u64* from, asi_u64 kinds, asi_gather* g) {
    u64 at = *from;
    const bool is_done = page_table(pt).prune(at, kinds, *g);
    *from = at;
    return is_done ? 0 : 1;
}

int asi_pt_protect(asi_pt* pt, asi_u64 va, asi_u64 size, asi_u64 entry, asi_u32* needed) {
    const Result<Range> range = range_of(pt, va, size);
    if (!range.ok()) return to_errno(range.status());
    u32 pages = 0;
    const Status status = page_table(pt).protect(range.value(), Attributes(entry).rights(), pages);
    hand_out(needed, pages);
    return to_errno(status);
}

int asi_pt_lookup(const asi_pt* pt, asi_u64 va, asi_leaf* leaf) {
    return page_table(pt).lookup(va, *leaf);
}

int asi_table_lookup(const void* root, unsigned int levels, asi_u64 va, asi_leaf* leaf) {
    return asi::find_leaf(static_cast<const asi::Table*>(root), levels, true, va, *leaf);
}

int asi_pt_walk(const asi_pt* pt, asi_u64 va, asi_u64 size, asi_leaf_fn fn, void* ctx) {
    if (size == 0) return page_table(pt).walk_all(fn, ctx);
    const Result<Range> range = range_of(pt, va, size);
    return range.ok() ? page_table(pt).walk(range.value(), fn, ctx) : to_errno(range.status());
}
