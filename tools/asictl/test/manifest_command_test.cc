// SPDX-License-Identifier: GPL-2.0-only
// asictl manifest build and check, as whole commands: what is no kernel, no manifest and no
// memory is named.
#include <guard/engine/manifest.h>

#include <cstring>

#include "command_fixture.h"

namespace asi::ctl {
namespace {

class ManifestCommandTest : public CommandTest {
  protected:
    [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
        const fs::path path = directory_ / name;
        std::ofstream(path, std::ios::binary) << text;
        return path.string();
    }

    /// A page of text and a page of constants.
    [[nodiscard]] static std::string small_manifest() {
        std::string blob(2 * 4096, '\0');
        for (std::size_t i = 0; i < blob.size(); i++) blob[i] = static_cast<char>(i * 7 + i / 256);
        const guard::Range ranges[] = {
            {0, 4096, guard::RangeKind::kText, 0, guard::kNoStarts, 0},
            {4096, 4096, guard::RangeKind::kRodata, 4096, guard::kNoStarts, 0}};
        const std::size_t size = sizeof(guard::ManifestHeader) + sizeof(ranges) + blob.size();
        const guard::ManifestHeader header{guard::kManifestMagic,
                                           guard::kManifestVersion,
                                           static_cast<guard::u32>(size),
                                           0xffffffff81000000,
                                           2,
                                           0,
                                           0,
                                           static_cast<guard::u32>(blob.size())};
        std::string text(size - blob.size(), '\0');
        std::memcpy(text.data(), &header, sizeof(header));
        std::memcpy(text.data() + sizeof(header), ranges, sizeof(ranges));
        return text + blob;
    }

    /// The kernel of small_manifest() at the second place where one may lie.
    [[nodiscard]] static std::string small_memory() {
        const std::string manifest = small_manifest();
        std::string memory(4 << 20, '\0');
        return memory.replace(2 << 20, 2 * 4096, manifest.substr(manifest.size() - 2 * 4096));
    }
};

TEST_F(ManifestCommandTest, a_kernel_that_is_as_built_is_explained) {
    const Outcome outcome = run_bare(
        {"manifest", "check", file("manifest", small_manifest()), file("memory", small_memory())});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out,
              "kernel at 0x200000, moved by 0x0\n"
              "8192 bytes as built, 0 of sites, 0 breakpoints, 0 of runtime constants, 0 frozen, "
              "0 unexplained\n");
}

TEST_F(ManifestCommandTest, a_byte_that_differs_is_named) {
    std::string memory = small_memory();
    memory[(2 << 20) + 100] ^= 1;
    const std::string manifest = file("manifest", small_manifest()), image = file("memory", memory);
    const Outcome outcome = run_bare({"manifest", "check", manifest, image});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.out.find("unexplained: 1 in text, no symbol, first at 0x64: 0xbd, not 0xbc"),
              std::string::npos)
        << outcome.out;
    const Json json = Json::parse(run_bare({"--json", "manifest", "check", manifest, image}).out);
    EXPECT_EQ(json["unexplained"], 1);
    EXPECT_EQ(json["position"], 2 << 20);
    EXPECT_EQ(json["symbols"][0]["offset"], 100);
}

TEST_F(ManifestCommandTest, what_is_wrong_with_a_file_is_said) {
    const std::string manifest = file("manifest", small_manifest()), junk = file("junk", "junk"),
                      memory = file("memory", std::string(4 << 20, 'x'));
    EXPECT_EQ(run_bare({"manifest", "check", junk, memory}).err,
              "asictl: " + junk + ": it is shorter than it says\n");
    EXPECT_EQ(run_bare({"manifest", "check", manifest, memory}).err,
              "asictl: " + memory + ": it does not hold the kernel of the manifest\n");
    EXPECT_EQ(run_bare({"manifest", "check", "/nowhere", memory}).err,
              "asictl: cannot read /nowhere: No such file or directory\n");
    EXPECT_EQ(run_bare({"manifest", "build", "-o", "/nowhere", junk}).err,
              "asictl: " + junk +
                  ": it is no ELF file; a bzImage holds a vmlinux, which is what is needed\n");
    EXPECT_EQ(run_bare({"manifest", "build", junk}).status, 2);
}

TEST_F(ManifestCommandTest, a_kernel_that_is_there_twice_is_not_chosen_from) {
    std::string memory = small_memory();
    memory += memory.substr(2 << 20);
    const std::string image = file("memory", memory);
    EXPECT_EQ(run_bare({"manifest", "check", file("manifest", small_manifest()), image}).err,
              "asictl: " + image + ": it holds the kernel of the manifest more than once\n");
}

}  // namespace
}  // namespace asi::ctl
