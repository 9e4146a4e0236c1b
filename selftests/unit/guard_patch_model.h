// SPDX-License-Identifier: GPL-2.0-only
// What a patched text may look like, said without the engine: sets of strings.
#ifndef SELFTESTS_UNIT_GUARD_PATCH_MODEL_H
#define SELFTESTS_UNIT_GUARD_PATCH_MODEL_H

#include <set>

#include "guard_manifest.h"

namespace sim {

struct ModelSite {
    std::size_t at, length;
    std::set<Bytes> listed, live;
};

class PatchModel {
  public:
    static constexpr guard::u8 kBreakpoint = 0xcc;

    PatchModel(Bytes image, std::vector<ModelSite> sites, std::set<std::size_t> starts)
        : image_(std::move(image)), sites_(std::move(sites)), starts_(std::move(starts)) {}

    /// May the text become @after by a write of @length bytes at @at?
    [[nodiscard]] bool may_become(const Bytes& before, const Bytes& after, std::size_t at,
                                  std::size_t length) const {
        for (const ModelSite& site : sites_) {
            if (at + length <= site.at || at >= site.at + site.length) continue;
            if (at < site.at || at + length > site.at + site.length) return false;
            return is_step(site, part(before, site), part(after, site), at - site.at, length);
        }
        return length == 1 && starts_.contains(at) &&
               (after[at] == image_[at] || after[at] == kBreakpoint);
    }

    /// Is each instruction one that is listed, or behind a breakpoint?
    [[nodiscard]] bool is_legal(const Bytes& text) const {
        Bytes rest = text;
        for (const ModelSite& site : sites_) {
            const Bytes now = part(text, site);
            const bool is_armed = site.length > 1 && now[0] == kBreakpoint && !site.live.empty() &&
                                  has_tail(site.listed, now);
            if (!is_armed && !site.listed.contains(now)) return false;
            std::copy_n(image_.begin() + static_cast<std::ptrdiff_t>(site.at), site.length,
                        rest.begin() + static_cast<std::ptrdiff_t>(site.at));
        }
        for (std::size_t i = 0; i < rest.size(); i++)
            if (rest[i] != image_[i] && !(starts_.contains(i) && rest[i] == kBreakpoint))
                return false;
        return true;
    }

    [[nodiscard]] const std::vector<ModelSite>& sites() const { return sites_; }

  private:
    static Bytes part(const Bytes& text, const ModelSite& site) {
        const auto from = text.begin() + static_cast<std::ptrdiff_t>(site.at);
        return {from, from + static_cast<std::ptrdiff_t>(site.length)};
    }
    static bool has_tail(const std::set<Bytes>& values, const Bytes& code) {
        for (const Bytes& value : values)
            if (std::equal(value.begin() + 1, value.end(), code.begin() + 1)) return true;
        return false;
    }
    static bool is_step(const ModelSite& site, const Bytes& before, const Bytes& after,
                        std::size_t at, std::size_t length) {
        if (site.live.empty()) return false;
        if (site.length == 1) return site.live.contains(after);
        if (at == 0 && length == 1)
            return after[0] == kBreakpoint ||
                   (before[0] == kBreakpoint && site.live.contains(after));
        return at == 1 && length == site.length - 1 && before[0] == kBreakpoint &&
               has_tail(site.live, after);
    }

    Bytes image_;
    std::vector<ModelSite> sites_;
    std::set<std::size_t> starts_;
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_GUARD_PATCH_MODEL_H
