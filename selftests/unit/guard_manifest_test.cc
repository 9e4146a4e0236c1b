// SPDX-License-Identifier: GPL-2.0-only
// A manifest is opened only when everything in it lies where it may, and a comparison
// finds what no list has.
#include <gtest/gtest.h>
#include <guard/engine/compare.h>

#include "guard_manifest.h"

namespace sim {
namespace {

using guard::CompareCounts;
using guard::Manifest;
using guard::ManifestError;
using guard::Relocation;
using guard::RelocationKind;
using guard::SiteKind;
using guard::u32;
using guard::u8;

const std::vector<Bytes> kJump = {{0x66, 0x90}, {0xeb, 0x12}};

struct Found {
    std::vector<u32> offsets;
    static void note(void* context, u32 offset, u8, u8, const guard::Site*) {
        static_cast<Found*>(context)->offsets.push_back(offset);
    }
};

TEST(GuardManifest, opens_what_is_valid) {
    ManifestMaker maker;
    maker.add_site(4, SiteKind::kJumpLabel, kJump, 2);
    maker.add_site(ManifestMaker::kRodata, SiteKind::kRuntimeConstant, {Bytes(8)}, 0);
    Manifest manifest;
    ASSERT_EQ(maker.open(manifest), ManifestError::kNone);
    EXPECT_EQ(manifest.site_count(), 2u);
    EXPECT_EQ(manifest.find_site(3), nullptr);
    EXPECT_EQ(manifest.find_site(5), &manifest.site(0));
    EXPECT_EQ(manifest.find_site(6), nullptr);
    EXPECT_EQ(manifest.find_range(64), nullptr);
    EXPECT_EQ(manifest.find_range(80), &manifest.range(1));
}

TEST(GuardManifest, each_fault_is_named) {
    const auto error_of = [](auto change) {
        ManifestMaker maker;
        maker.add_site(4, SiteKind::kJumpLabel, kJump, 2);
        change(maker);
        Manifest manifest;
        const ManifestError error = maker.open(manifest);
        EXPECT_STRNE(to_string(error), "");
        return error;
    };
    EXPECT_EQ(error_of([](ManifestMaker&) {}), ManifestError::kNone);
    EXPECT_EQ(error_of([](auto& m) { m.ranges[1].offset = 63; }), ManifestError::kRange);
    EXPECT_EQ(error_of([](auto& m) { m.ranges[0].length = 0; }), ManifestError::kRange);
    EXPECT_EQ(error_of([](auto& m) { m.ranges[0].image = 1 << 29; }), ManifestError::kRange);
    EXPECT_EQ(error_of([](auto& m) { m.ranges[1].starts = 0; }), ManifestError::kRange);
    EXPECT_EQ(error_of([](auto& m) { m.sites[0].offset = 63; }), ManifestError::kSite);
    EXPECT_EQ(error_of([](auto& m) { m.sites[0].offset = 96; }), ManifestError::kSite);
    EXPECT_EQ(error_of([](auto& m) { m.sites[0].length = 0; }), ManifestError::kSite);
    EXPECT_EQ(error_of([](auto& m) { m.sites.push_back(m.sites[0]); }), ManifestError::kSite);
    EXPECT_EQ(error_of([](auto& m) { m.sites[0].live = 3; }), ManifestError::kValues);
    EXPECT_EQ(error_of([](auto& m) { m.sites[0].count = 200; }), ManifestError::kValues);
    EXPECT_EQ(error_of([](auto& m) { m.blob[m.sites[0].values] = 0xcc; }), ManifestError::kValues);
    const auto relocation = [&](u32 position) {
        return error_of([=](auto& m) {
            m.relocations = {Relocation(8, RelocationKind::kAdd64),
                             Relocation(position, RelocationKind::kAdd32)};
        });
    };
    EXPECT_EQ(relocation(16), ManifestError::kNone);
    EXPECT_EQ(relocation(15), ManifestError::kRelocations);
    EXPECT_EQ(relocation(4000), ManifestError::kRelocations);
}

TEST(GuardManifest, a_file_of_any_other_length_is_refused) {
    ManifestMaker maker;
    maker.add_site(4, SiteKind::kJumpLabel, kJump, 2);
    Manifest manifest;
    ASSERT_EQ(maker.open(manifest), ManifestError::kNone);
    Bytes longer = maker.file;
    longer.push_back(0);
    EXPECT_EQ(manifest.open(longer.data(), longer.size()), ManifestError::kShort);
    for (std::size_t size = 0; size < maker.file.size(); size++) {
        Bytes shorter(maker.file.begin(), maker.file.begin() + static_cast<std::ptrdiff_t>(size));
        shorter.reserve(1);
        EXPECT_EQ(manifest.open(shorter.data(), size), ManifestError::kShort) << size;
    }
}

TEST(GuardManifest, another_file_is_refused) {
    ManifestMaker maker;
    Manifest manifest;
    ASSERT_EQ(maker.open(manifest), ManifestError::kNone);
    EXPECT_EQ(manifest.open(maker.file.data() + 4, 60), ManifestError::kAlignment);
    maker.file[8]++;
    EXPECT_EQ(manifest.open(maker.file.data(), maker.file.size()), ManifestError::kVersion);
    maker.file[0]++;
    EXPECT_EQ(manifest.open(maker.file.data(), maker.file.size()), ManifestError::kMagic);
}

TEST(GuardManifest, addresses_move_with_the_kernel) {
    ManifestMaker maker;
    maker.relocations = {Relocation(0, RelocationKind::kAdd32),
                         Relocation(8, RelocationKind::kSubtract32),
                         Relocation(16, RelocationKind::kAdd64)};
    Manifest manifest;
    ASSERT_EQ(maker.open(manifest), ManifestError::kNone);
    const auto word = [&](u32 position, guard::u64 delta) {
        guard::u64 value = 0;
        manifest.read(position, 8, delta, reinterpret_cast<u8*>(&value));
        return value;
    };
    const guard::u64 delta = 0x1234567800;
    EXPECT_EQ(static_cast<u32>(word(0, delta)), static_cast<u32>(word(0, 0) + delta));
    EXPECT_EQ(word(0, delta) >> 32, word(0, 0) >> 32);
    EXPECT_EQ(static_cast<u32>(word(8, delta)), static_cast<u32>(word(8, 0) - delta));
    EXPECT_EQ(word(16, delta), word(16, 0) + delta);
    // A part of an address.
    for (u32 i = 0; i < 8; i++) {
        u8 byte;
        manifest.read(16 + i, 1, delta, &byte);
        EXPECT_EQ(byte, static_cast<u8>((word(16, 0) + delta) >> 8 * i));
    }
}

TEST(GuardCompare, each_byte_that_no_list_has_is_found) {
    ManifestMaker maker;
    maker.add_site(4, SiteKind::kJumpLabel, kJump, 2);
    maker.add_site(20, SiteKind::kSmpLock, {{0xf0}, {0x3e}}, 2);
    maker.add_starts({10});
    Manifest manifest;
    ASSERT_EQ(maker.open(manifest), ManifestError::kNone);
    const guard::Range& range = manifest.range(0);
    Bytes text = image_of(manifest, range);
    text[4] = 0xeb;
    text[5] = 0x12;
    text[20] = 0x3e;
    const auto compare = [&] {
        Found found;
        const CompareCounts counts =
            guard::compare_range(manifest, range, text.data(), 0, Found::note, &found);
        EXPECT_EQ(counts.unexplained, found.offsets.size());
        EXPECT_EQ(counts.equal + counts.explained + counts.breakpoints + counts.constants +
                      counts.unexplained,
                  range.length);
        return found.offsets;
    };
    EXPECT_TRUE(compare().empty());
    for (u32 i = 0; i < range.length; i++) {
        const u8 before = text[i];
        for (const u8 value : {u8{0xaa}, u8{0xcc}}) {
            text[i] = value;
            const bool is_breakpoint = i == 10 && value == 0xcc;
            EXPECT_EQ(compare(), is_breakpoint ? std::vector<u32>{} : std::vector<u32>{i});
        }
        text[i] = before;
    }
    // The halves of two values are no value.
    text[4] = 0x66;
    EXPECT_EQ(compare().size(), 1u);
}

TEST(GuardCompare, what_boot_writes_is_counted_and_not_compared) {
    ManifestMaker maker;
    maker.sites.push_back({8, 0, 0, 0, 8, SiteKind::kRuntimeConstant, 0});
    Manifest manifest;
    ASSERT_EQ(maker.open(manifest), ManifestError::kNone);
    Bytes text = image_of(manifest, manifest.range(0));
    std::memset(text.data() + 8, 0x5a, 8);
    const auto text_counts =
        guard::compare_range(manifest, manifest.range(0), text.data(), 0, nullptr, nullptr);
    EXPECT_EQ(text_counts.constants, 8u);
    EXPECT_EQ(text_counts.unexplained, 0u);
    const Bytes anything(16, 0x77);
    const auto frozen =
        guard::compare_range(manifest, manifest.range(2), anything.data(), 0, nullptr, nullptr);
    EXPECT_EQ(frozen.frozen, 16u);
}

}  // namespace
}  // namespace sim
