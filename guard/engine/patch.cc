// SPDX-License-Identifier: GPL-2.0-only
#include "patch.h"

#include "compare.h"
#include "opcode.h"

namespace guard {

const char* to_string(PatchVerdict verdict) {
    switch (verdict) {
        case PatchVerdict::kAccepted:
            return "accepted";
        case PatchVerdict::kNotText:
            return "it is not in the text";
        case PatchVerdict::kNotASite:
            return "nothing may change there";
        case PatchVerdict::kFrozen:
            return "it does not change after LOCK";
        case PatchVerdict::kShape:
            return "it is neither the head, the tail nor the whole of a site of one byte";
        case PatchVerdict::kNotUnderInt3:
            return "the tail has no breakpoint before it";
        case PatchVerdict::kValue:
            break;
    }
    return "it makes no value that is listed";
}

namespace {

/// One write to one site.
class SiteWrite {
  public:
    SiteWrite(const Manifest& manifest, const Site& site, const u8* now, u64 delta,
              const PatchWrite& write, const PatchChecks& checks)
        : manifest_(manifest),
          site_(site),
          now_(now),
          delta_(delta),
          write_(write),
          checks_(checks) {}

    PatchVerdict judge() const {
        if (site_.live == 0 && checks_.live) return PatchVerdict::kFrozen;
        const bool is_head = write_.offset == site_.offset && write_.length == 1;
        const bool is_tail = write_.offset == site_.offset + 1 && write_.length + 1 == site_.length;
        if (is_head) return judge_head();
        return is_tail ? judge_tail() : PatchVerdict::kShape;
    }

  private:
    PatchVerdict judge_head() const {
        if (write_.bytes[0] == kInt3 && site_.length > 1) return PatchVerdict::kAccepted;
        // Over an instruction only its breakpoint comes; a head alone makes one of two halves.
        if (site_.length > 1 && now_[0] != kInt3 && checks_.under_int3)
            return PatchVerdict::kNotUnderInt3;
        u8 value[kMaxSite];
        for (u32 i = 0; i < live(); i++) {
            read_value(i, value);
            if (value[0] == write_.bytes[0] &&
                (is_same_tail(value, now_ + 1) || !checks_.head_fits_tail))
                return PatchVerdict::kAccepted;
        }
        return PatchVerdict::kValue;
    }

    PatchVerdict judge_tail() const {
        if (now_[0] != kInt3 && checks_.under_int3) return PatchVerdict::kNotUnderInt3;
        u8 value[kMaxSite];
        for (u32 i = 0; i < live(); i++) {
            read_value(i, value);
            if (is_same_tail(value, write_.bytes)) return PatchVerdict::kAccepted;
        }
        return checks_.tail_is_listed ? PatchVerdict::kValue : PatchVerdict::kAccepted;
    }

    [[nodiscard]] u32 live() const { return checks_.live ? site_.live : site_.count; }

    void read_value(u32 i, u8* value) const {
        manifest_.read(site_.values + i * site_.length, site_.length, delta_, value);
    }

    [[nodiscard]] bool is_same_tail(const u8* value, const u8* tail) const {
        for (u32 i = 1; i < site_.length; i++)
            if (value[i] != tail[i - 1]) return false;
        return true;
    }

    const Manifest& manifest_;
    const Site& site_;
    const u8* now_;
    u64 delta_;
    const PatchWrite& write_;
    const PatchChecks& checks_;
};

/// A breakpoint of its own over an instruction, and back.
PatchVerdict judge_breakpoint(const Manifest& manifest, const Range& range, u64 delta,
                              const PatchWrite& write, const PatchChecks& checks) {
    if (!manifest.is_start(range, write.offset) && checks.start) return PatchVerdict::kNotASite;
    if (write.length != 1) return PatchVerdict::kShape;
    if (write.bytes[0] == kInt3 || !checks.original) return PatchVerdict::kAccepted;
    return write.bytes[0] == manifest.image_byte(range, write.offset, delta)
               ? PatchVerdict::kAccepted
               : PatchVerdict::kValue;
}

}  // namespace

PatchVerdict judge_write(const Manifest& manifest, const Range& range, const u8* text, u64 delta,
                         const PatchWrite& write, const PatchChecks& checks) {
    if (write.length == 0 || write.offset < range.offset || write.offset >= range.end() ||
        write.length > range.end() - write.offset ||
        (range.kind != RangeKind::kText && checks.range))
        return PatchVerdict::kNotText;
    const Site* site = manifest.find_site(write.offset);
    if (!site) {
        const u32 next = manifest.first_site(write.offset);
        if (next < manifest.site_count() &&
            manifest.site(next).offset < write.offset + write.length)
            return PatchVerdict::kShape;
        return judge_breakpoint(manifest, range, delta, write, checks);
    }
    const u8* now = text + (site->offset - range.offset);
    return SiteWrite(manifest, *site, now, delta, write, checks).judge();
}

PatchResult apply_writes(const Manifest& manifest, const Range& range, u8* text, u64 delta,
                         const PatchWrite* writes, u32 count, const PatchChecks& checks) {
    for (u32 i = 0; i < count; i++) {
        const PatchVerdict verdict = judge_write(manifest, range, text, delta, writes[i], checks);
        if (verdict != PatchVerdict::kAccepted) return {verdict, i};
        for (u32 k = 0; k < writes[i].length; k++)
            text[writes[i].offset - range.offset + k] = writes[i].bytes[k];
    }
    return {PatchVerdict::kAccepted, count};
}

}  // namespace guard
