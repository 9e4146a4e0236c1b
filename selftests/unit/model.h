// SPDX-License-Identifier: GPL-2.0-only
// A reference model of a restricted page table: a std::map from page to what it
// shows, and a machine that runs operations on both and compares. Random tests
// and the fuzzer drive the same machine.
//
// Mapping gigabytes page by page would be slow. So every range of every
// operation begins and ends at one of a few hundred cut points, dense around
// the borders of large leaves and root entries; between two of them everything
// is uniform, and the model keeps the first and the last page of each stretch.
#ifndef SELFTESTS_UNIT_MODEL_H
#define SELFTESTS_UNIT_MODEL_H

#include <asi/engine.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "foreign_table.h"

namespace sim {

/// One page as a CPU would see it, and as an administrator would.
struct Page {
    asi_u64 pa = 0;
    asi_u64 attributes = 0;  ///< W, PWT, PCD, PAT (bit 7) and NX
    asi_u32 kind = 0;
    bool is_borrowed = false;
    bool operator==(const Page&) const = default;
};

class Machine {
  public:
    /// @pick(n): the next choice, below n. Throws sim::Failure when the engine
    /// and the model disagree.
    using Pick = std::function<unsigned(unsigned)>;
    Machine(unsigned levels, Pick pick);
    ~Machine();
    Machine(const Machine&) = delete;

    /// One operation, with every possible shortage of pages on the way.
    void step();
    /// Compares everything, and walks the raw tables for broken rules.
    void check_all();

    struct Counts {
        std::uint64_t operations = 0, failures = 0, shortages = 0;
        std::uint64_t by_operation[9] = {};
        bool operator==(const Counts&) const = default;
    };
    const Counts& counts() const { return counts_; }

  private:
    struct Span {
        asi_u64 va, size;
        asi_u64 end() const { return va + size; }
    };
    using Pages = std::map<asi_u64, Page>;

    Span pick_span(asi_u64 longest);
    asi_u64 pick_entry();
    asi_u64 pick_frame(asi_u64 va, asi_u64 size);
    void build_source();

    void map();
    void clone();
    void borrow();
    void unmap();
    void zap();
    void prune();
    void protect();
    void change_source();
    void rebuild();

    /// Calls until it does not lack pages any more, donating one at a time.
    int supply(const std::function<int(asi_u32*)>& call, Span touched);
    /// Fills @expected's part of the model; false on a conflict.
    bool overlay(const Pages& wanted, Pages& result) const;

    std::map<asi_u64, Page> observe(Span span) const;
    bool observe_page(asi_u64 va, Page& page) const;
    bool source_page(asi_u64 va, Page& page, asi_u64* leaf_size = nullptr) const;
    /// Compares, allowing what cannot be told from the pages alone: a borrowed
    /// page may have become ours by a copy.
    void compare(Span span);
    void check_tables() const;
    void require_no_empty_table() const;

    [[noreturn]] void fail(const char* what, asi_u64 value) const;
    void require(bool condition, const char* what, asi_u64 value = 0) const {
        if (!condition) fail(what, value);
    }

    unsigned levels_;
    Pick pick_;
    asi_u64 window_;
    std::vector<asi_u64> cuts_;
    std::vector<asi_u64> samples_;
    std::unique_ptr<ForeignTable> source_;
    asi_pt pt_;
    Pages model_;
    Counts counts_;
    const char* operation_ = "";
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_MODEL_H
