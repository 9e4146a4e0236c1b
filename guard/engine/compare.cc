// SPDX-License-Identifier: GPL-2.0-only
#include "compare.h"

#include "opcode.h"

namespace guard {
namespace {

u32 distance(const u8* a, const u8* b, u32 length) {
    u32 count = 0;
    for (u32 i = 0; i < length; i++) count += a[i] != b[i];
    return count;
}

class Comparison {
  public:
    Comparison(const Manifest& manifest, const Range& range, const u8* memory, u64 delta,
               UnexplainedFn report, void* context)
        : manifest_(manifest),
          range_(range),
          memory_(memory),
          delta_(delta),
          report_(report),
          context_(context) {}

    CompareCounts run() {
        if (range_.kind == RangeKind::kFrozen) {
            counts_.frozen = range_.length;
            return counts_;
        }
        u32 at = range_.offset;
        for (u32 i = manifest_.first_site(at);
             i < manifest_.site_count() && manifest_.site(i).offset < range_.end(); i++) {
            const Site& site = manifest_.site(i);
            compare_image(at, site.offset);
            compare_site(site);
            at = site.end();
        }
        compare_image(at, range_.end());
        return counts_;
    }

  private:
    [[nodiscard]] const u8* memory_at(u32 offset) const {
        return memory_ + (offset - range_.offset);
    }

    void unexplained(u32 offset, u8 expected, const Site* site) {
        counts_.unexplained++;
        if (report_) report_(context_, offset, *memory_at(offset), expected, site);
    }

    void compare_image(u32 from, u32 to) {
        u8 expected[256];
        while (from < to) {
            const u32 length = to - from < sizeof(expected) ? to - from : sizeof(expected);
            manifest_.read(range_.image + (from - range_.offset), length, delta_, expected);
            for (u32 i = 0; i < length; i++) {
                const u8 found = *memory_at(from + i);
                if (found == expected[i])
                    counts_.equal++;
                else if (found == kInt3 && manifest_.is_start(range_, from + i))
                    counts_.breakpoints++;
                else
                    unexplained(from + i, expected[i], nullptr);
            }
            from += length;
        }
    }

    void compare_site(const Site& site) {
        if (site.count == 0) {
            counts_.constants += site.length;
            return;
        }
        u8 value[kMaxSite], closest[kMaxSite];
        u32 best = site.length + 1U;
        for (u32 i = 0; i < site.count && best != 0; i++) {
            manifest_.read(site.values + i * site.length, site.length, delta_, value);
            const u32 different = distance(value, memory_at(site.offset), site.length);
            if (different >= best) continue;
            best = different;
            for (u32 k = 0; k < site.length; k++) closest[k] = value[k];
        }
        counts_.explained += site.length - best;
        for (u32 k = 0; k < site.length && best != 0; k++)
            if (closest[k] != *memory_at(site.offset + k))
                unexplained(site.offset + k, closest[k], &site);
    }

    const Manifest& manifest_;
    const Range& range_;
    const u8* memory_;
    u64 delta_;
    UnexplainedFn report_;
    void* context_;
    CompareCounts counts_;
};

}  // namespace

CompareCounts compare_range(const Manifest& manifest, const Range& range, const u8* memory,
                            u64 delta, UnexplainedFn report, void* context) {
    return Comparison(manifest, range, memory, delta, report, context).run();
}

u32 find_value(const Manifest& manifest, const Site& site, const u8* memory, u64 delta) {
    u8 value[kMaxSite];
    for (u32 i = 0; i < site.count; i++) {
        manifest.read(site.values + i * site.length, site.length, delta, value);
        if (distance(value, memory, site.length) == 0) return i;
    }
    return site.count;
}

}  // namespace guard
