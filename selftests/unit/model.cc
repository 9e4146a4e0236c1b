// SPDX-License-Identifier: GPL-2.0-only
#include "model.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sim {
namespace {

constexpr asi_u64 k4K = 1ULL << 12, k2M = 1ULL << 21, k1G = 1ULL << 30, k512G = 1ULL << 39;
constexpr asi_u64 kP = 1, kW = 2, kNx = 1ULL << 63;
constexpr asi_u64 kAttributes = kW | 0x98 | kNx;
constexpr asi_u64 kRights = kW | kNx;
constexpr asi_u64 kFrameBits = 0x000ffffffffff000;

/// The attributes of a leaf in the layout of a 4 KiB entry.
asi_u64 attributes_of(asi_u64 entry, asi_u64 size) {
    if (size == k4K) return entry & kAttributes;
    return (entry & kAttributes & ~0x80ULL) | (entry & 0x1000 ? 0x80 : 0);
}

asi_u64 union_of(asi_u64 a, asi_u64 b) {
    return (a & ~kRights) | ((a | b) & kW) | (a & b & kNx);
}

}  // namespace

Machine::Machine(unsigned levels, Pick pick) : levels_(levels), pick_(std::move(pick)) {
    // Two gigabytes on either side of a border between root entries.
    const asi_u64 border = levels == 4 ? 0xffff8880'00000000 + 3 * k512G : 0xff120000'00000000;
    window_ = border - 2 * k1G;
    for (const asi_u64 center : {window_, border - k1G, border, border + k1G, border + 2 * k1G})
        for (const int offset : {-2, -1, 0, 1, 2}) {
            const asi_u64 slot = center + offset * static_cast<std::int64_t>(k2M);
            const bool is_dense = center == border && offset >= -1 && offset <= 1;
            for (const asi_u64 page : {0ULL, 1ULL, 2ULL, 3ULL, 5ULL, 8ULL, 256ULL, 510ULL, 511ULL})
                if (page == 0 || is_dense || (page == 1 && offset == 0))
                    cuts_.push_back(slot + page * k4K);
        }
    cuts_.push_back(border + 100 * k2M);
    std::erase_if(cuts_, [&](asi_u64 va) { return va < window_ || va > border + 2 * k1G; });
    std::sort(cuts_.begin(), cuts_.end());
    for (std::size_t i = 0; i + 1 < cuts_.size(); ++i) {
        samples_.push_back(cuts_[i]);
        if (cuts_[i + 1] - cuts_[i] > k4K) samples_.push_back(cuts_[i + 1] - k4K);
    }
    std::memset(&pt_, 0, sizeof(pt_));
    require(asi_pt_init(&pt_, levels_ | ASI_PT_1G_LEAVES) == 0, "init");
    build_source();
}

Machine::~Machine() {
    asi_pt_destroy(&pt_);
    free_foreign_pages();
}

void Machine::fail(const char* what, asi_u64 value) const {
    char text[200];
    std::snprintf(text, sizeof(text), "%s: %s (0x%llx), operation %llu", operation_, what,
                  static_cast<unsigned long long>(value),
                  static_cast<unsigned long long>(counts_.operations));
    throw Failure(text);
}

// Outer gigabytes: one 1 GiB leaf, one restricted table of 2 MiB leaves. Inner
// ones: 4 KiB leaves around the border, 2 MiB leaves and holes elsewhere.
void Machine::build_source() {
    using F = ForeignTable;
    free_foreign_pages();
    source_ = std::make_unique<F>(levels_);
    constexpr asi_u64 kNoise = F::kA | F::kG | F::kU | F::kForeignSoftware;
    const asi_u64 border = window_ + 2 * k1G;
    const auto random_rights = [&] { return asi_u64{pick_(2) * kW} | (pick_(2) ? kNx : 0); };
    source_->set_leaf(window_, 3, 0x10'0000'0000, kNoise | random_rights());
    for (std::size_t i = 0; i + 1 < cuts_.size(); ++i) {
        const asi_u64 va = cuts_[i], end = cuts_[i + 1];
        if (va < window_ + k1G || pick_(4) == 0) continue;
        const asi_u64 flags = kNoise | random_rights() | (pick_(4) ? 0 : F::kD);
        if (va % k2M == 0 && end % k2M == 0) {
            for (asi_u64 at = va; at < end; at += k2M)
                source_->set_leaf(at, 2, 0x20'0000'0000 + (at - window_), flags);
        } else if (end - va < k2M) {
            for (asi_u64 at = va; at < end; at += k4K)
                source_->set_leaf(at, 1, 0x30'0000'0000 + (at - window_), flags);
        }
    }
    asi_u64& restricted = source_->slot(border + k1G, 3);
    if (restricted & kP) restricted = (restricted & ~kW) | kNx;
    // A root entry that exists but maps nothing in the window.
    source_->set_leaf(border + 8 * k1G, 3, 0, kNoise);
    set_foreign_read_only(true);
}

Machine::Span Machine::pick_span(asi_u64 longest) {
    for (;;) {
        const std::size_t first = pick_(static_cast<unsigned>(cuts_.size() - 1));
        const std::size_t reach = pick_(8) ? 6 : cuts_.size();
        const std::size_t last =
            std::min(first + 1 + pick_(static_cast<unsigned>(reach)), cuts_.size() - 1);
        const Span span{cuts_[first], cuts_[last] - cuts_[first]};
        if (span.size > longest) continue;
        // Takes note of what became ours by a copy for an operation next to it.
        compare(span);
        return span;
    }
}

asi_u64 Machine::pick_entry() {
    static constexpr asi_u64 kRightsChoices[] = {0, kW, kNx, kW | kNx};
    // Mostly one memory type; noise in the bits that must be dropped.
    return kP | kRightsChoices[pick_(4)] | (pick_(8) ? 0 : 0x98) |
           (pick_(2) ? (0x100 | 4 | (7ULL << 9) | (0x7fULL << 52)) : 0);
}

asi_u64 Machine::pick_frame(asi_u64 va, asi_u64 size) {
    // Mostly one linear map, so that mapping again often meets the same frame;
    // long ones keep their alignment, short ones may not.
    static constexpr asi_u64 kShifts[] = {0, 0, 0, 0, 512 * k1G, k2M, k4K};
    const unsigned choices = size > 64 * k2M ? 5 : size > 4 * k2M ? 6 : 7;
    const asi_u64 base = pick_(4) ? 0x40'0000'0000 : 0x20'0000'0000;
    return base + (va - window_) + kShifts[pick_(choices)];
}

bool Machine::observe_page(asi_u64 va, Page& page) const {
    asi_leaf leaf;
    if (!asi_pt_lookup(&pt_, va, &leaf)) return false;
    require(leaf.va <= va && va - leaf.va < leaf.size, "lookup returned another leaf", va);
    require(leaf.borrowed || !(leaf.entry & 0x100), "Global entry in an owned table", va);
    page.pa = leaf.pa + (va - leaf.va);
    page.attributes = attributes_of(leaf.entry, leaf.size);
    page.kind = leaf.kind;
    page.is_borrowed = leaf.borrowed != 0;
    return true;
}

bool Machine::source_page(asi_u64 va, Page& page, asi_u64* leaf_size) const {
    asi_u64 rights = kW;  // W set and NX clear: allowed so far
    for (unsigned level = levels_; level > 0; --level) {
        asi_u64 entry = 0;
        const auto* table = static_cast<const asi_u64*>(source_->root());
        for (unsigned l = levels_; l >= level; --l) {
            entry = table[(va >> (12 + 9 * (l - 1))) & 511];
            if (!(entry & kP)) return false;
            if (l > level) table = static_cast<const asi_u64*>(asi_port_virt(entry & kFrameBits));
        }
        rights = (rights & entry & kW) | ((rights | entry) & kNx);
        const asi_u64 size = ForeignTable::size_at(level);
        if (level == 1 || (level <= 3 && (entry & 0x80))) {
            page.pa = (entry & kFrameBits & ~(size - 1)) + (va & (size - 1));
            page.attributes = (attributes_of(entry, size) & ~kRights) | rights;
            page.kind = ASI_KIND_UNKNOWN;
            page.is_borrowed = true;
            if (leaf_size) *leaf_size = size;
            return true;
        }
    }
    return false;
}

Machine::Pages Machine::observe(Span span) const {
    Pages pages;
    for (auto it = std::lower_bound(samples_.begin(), samples_.end(), span.va);
         it != samples_.end() && *it < span.end(); ++it)
        if (Page page; observe_page(*it, page)) pages.emplace(*it, page);
    return pages;
}

void Machine::compare(Span span) {
    for (auto it = std::lower_bound(samples_.begin(), samples_.end(), span.va);
         it != samples_.end() && *it < span.end(); ++it) {
        Page seen;
        const bool is_seen = observe_page(*it, seen);
        const auto expected = model_.find(*it);
        require(is_seen == (expected != model_.end()), is_seen ? "too much mapped" : "page missing",
                *it);
        if (!is_seen) continue;
        Page& page = expected->second;
        if (page.is_borrowed) {
            if (!seen.is_borrowed) {
                page.is_borrowed = false;  // copied
            } else {
                // The leaf's own bits; restrictions above it are in the path.
                seen.attributes = page.attributes;
            }
        }
        require(seen.pa == page.pa, "wrong frame", *it);
        require(seen.attributes == page.attributes, "wrong rights or memory type", *it);
        require(seen.kind == page.kind, "wrong kind", *it);
        require(seen.is_borrowed == page.is_borrowed, "owned page became borrowed", *it);
    }
}

int Machine::supply(const std::function<int(asi_u32*)>& call, Span touched) {
    for (;;) {
        const asi_u32 reserve = asi_pt_reserve(&pt_), tables = asi_pt_tables(&pt_);
        asi_u32 needed = ~0U;
        const int result = call(&needed);
        const asi_u32 used = reserve - asi_pt_reserve(&pt_);
        if (result == 0) {
            require(needed == used, "used other than announced", needed);
            require(asi_pt_tables(&pt_) == tables + used, "wrong table count", used);
            return 0;
        }
        require(used == 0 && asi_pt_tables(&pt_) == tables, "failed call took pages", used);
        if (reserve < 4 || pick_(8) == 0) compare(touched);
        if (result != -ENOMEM) {
            ++counts_.failures;
            return result;
        }
        require(needed > reserve, "refused with enough pages", needed);
        ++counts_.shortages;
        asi_pt_donate(&pt_, allocate_page());
    }
}

bool Machine::overlay(const Pages& wanted, Pages& result) const {
    for (const auto& [va, page] : wanted) {
        const auto old = model_.find(va);
        if (old == model_.end()) {
            result.emplace(va, page);
            continue;
        }
        if (old->second.pa != page.pa) return false;
        Page merged = old->second;
        if (!merged.is_borrowed) merged.attributes = union_of(merged.attributes, page.attributes);
        result.emplace(va, merged);
    }
    return true;
}

void Machine::map() {
    const Span span = pick_span(4 * k1G);
    asi_u64 pa = pick_frame(span.va, span.size);
    const asi_u64 entry = pick_entry();
    const auto kind = static_cast<asi_kind>(pick_(ASI_NR_KINDS));
    Pages wanted, result;
    for (auto it = std::lower_bound(samples_.begin(), samples_.end(), span.va);
         it != samples_.end() && *it < span.end(); ++it)
        wanted[*it] = {pa + (*it - span.va), entry & kAttributes, asi_u32(kind), false};
    const bool is_possible = overlay(wanted, result);
    const int status = supply(
        [&](asi_u32* n) { return asi_pt_map(&pt_, span.va, pa, span.size, entry, kind, n); }, span);
    require(status == (is_possible ? 0 : -EEXIST), "unexpected result", asi_u64(status));
    if (status == 0)
        for (const auto& [va, page] : result) model_[va] = page;
}

void Machine::clone() {
    const Span span = pick_span(4 * k1G);
    const auto kind = static_cast<asi_kind>(pick_(ASI_NR_KINDS));
    Pages wanted, result;
    asi_u64 expected_bytes = 0;
    for (std::size_t i = 0; i + 1 < cuts_.size(); ++i) {
        if (cuts_[i] < span.va || cuts_[i] >= span.end()) continue;
        Page page;
        if (!source_page(cuts_[i], page)) continue;
        expected_bytes += cuts_[i + 1] - cuts_[i];
        for (const asi_u64 va : {cuts_[i], cuts_[i + 1] - k4K}) {
            source_page(va, page);
            page.is_borrowed = false;
            page.kind = kind;
            wanted[va] = page;
        }
    }
    const bool is_possible = overlay(wanted, result);
    asi_u64 copied = ~0ULL;
    const int status = supply(
        [&](asi_u32* n) {
            return asi_pt_clone(&pt_, source_->root(), span.va, span.size, kind, &copied, n);
        },
        span);
    require(status == (is_possible ? 0 : -EEXIST), "unexpected result", asi_u64(status));
    if (status != 0) return;
    require(copied == expected_bytes, "wrong number of bytes", copied);
    for (const auto& [va, page] : result) model_[va] = page;
}

void Machine::borrow() {
    const unsigned level = 2 + pick_(levels_ - 1);
    const asi_u64 va = samples_[pick_(static_cast<unsigned>(samples_.size()))];
    const asi_u64 size = ForeignTable::size_at(level), first = va & ~(size - 1);
    const Span slot{first, size};
    const int status = supply(
        [&](asi_u32* n) { return asi_pt_borrow(&pt_, source_->root(), va, level, n); }, slot);
    if (status == -EEXIST) return;
    if (status == -ENOENT) {
        Page page;
        asi_u64 leaf = 0;
        require(!source_page(va, page, &leaf) || leaf >= size, "source has a table there", va);
        return;
    }
    require(status == 0, "unexpected result", asi_u64(status));
    // From now on the slot shows the source and nothing else.
    for (auto it = std::lower_bound(samples_.begin(), samples_.end(), first);
         it != samples_.end() && *it - first < size; ++it) {
        Page page;
        const bool is_in_source = source_page(*it, page);
        const auto old = model_.find(*it);
        require(old == model_.end() ||
                    (old->second.is_borrowed && is_in_source && old->second.pa == page.pa),
                "borrow replaced something", *it);
        if (is_in_source) model_[*it] = page;
    }
}

void Machine::unmap() {
    const Span span = pick_span(4 * k1G);
    asi_gather gather;
    asi_gather_init(&gather);
    asi_u64 done = 0;
    unsigned idle = 0;
    while (done < span.size) {
        // A gather that is nearly full already, as in a batch.
        if (done == 0 && idle == 0 && pick_(4) == 0)
            for (asi_u32 room = pick_(4); gather.count < ASI_GATHER_MAX - room;)
                gather.table[gather.count++] = allocate_page();
        const long long n = asi_pt_unmap(&pt_, span.va + done, span.size - done, &gather);
        require(n >= 0 && n % k4K == 0 && asi_u64(n) <= span.size - done, "bad progress",
                asi_u64(n));
        for (auto it = model_.lower_bound(span.va + done);
             it != model_.end() && it->first < span.va + done + asi_u64(n);)
            it = model_.erase(it);
        // Where it stopped need not be a cut point; what lies beyond is compared
        // only once it is dealt with.
        done += asi_u64(n);
        compare({span.va, done});
        if (n == 0 && asi_gather_pending(&gather) == 0) {
            ++counts_.shortages;
            asi_pt_donate(&pt_, allocate_page());
        }
        asi_gather_release(&gather);
        require(++idle < 5000, "unmap makes no progress", done);
    }
}

void Machine::zap() {
    const Span span = pick_span(4 * k1G);
    // Owned large leaves go whole, so it matters where they are.
    std::vector<Span> cleared{span};
    for (auto it = std::lower_bound(samples_.begin(), samples_.end(), span.va);
         it != samples_.end() && *it < span.end(); ++it) {
        asi_leaf leaf;
        if (asi_pt_lookup(&pt_, *it, &leaf) && !leaf.borrowed)
            cleared.push_back({leaf.va, leaf.size});
    }
    for (const Span& part : cleared) compare(part);
    const asi_u32 count = asi_pt_zap(&pt_, span.va, span.size);
    unsigned gone = 0;
    for (const Span& part : cleared)
        for (auto it = model_.lower_bound(part.va); it != model_.end() && it->first < part.end();) {
            if (it->second.is_borrowed) {
                ++it;
                continue;
            }
            ++gone;
            it = model_.erase(it);
        }
    require((count == 0) == (gone == 0), "wrong number of leaves", count);
}

/// Leaves of some kinds go, wherever they are, and every table that is empty then.
void Machine::prune() {
    check_all();
    const asi_u64 kinds = pick_(2) ? 0 : asi_u64{pick_(256)} << pick_(ASI_NR_KINDS);
    asi_gather gather;
    asi_gather_init(&gather);
    asi_u64 from = 0;
    unsigned passes = 0;
    bool is_more = true;
    while (is_more) {
        const asi_u64 before = from;
        is_more = asi_pt_prune(&pt_, &from, kinds, &gather) != 0;
        require(!is_more || from > before || asi_gather_pending(&gather) > 0,
                "prune makes no progress", from);
        asi_gather_release(&gather);
        require(++passes < 100000, "prune does not end", from);
    }
    for (auto it = model_.begin(); it != model_.end();)
        it = !it->second.is_borrowed && ((kinds >> it->second.kind) & 1) != 0 ? model_.erase(it)
                                                                              : std::next(it);
    check_all();
    require_no_empty_table();
}

/// But for the root.
void Machine::require_no_empty_table() const {
    const auto visit = [&](auto& self, const void* page, unsigned level) -> void {
        const auto* table = static_cast<const asi_u64*>(page);
        unsigned used = 0;
        for (unsigned i = 0; i < 512; ++i) {
            used += table[i] != 0;
            const bool is_leaf = level == 1 || (level <= 3 && (table[i] & 0x80));
            if (!is_leaf && (table[i] & 0x200))
                self(self, asi_port_virt(table[i] & kFrameBits), level - 1);
        }
        require(used > 0 || level == levels_, "empty table", level);
    };
    visit(visit, asi_pt_root_table(&pt_), levels_);
}

void Machine::protect() {
    const Span span = pick_span(4 * k1G);
    const asi_u64 entry = pick_entry();
    const int status = supply(
        [&](asi_u32* n) { return asi_pt_protect(&pt_, span.va, span.size, entry, n); }, span);
    require(status == 0, "unexpected result", asi_u64(status));
    for (auto it = model_.lower_bound(span.va); it != model_.end() && it->first < span.end(); ++it)
        it->second.attributes = (it->second.attributes & ~kRights) | (entry & kRights);
}

/// What is borrowed follows its source; what was copied does not.
void Machine::change_source() {
    const asi_u64 va = samples_[pick_(static_cast<unsigned>(samples_.size()))];
    Page page;
    asi_u64 size = 0;
    compare({va, k4K});
    if (!source_page(va, page, &size) || size != k4K) return;
    set_foreign_read_only(false);
    source_->slot(va, 1) ^= pick_(2) ? 0x50'0000'0000 : kW;
    set_foreign_read_only(true);
    const auto old = model_.find(va);
    if (old == model_.end() || !old->second.is_borrowed) return;
    const Page before = old->second;
    source_page(va, page);
    // Copied restrictions stay in the path, so rights are compared on the source.
    old->second = page;
    old->second.kind = before.kind;
}

void Machine::rebuild() {
    check_all();
    asi_pt_destroy(&pt_);
    require(live_pages() == 0, "leaked pages", live_pages());
    model_.clear();
    build_source();
    require(asi_pt_init(&pt_, levels_ | ASI_PT_1G_LEAVES) == 0, "init");
}

void Machine::step() {
    ++counts_.operations;
    struct Operation {
        const char* name;
        unsigned weight;
        void (Machine::*run)();
    };
    static constexpr Operation kOperations[] = {
        {"map", 30, &Machine::map},
        {"clone", 12, &Machine::clone},
        {"borrow", 12, &Machine::borrow},
        {"unmap", 24, &Machine::unmap},
        {"zap", 8, &Machine::zap},
        {"protect", 18, &Machine::protect},
        {"change source", 6, &Machine::change_source},
        {"prune", 2, &Machine::prune},
    };
    if (pick_(2000) == 0) {
        operation_ = "destroy";
        ++counts_.by_operation[8];
        rebuild();
        return;
    }
    unsigned choice = pick_(112);
    std::size_t i = 0;
    while (choice >= kOperations[i].weight) choice -= kOperations[i++].weight;
    operation_ = kOperations[i].name;
    ++counts_.by_operation[i];
    (this->*kOperations[i].run)();
    // Copies reach beyond what an operation names, errors might too.
    if (counts_.operations % 16 == 0) compare({window_, 4 * k1G});
}

void Machine::check_all() {
    compare({window_, 4 * k1G});
    check_tables();
    require(take_bugs() == 0, "the engine reported a bug");
}

/// Walks the raw entries: the rules that lookups cannot show.
void Machine::check_tables() const {
    asi_u32 owned = 0;
    const auto visit = [&](auto& self, const void* page, unsigned level) -> void {
        ++owned;
        const auto* table = static_cast<const asi_u64*>(page);
        for (unsigned i = 0; i < 512; ++i) {
            const asi_u64 entry = table[i];
            if (entry == 0) continue;
            require(entry & kP, "garbage in a hole", entry);
            require(!(entry & 0x104), "Global or User entry", entry);
            require(entry & 0x20, "CPU would have to set Accessed", entry);
            const bool is_leaf = level == 1 || (level <= 3 && (entry & 0x80));
            if (is_leaf) {
                require(((entry >> 6) & 1) == ((entry >> 1) & 1), "Dirty is not Write", entry);
                require(!(entry & 0xe00), "software bits in a leaf", entry);
                const asi_u64 low = ForeignTable::size_at(level) - 1;
                require(!(entry & kFrameBits & low & (level > 1 ? ~0x1000ULL : ~0ULL)),
                        "unaligned leaf", entry);
            } else if (entry & 0x200) {
                require((entry & (kRights | 0x200)) == (kW | 0x200), "restricted owned table",
                        entry);
                self(self, asi_port_virt(entry & kFrameBits), level - 1);
            }
        }
    };
    visit(visit, asi_pt_root_table(&pt_), levels_);
    require(owned == asi_pt_tables(&pt_), "wrong table count", owned);
    require(live_pages() == owned + asi_pt_reserve(&pt_), "leaked pages", live_pages());
}

}  // namespace sim
