// SPDX-License-Identifier: GPL-2.0-only
#include "manifest.h"

#include "opcode.h"

namespace guard {

const char* to_string(ManifestError error) {
    switch (error) {
        case ManifestError::kNone:
            return "no error";
        case ManifestError::kShort:
            return "it is shorter than it says";
        case ManifestError::kMagic:
            return "it is no manifest";
        case ManifestError::kVersion:
            return "it is of another version";
        case ManifestError::kAlignment:
            return "its memory is not aligned";
        case ManifestError::kRange:
            return "a range overlaps another, is not sorted, or has no image";
        case ManifestError::kSite:
            return "a site overlaps another, is not sorted, or lies in no range";
        case ManifestError::kValues:
            return "values of a site lie outside of it, or begin with a breakpoint";
        case ManifestError::kRelocations:
            break;
    }
    return "a relocation is not sorted, or lies outside of it";
}

ManifestError Manifest::open(const void* data, std::size_t size) {
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(ManifestHeader) != 0)
        return ManifestError::kAlignment;
    if (size < sizeof(ManifestHeader)) return ManifestError::kShort;
    const auto* bytes = static_cast<const u8*>(data);
    header_ = static_cast<const ManifestHeader*>(data);
    if (header_->magic != kManifestMagic) return ManifestError::kMagic;
    if (header_->version != kManifestVersion) return ManifestError::kVersion;
    const u64 ranges_end =
        sizeof(ManifestHeader) + static_cast<u64>(header_->ranges) * sizeof(Range);
    const u64 sites_end = ranges_end + static_cast<u64>(header_->sites) * sizeof(Site);
    const u64 relocations_end =
        sites_end + static_cast<u64>(header_->relocations) * sizeof(Relocation);
    if (header_->blob > kMaxImage || relocations_end + header_->blob != size ||
        header_->size != size)
        return ManifestError::kShort;
    ranges_ = reinterpret_cast<const Range*>(bytes + sizeof(ManifestHeader));
    sites_ = reinterpret_cast<const Site*>(bytes + ranges_end);
    relocations_ = reinterpret_cast<const Relocation*>(bytes + sites_end);
    blob_ = bytes + relocations_end;

    if (const auto error = check_ranges(); error != ManifestError::kNone) return error;
    if (const auto error = check_sites(); error != ManifestError::kNone) return error;
    return check_relocations();
}

ManifestError Manifest::check_ranges() const {
    u32 end = 0;
    for (u32 i = 0; i < range_count(); i++) {
        const Range& range = ranges_[i];
        if (range.length == 0 || range.length > kMaxImage || range.offset > kMaxImage ||
            range.offset < end || static_cast<u32>(range.kind) >= kRangeKinds)
            return ManifestError::kRange;
        if (range.kind != RangeKind::kFrozen && !is_in_blob(range.image, range.length))
            return ManifestError::kRange;
        if (range.starts != kNoStarts &&
            (range.kind != RangeKind::kText || !is_in_blob(range.starts, (range.length + 7) / 8)))
            return ManifestError::kRange;
        end = range.end();
    }
    return ManifestError::kNone;
}

ManifestError Manifest::check_sites() const {
    u32 end = 0, at = 0;
    for (u32 i = 0; i < site_count(); i++) {
        const Site& site = sites_[i];
        if (site.length == 0 || site.offset < end || site.offset > 2 * kMaxImage ||
            static_cast<u8>(site.kind) >= kSiteKinds)
            return ManifestError::kSite;
        while (at < range_count() && ranges_[at].end() <= site.offset) at++;
        if (at == range_count() || site.offset < ranges_[at].offset ||
            site.end() > ranges_[at].end() || ranges_[at].kind == RangeKind::kFrozen)
            return ManifestError::kSite;
        if (site.live > site.count || !is_in_blob(site.values, u64{site.count} * site.length))
            return ManifestError::kValues;
        // A breakpoint as a head says that a patch is on its way.
        for (u32 k = 0; k < site.live; k++)
            if (blob_[site.values + k * site.length] == kInt3) return ManifestError::kValues;
        end = site.end();
    }
    return ManifestError::kNone;
}

ManifestError Manifest::check_relocations() const {
    u32 end = 0;
    for (u32 i = 0; i < relocation_count(); i++) {
        const Relocation relocation = relocations_[i];
        if (static_cast<u32>(relocation.kind()) == 0 || relocation.position() < end ||
            !is_in_blob(relocation.position(), relocation.length()))
            return ManifestError::kRelocations;
        end = relocation.position() + relocation.length();
    }
    return ManifestError::kNone;
}

namespace {

/// The first of @count indices for which @is_behind holds; it holds for all that follow.
template <typename Predicate>
u32 find_first(u32 count, Predicate is_behind) {
    u32 low = 0;
    for (u32 high = count; low < high;) {
        const u32 middle = low + (high - low) / 2;
        if (is_behind(middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

}  // namespace

const Range* Manifest::find_range(u32 offset) const {
    const u32 i = find_first(range_count(), [&](u32 at) { return ranges_[at].end() > offset; });
    return i < range_count() && ranges_[i].offset <= offset ? &ranges_[i] : nullptr;
}

u32 Manifest::first_site(u32 offset) const {
    return find_first(site_count(), [&](u32 at) { return sites_[at].end() > offset; });
}

const Site* Manifest::find_site(u32 offset) const {
    const u32 i = first_site(offset);
    return i < site_count() && sites_[i].offset <= offset ? &sites_[i] : nullptr;
}

bool Manifest::is_start(const Range& range, u32 offset) const {
    if (range.starts == kNoStarts || find_site(offset)) return false;
    const u32 bit = offset - range.offset;
    return (blob_[range.starts + bit / 8] >> bit % 8 & 1) != 0;
}

void Manifest::read(u32 position, u32 length, u64 delta, u8* out) const {
    for (u32 i = 0; i < length; i++) out[i] = blob_[position + i];
    if (delta == 0) return;
    u32 at = find_first(relocation_count(), [&](u32 i) {
        return relocations_[i].position() + relocations_[i].length() > position;
    });
    for (; at < relocation_count() && relocations_[at].position() < position + length; at++) {
        const Relocation relocation = relocations_[at];
        u64 value = 0;
        for (u32 i = relocation.length(); i-- > 0;)
            value = value << 8 | blob_[relocation.position() + i];
        value += relocation.kind() == RelocationKind::kSubtract32 ? -delta : delta;
        for (u32 i = 0; i < relocation.length(); i++, value >>= 8) {
            const u32 place = relocation.position() + i;
            if (place >= position && place < position + length)
                out[place - position] = static_cast<u8>(value);
        }
    }
}

u8 Manifest::image_byte(const Range& range, u32 offset, u64 delta) const {
    u8 byte;
    read(range.image + (offset - range.offset), 1, delta, &byte);
    return byte;
}

}  // namespace guard
