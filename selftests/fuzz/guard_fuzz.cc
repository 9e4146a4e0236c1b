// SPDX-License-Identifier: GPL-2.0-only
// Any file is either refused or a manifest that can be compared and patched with: text
// that is legal stays so, whatever is asked for.
#include <guard/engine/compare.h>
#include <guard/engine/patch.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using guard::u32;
using guard::u8;

constexpr u32 kMostBytes = 1U << 16;

void require(bool condition) {
    if (!condition) std::abort();
}

/// The text as it may be at LOCK: each site has its first value.
std::vector<u8> text_at_lock(const guard::Manifest& manifest, const guard::Range& range) {
    std::vector<u8> text(range.length);
    manifest.read(range.image, range.length, 0, text.data());
    for (u32 i = 0; i < manifest.site_count(); i++) {
        const guard::Site& site = manifest.site(i);
        if (site.offset >= range.offset && site.end() <= range.end() && site.count)
            manifest.read(site.values, site.length, 0, text.data() + (site.offset - range.offset));
    }
    return text;
}

/// A patch on its way is completed with the first live value; then nothing is unexplained.
void require_legal(const guard::Manifest& manifest, const guard::Range& range,
                   std::vector<u8> text) {
    for (u32 i = 0; i < manifest.site_count(); i++) {
        const guard::Site& site = manifest.site(i);
        if (site.offset < range.offset || site.end() > range.end() || site.length < 2) continue;
        u8* now = text.data() + (site.offset - range.offset);
        if (now[0] != 0xcc || site.live == 0) continue;
        std::vector<u8> value(site.length);
        bool has_tail = false;
        for (u32 k = 0; k < site.count && !has_tail; k++) {
            manifest.read(site.values + k * site.length, site.length, 0, value.data());
            has_tail = std::memcmp(value.data() + 1, now + 1, value.size() - 1) == 0;
        }
        require(has_tail);
        std::memcpy(now, value.data(), value.size());
    }
    require(guard::compare_range(manifest, range, text.data(), 0, nullptr, nullptr).unexplained ==
            0);
}

void patch(const guard::Manifest& manifest, const guard::Range& range, const u8* data,
           std::size_t size) {
    std::vector<u8> text = text_at_lock(manifest, range);
    while (size >= 3) {
        const u32 length = data[2] & 15;
        const u32 offset = range.offset + (data[0] | u32{data[1]} << 8) % range.length;
        data += 3;
        size -= 3;
        if (length > size) return;
        const guard::PatchWrite write{offset, length, data};
        (void)guard::apply_writes(manifest, range, text.data(), 0, &write, 1);
        data += length;
        size -= length;
        require_legal(manifest, range, text);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
    // The first two bytes: the length of the manifest.
    if (size < 2) return 0;
    const std::size_t length = data[0] | std::size_t{data[1]} << 8;
    data += 2;
    size -= 2;
    if (length > size) return 0;
    std::vector<guard::u64> aligned(length / 8 + 1);
    std::memcpy(aligned.data(), data, length);
    guard::Manifest manifest;
    if (manifest.open(aligned.data(), length) != guard::ManifestError::kNone) return 0;
    for (u32 i = 0; i < manifest.range_count(); i++) {
        const guard::Range& range = manifest.range(i);
        if (range.length > kMostBytes) continue;
        const std::vector<u8> other(range.length, 0x5a);
        const guard::CompareCounts counts =
            guard::compare_range(manifest, range, other.data(), 0x200000, nullptr, nullptr);
        require(counts.equal + counts.explained + counts.breakpoints + counts.constants +
                    counts.frozen + counts.unexplained ==
                range.length);
        if (range.kind == guard::RangeKind::kText)
            patch(manifest, range, data + length, size - length);
    }
    return 0;
}
