// SPDX-License-Identifier: GPL-2.0-only
// PATCH makes only states that are listed, or that a breakpoint heads and its own
// completion leaves.
#include <gtest/gtest.h>
#include <guard/engine/patch.h>

#include "environment.h"
#include "guard_patch_model.h"
#include "random.h"

namespace sim {
namespace {

using guard::Manifest;
using guard::ManifestError;
using guard::PatchChecks;
using guard::PatchVerdict;
using guard::PatchWrite;
using guard::SiteKind;
using guard::u32;
using guard::u8;

constexpr u8 kInt3 = PatchModel::kBreakpoint;
const Bytes kNop5 = {0x0f, 0x1f, 0x44, 0x00, 0x00}, kJump5 = {0xe9, 0x01, 0x02, 0x03, 0x04},
            kCall5 = {0xe8, 0x0a, 0x0b, 0x0c, 0x0d}, kReturn5 = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};

/// A jump label at 4, a static call at 16 with a value that only boot makes, a frozen
/// return at 24, a lock at 40, and instructions at 0 and 44.
class World {
  public:
    World() {
        maker_.add_site(4, SiteKind::kJumpLabel, {kNop5, kJump5}, 2);
        maker_.add_site(16, SiteKind::kStaticCall, {kNop5, kCall5, kJump5}, 2);
        maker_.add_site(24, SiteKind::kReturn, {kReturn5, kJump5}, 0);
        maker_.add_site(40, SiteKind::kSmpLock, {{0xf0}, {0x3e}}, 2);
        maker_.add_starts({0, 44});
        if (maker_.open(manifest) != ManifestError::kNone) std::abort();
        text = image_of(manifest, range());
        put(4, kNop5);
        put(16, kJump5);
        put(24, kReturn5);
        put(40, {0xf0});
    }

    [[nodiscard]] const guard::Range& range() const { return manifest.range(0); }

    PatchVerdict write(u32 offset, const Bytes& bytes, const PatchChecks& checks = {}) {
        const PatchWrite write{offset, static_cast<u32>(bytes.size()), bytes.data()};
        return guard::apply_writes(manifest, range(), text.data(), 0, &write, 1, checks).verdict;
    }

    [[nodiscard]] PatchModel model() const {
        return PatchModel(image_of(manifest, range()),
                          {{4, 5, {kNop5, kJump5}, {kNop5, kJump5}},
                           {16, 5, {kNop5, kCall5, kJump5}, {kNop5, kCall5}},
                           {24, 5, {kReturn5, kJump5}, {}},
                           {40, 1, {{0xf0}, {0x3e}}, {{0xf0}, {0x3e}}}},
                          {0, 44});
    }

    Manifest manifest;
    Bytes text;

  private:
    void put(std::size_t at, const Bytes& bytes) {
        std::copy(bytes.begin(), bytes.end(), text.begin() + static_cast<std::ptrdiff_t>(at));
    }

    ManifestMaker maker_;
};

Bytes tail(const Bytes& value) {
    return {value.begin() + 1, value.end()};
}

TEST(GuardPatch, a_breakpoint_patch_is_three_writes) {
    World world;
    EXPECT_EQ(world.write(4, {kInt3}), PatchVerdict::kAccepted);
    EXPECT_EQ(world.write(5, tail(kJump5)), PatchVerdict::kAccepted);
    EXPECT_EQ(world.write(4, {kJump5[0]}), PatchVerdict::kAccepted);
    EXPECT_TRUE(std::equal(kJump5.begin(), kJump5.end(), world.text.begin() + 4));
}

TEST(GuardPatch, a_patch_may_be_taken_back) {
    World world;
    EXPECT_EQ(world.write(4, {kInt3}), PatchVerdict::kAccepted);
    EXPECT_EQ(world.write(4, {kNop5[0]}), PatchVerdict::kAccepted);
}

TEST(GuardPatch, what_is_refused_and_why) {
    World world;
    EXPECT_EQ(world.write(5, tail(kJump5)), PatchVerdict::kNotUnderInt3);
    EXPECT_EQ(world.write(4, {kJump5[0]}), PatchVerdict::kNotUnderInt3);
    EXPECT_EQ(world.write(4, kJump5), PatchVerdict::kShape);
    EXPECT_EQ(world.write(4, {}), PatchVerdict::kNotText);
    EXPECT_EQ(world.write(60, Bytes(5)), PatchVerdict::kNotText);
    EXPECT_EQ(world.write(64, {kInt3}), PatchVerdict::kNotText);
    EXPECT_EQ(world.write(1, {kInt3}), PatchVerdict::kNotASite);
    EXPECT_EQ(world.write(3, {1, 2}), PatchVerdict::kShape);
    EXPECT_EQ(world.write(24, {kInt3}), PatchVerdict::kFrozen);
    EXPECT_EQ(world.write(40, {kInt3}), PatchVerdict::kValue);
    EXPECT_EQ(world.write(40, {0x3e}), PatchVerdict::kAccepted);
    ASSERT_EQ(world.write(4, {kInt3}), PatchVerdict::kAccepted);
    EXPECT_EQ(world.write(5, tail(kCall5)), PatchVerdict::kValue);
    EXPECT_EQ(world.write(4, {kJump5[0]}), PatchVerdict::kValue);
    EXPECT_EQ(world.write(5, {0x01, 0x02, 0x03}), PatchVerdict::kShape);
}

TEST(GuardPatch, a_value_of_boot_does_not_come_back) {
    World world;
    ASSERT_EQ(world.write(16, {kInt3}), PatchVerdict::kAccepted);
    EXPECT_EQ(world.write(16, {kJump5[0]}), PatchVerdict::kValue);
    EXPECT_EQ(world.write(17, tail(kJump5)), PatchVerdict::kValue);
    EXPECT_EQ(world.write(17, tail(kCall5)), PatchVerdict::kAccepted);
    EXPECT_EQ(world.write(16, {kCall5[0]}), PatchVerdict::kAccepted);
}

TEST(GuardPatch, a_kprobe_gives_back_what_it_took) {
    World world;
    const u8 original = world.text[44];
    EXPECT_EQ(world.write(44, {static_cast<u8>(original + 1)}), PatchVerdict::kValue);
    EXPECT_EQ(world.write(44, {kInt3}), PatchVerdict::kAccepted);
    EXPECT_EQ(world.write(44, {static_cast<u8>(original + 1)}), PatchVerdict::kValue);
    EXPECT_EQ(world.write(44, {kInt3, 0}), PatchVerdict::kShape);
    EXPECT_EQ(world.write(44, {original}), PatchVerdict::kAccepted);
}

TEST(GuardPatch, constants_are_not_patched) {
    World world;
    Bytes constants(16, 7);
    const u8 value = 7;
    const PatchWrite write{ManifestMaker::kRodata, 1, &value};
    EXPECT_EQ(
        guard::judge_write(world.manifest, world.manifest.range(1), constants.data(), 0, write),
        PatchVerdict::kNotText);
}

TEST(GuardPatch, a_batch_stops_at_the_first_that_is_refused) {
    World world;
    const Bytes before = world.text;
    const Bytes jump_tail = tail(kJump5);
    const PatchWrite writes[] = {{4, 1, &kInt3}, {16, 1, &kJump5[0]}, {5, 4, jump_tail.data()}};
    const guard::PatchResult result =
        guard::apply_writes(world.manifest, world.range(), world.text.data(), 0, writes, 3);
    EXPECT_EQ(result.verdict, PatchVerdict::kNotUnderInt3);
    EXPECT_EQ(result.done, 1u);
    EXPECT_STRNE(to_string(result.verdict), "");
    EXPECT_EQ(Bytes(before.begin() + 5, before.end()),
              Bytes(world.text.begin() + 5, world.text.end()));
}

/// A write that has a good chance.
Bytes choose(Random& random, const std::vector<Bytes>& values, u32& offset) {
    const auto& value = values[random(static_cast<unsigned>(values.size()))];
    switch (random(8)) {
        case 0:
            return {kInt3};
        case 1:
        case 2:
            return {value[0]};
        case 3:
        case 4:
        case 5:
            offset++;
            return tail(value);
        case 6:
            return value;
        default:
            offset += random(5);
            return Bytes(1 + random(5), static_cast<u8>(random(256)));
    }
}

/// The number of writes until engine and model differ or the text is illegal; @most: never.
u32 writes_until_wrong(u32 most, std::uint64_t seed, const PatchChecks& checks) {
    static const std::vector<Bytes> kValues = {kNop5, kJump5, kCall5, kReturn5};
    World world;
    const PatchModel model = world.model();
    const u32 places[] = {4, 4, 16, 16, 24, 40, 44, 0, 1, 45, 60};
    Random random(seed);
    for (u32 i = 0; i < most; i++) {
        u32 offset = places[random(std::size(places))];
        Bytes bytes = offset == 40 && random(2) ? Bytes{static_cast<u8>(random(2) ? 0xf0 : 0x3e)}
                                                : choose(random, kValues, offset);
        if ((offset == 44 || offset == 0) && random(2))
            bytes = {static_cast<u8>(random(2) ? 0x10 + offset : kInt3)};
        if (bytes.empty() || offset + bytes.size() > world.text.size()) continue;
        Bytes after = world.text;
        std::copy(bytes.begin(), bytes.end(), after.begin() + static_cast<std::ptrdiff_t>(offset));
        const bool may = model.may_become(world.text, after, offset, bytes.size());
        const bool did = world.write(offset, bytes, checks) == PatchVerdict::kAccepted;
        if (may != did || !model.is_legal(world.text)) return i;
    }
    return most;
}

TEST(GuardPatch, engine_and_model_agree_and_the_text_stays_legal) {
    const auto most = static_cast<u32>(from_environment("ASI_OPERATIONS", 50000));
    for (std::uint64_t seed = 1; seed <= 5; seed++)
        EXPECT_EQ(writes_until_wrong(most, seed, {}), most) << "seed " << seed;
}

TEST(GuardPatch, each_check_that_is_left_out_is_noticed) {
    struct Flaw {
        const char* name;
        bool PatchChecks::*check;
    };
    const Flaw flaws[] = {{"live", &PatchChecks::live},
                          {"under_int3", &PatchChecks::under_int3},
                          {"head_fits_tail", &PatchChecks::head_fits_tail},
                          {"tail_is_listed", &PatchChecks::tail_is_listed},
                          {"start", &PatchChecks::start},
                          {"original", &PatchChecks::original}};
    for (const auto& [name, check] : flaws) {
        PatchChecks checks;
        checks.*check = false;
        EXPECT_LT(writes_until_wrong(5000, 1, checks), 5000u) << name;
    }
    // The text alone has starts and live sites; constants are tried by themselves.
    World world;
    PatchChecks checks;
    checks.range = false;
    Bytes constants(16, 7);
    const PatchWrite write{ManifestMaker::kRodata, 1, &kInt3};
    EXPECT_NE(guard::judge_write(world.manifest, world.manifest.range(1), constants.data(), 0,
                                 write, checks),
              PatchVerdict::kNotText);
}

}  // namespace
}  // namespace sim
