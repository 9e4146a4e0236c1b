// SPDX-License-Identifier: GPL-2.0-only
// A small manifest, made by hand.
#ifndef SELFTESTS_UNIT_GUARD_MANIFEST_H
#define SELFTESTS_UNIT_GUARD_MANIFEST_H

#include <guard/engine/manifest.h>

#include <cstring>
#include <string>
#include <vector>

namespace sim {

using Bytes = std::vector<guard::u8>;

/// Text of 64 bytes, constants of 16, frozen 16; @sites come from the test.
class ManifestMaker {
  public:
    static constexpr guard::u32 kText = 64, kRodata = 64 + 16;

    ManifestMaker() {
        Bytes image(kText);
        for (guard::u32 i = 0; i < kText; i++) image[i] = static_cast<guard::u8>(0x10 + i);
        ranges.push_back({0, kText, guard::RangeKind::kText, add(image), guard::kNoStarts, 0});
        ranges.push_back(
            {kRodata, 16, guard::RangeKind::kRodata, add(Bytes(16, 7)), guard::kNoStarts, 0});
        ranges.push_back({kRodata + 16, 16, guard::RangeKind::kFrozen, 0, guard::kNoStarts, 0});
    }

    guard::u32 add(const Bytes& bytes) {
        const auto position = static_cast<guard::u32>(blob.size());
        blob.insert(blob.end(), bytes.begin(), bytes.end());
        return position;
    }

    /// The first @live values are those that a patch may make.
    void add_site(guard::u32 offset, guard::SiteKind kind, const std::vector<Bytes>& values,
                  guard::u32 live) {
        guard::Site site{};
        site.offset = offset;
        site.length = static_cast<guard::u8>(values.front().size());
        site.kind = kind;
        site.count = static_cast<guard::u16>(values.size());
        site.live = static_cast<guard::u16>(live);
        site.values = static_cast<guard::u32>(blob.size());
        for (const Bytes& value : values) add(value);
        sites.push_back(site);
    }

    /// INT3 may replace the bytes at these offsets of the text.
    void add_starts(const std::vector<guard::u32>& offsets) {
        Bytes bits(kText / 8);
        for (const guard::u32 offset : offsets)
            bits[offset / 8] = static_cast<guard::u8>(bits[offset / 8] | 1 << offset % 8);
        ranges[0].starts = add(bits);
    }

    [[nodiscard]] guard::ManifestError open(guard::Manifest& manifest) {
        guard::ManifestHeader header{guard::kManifestMagic,
                                     guard::kManifestVersion,
                                     0,
                                     0xffffffff81000000,
                                     static_cast<guard::u32>(ranges.size()),
                                     static_cast<guard::u32>(sites.size()),
                                     static_cast<guard::u32>(relocations.size()),
                                     static_cast<guard::u32>(blob.size())};
        header.size =
            static_cast<guard::u32>(sizeof(header) + ranges.size() * sizeof(ranges[0]) +
                                    sites.size() * sizeof(guard::Site) +
                                    relocations.size() * sizeof(guard::Relocation) + blob.size());
        file.clear();
        put(&header, sizeof(header));
        put(ranges.data(), ranges.size() * sizeof(ranges[0]));
        put(sites.data(), sites.size() * sizeof(guard::Site));
        put(relocations.data(), relocations.size() * sizeof(guard::Relocation));
        put(blob.data(), blob.size());
        return manifest.open(file.data(), file.size());
    }

    std::vector<guard::Range> ranges;
    std::vector<guard::Site> sites;
    std::vector<guard::Relocation> relocations;
    Bytes blob;
    Bytes file;

  private:
    void put(const void* data, std::size_t size) {
        const auto* bytes = static_cast<const guard::u8*>(data);
        file.insert(file.end(), bytes, bytes + size);
    }
};

/// What the build made of the text, for a kernel that is moved by @delta.
inline Bytes image_of(const guard::Manifest& manifest, const guard::Range& range,
                      guard::u64 delta = 0) {
    Bytes text(range.length);
    manifest.read(range.image, range.length, delta, text.data());
    return text;
}

}  // namespace sim

#endif  // SELFTESTS_UNIT_GUARD_MANIFEST_H
