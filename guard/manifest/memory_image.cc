// SPDX-License-Identifier: GPL-2.0-only
#include "memory_image.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "build_error.h"

namespace guard {
namespace {

constexpr u64 kAlignment = 2ULL << 20;
constexpr u32 kStretch = 1024;
constexpr std::size_t kEnoughValues = 32;

const Range& rodata_of(const Manifest& manifest, const std::string& name) {
    for (u32 i = 0; i < manifest.range_count(); i++)
        if (manifest.range(i).kind == RangeKind::kRodata) return manifest.range(i);
    throw BuildError(name + ": the manifest has no constants to look for");
}

/// Offset in the range of bytes that are many and do not move.
u32 find_stretch(const Manifest& manifest, const Range& range, std::vector<u8>& stretch) {
    const auto is_fixed = [&](u32 position) {
        for (u32 i = 0; i < manifest.relocation_count(); i++) {
            const u32 at = manifest.relocation(i).position();
            if (at + 8 > position && at < position + kStretch) return false;
        }
        return true;
    };
    for (u32 at = 0; at + kStretch <= range.length; at += kStretch) {
        manifest.read(range.image + at, kStretch, 0, stretch.data());
        std::vector<u8> values = stretch;
        std::sort(values.begin(), values.end());
        const auto end = std::unique(values.begin(), values.end());
        if (end - values.begin() >= static_cast<std::ptrdiff_t>(kEnoughValues) &&
            is_fixed(range.image + at))
            return at;
    }
    throw BuildError("the manifest has no constants that are the same in every place");
}

/// From the first pointer of the range.
u64 read_delta(const Manifest& manifest, const Range& range, std::span<const u8> kernel) {
    for (u32 i = 0; i < manifest.relocation_count(); i++) {
        const Relocation relocation = manifest.relocation(i);
        if (relocation.kind() != RelocationKind::kAdd64 || relocation.position() < range.image ||
            relocation.position() + 8 > range.image + range.length)
            continue;
        u64 built, found;
        manifest.read(relocation.position(), 8, 0, reinterpret_cast<u8*>(&built));
        std::memcpy(&found, kernel.data() + range.offset + (relocation.position() - range.image),
                    8);
        return found - built;
    }
    return 0;
}

}  // namespace

KernelPlace find_kernel(const Manifest& manifest, std::span<const u8> memory,
                        const std::string& name) {
    const Range& range = rodata_of(manifest, name);
    std::vector<u8> stretch(kStretch);
    const u64 at = range.offset + find_stretch(manifest, range, stretch);
    const u64 end = manifest.range(manifest.range_count() - 1).end();
    KernelPlace place{};
    unsigned count = 0;
    for (u64 position = 0; position + end <= memory.size(); position += kAlignment) {
        if (std::memcmp(memory.data() + position + at, stretch.data(), kStretch) != 0) continue;
        const u64 delta = read_delta(manifest, range, memory.subspan(position));
        // Kernels move by whole pages of 2 MiB, and not far.
        if (delta % kAlignment != 0 || delta > kMaxImage) continue;
        place = {position, delta};
        count++;
    }
    if (count == 0) throw BuildError(name + ": it does not hold the kernel of the manifest");
    if (count > 1) throw BuildError(name + ": it holds the kernel of the manifest more than once");
    return place;
}

}  // namespace guard
