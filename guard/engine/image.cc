// SPDX-License-Identifier: GPL-2.0-only
// The C border of manifest, comparison and patches: a kernel's image in a guest.
#include "../include/guard/engine.h"
#include "compare.h"
#include "manifest.h"
#include "patch.h"

using guard::Manifest;
using guard::Range;

namespace {

constexpr guard_u64 kPageShift = 12, kPageSize = 1U << kPageShift;

static_assert(sizeof(Manifest) <= sizeof(guard_manifest) &&
              alignof(Manifest) <= alignof(guard_manifest));

Manifest& manifest_of(guard_manifest* manifest) {
    return *reinterpret_cast<Manifest*>(manifest->opaque);
}
const Manifest& manifest_of(const guard_manifest* manifest) {
    return *reinterpret_cast<const Manifest*>(manifest->opaque);
}

/// All frames of the range are locked, so that what is compared stays.
bool is_locked(const guard_frames* frames, const guard_image* image, const Range& range) {
    guard_u64 frame = (image->gpa + range.offset) >> kPageShift;
    const guard_u64 end = (image->gpa + range.end() + kPageSize - 1) >> kPageShift;
    while (frame < end) {
        const guard_range* found = guard_frames_find(frames, frame, frame + 1);
        if (!found) return false;
        frame = found->end;
    }
    return true;
}

}  // namespace

const char* guard_manifest_open(guard_manifest* manifest, const void* data, guard_u64 size) {
    manifest_of(manifest) = Manifest();
    const guard::ManifestError error = manifest_of(manifest).open(data, size);
    return error == guard::ManifestError::kNone ? nullptr : guard::to_string(error);
}

guard_u32 guard_manifest_size(const guard_manifest* manifest) {
    const guard_u32 count = manifest_of(manifest).range_count();
    return count == 0 ? 0 : manifest_of(manifest).range(count - 1).end();
}

guard_u64 guard_image_delta(const guard_manifest* manifest, guard_u64 address) {
    return address - manifest_of(manifest).base();
}

guard_u32 guard_image_compare(const guard_manifest* manifest, const guard_image* image,
                              const guard_frames* frames, const guard_u8* text,
                              guard_u32* compared) {
    guard_u32 unexplained = 0;
    *compared = 0;
    const Manifest& known = manifest_of(manifest);
    for (guard_u32 i = 0; i < known.range_count(); i++) {
        const Range& range = known.range(i);
        if (!is_locked(frames, image, range)) continue;
        *compared += range.length;
        unexplained += guard::compare_range(known, range, text + range.offset, image->delta,
                                            nullptr, nullptr)
                           .unexplained;
    }
    return unexplained;
}

guard_u32 guard_image_judge(const guard_manifest* manifest, const guard_image* image,
                            const guard_u8* text, guard_u32 offset, const guard_u8* bytes,
                            guard_u32 length) {
    const Range* range = manifest_of(manifest).find_range(offset);
    if (!range || range->kind != guard::RangeKind::kText)
        return static_cast<guard_u32>(guard::PatchVerdict::kNotText);
    const guard::PatchWrite write{offset, length, bytes};
    return static_cast<guard_u32>(guard::judge_write(manifest_of(manifest), *range,
                                                     text + range->offset, image->delta, write));
}

const char* guard_verdict_name(guard_u32 verdict) {
    return guard::to_string(static_cast<guard::PatchVerdict>(verdict));
}
