// SPDX-License-Identifier: GPL-2.0-only
// Lengths of instructions are those that objdump says, over the code of this program.
#include <elf.h>
#include <gtest/gtest.h>
#include <guard/manifest/instruction.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace sim {
namespace {

using guard::decode;
using guard::Instruction;
using Bytes = std::vector<std::uint8_t>;

struct Line {
    std::uint64_t address;
    std::string text;
};

std::vector<Line> disassemble() {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
        popen("objdump -d -z -j .text --no-show-raw-insn \"$(readlink -f /proc/$PPID/exe)\"", "r"),
        pclose);
    std::vector<Line> lines;
    char line[512];
    while (pipe && std::fgets(line, sizeof(line), pipe.get())) {
        std::uint64_t address = 0;
        int end = 0;
        if (std::sscanf(line, " %lx: %n", &address, &end) == 1 && end > 0)
            lines.push_back({address, line + end});
    }
    return lines;
}

/// The section .text of this program, and where objdump says it is.
struct Text {
    std::uint64_t address = 0;
    Bytes bytes;
};

Text read_text() {
    std::ifstream stream("/proc/self/exe", std::ios::binary);
    const Bytes file{std::istreambuf_iterator<char>(stream), {}};
    Elf64_Ehdr header;
    std::memcpy(&header, file.data(), sizeof(header));
    std::vector<Elf64_Shdr> sections(header.e_shnum);
    std::memcpy(sections.data(), file.data() + header.e_shoff,
                sections.size() * sizeof(sections[0]));
    const auto* names =
        reinterpret_cast<const char*>(file.data() + sections[header.e_shstrndx].sh_offset);
    for (const Elf64_Shdr& section : sections)
        if (std::string(names + section.sh_name) == ".text")
            return {section.sh_addr,
                    Bytes(file.begin() + static_cast<std::ptrdiff_t>(section.sh_offset),
                          file.begin() +
                              static_cast<std::ptrdiff_t>(section.sh_offset + section.sh_size))};
    return {};
}

TEST(GuardInstruction, lengths_are_those_of_objdump) {
    const std::vector<Line> lines = disassemble();
    const Text text = read_text();
    ASSERT_GT(lines.size(), 10000u);
    for (std::size_t i = 0; i + 1 < lines.size(); i++) {
        const std::uint64_t at = lines[i].address - text.address;
        ASSERT_LT(at, text.bytes.size());
        if (lines[i].text.find("(bad)") != std::string::npos) continue;
        Instruction instruction;
        ASSERT_TRUE(decode(text.bytes.data() + at, text.bytes.size() - at, instruction))
            << lines[i].text;
        ASSERT_EQ(instruction.length, lines[i + 1].address - lines[i].address) << lines[i].text;
    }
}

Instruction decoded(const Bytes& code) {
    Instruction instruction;
    EXPECT_TRUE(decode(code.data(), code.size(), instruction));
    EXPECT_EQ(instruction.length, code.size());
    return instruction;
}

TEST(GuardInstruction, says_what_patching_needs) {
    EXPECT_TRUE(decoded({0x90}).is_nop());
    EXPECT_TRUE(decoded({0x66, 0x90}).is_nop());
    EXPECT_TRUE(decoded({0x0f, 0x1f, 0x44, 0x00, 0x00}).is_nop());
    EXPECT_FALSE(decoded({0xf3, 0x90}).is_nop());
    EXPECT_FALSE(decoded({0xf3, 0x0f, 0x1e, 0xfa}).is_nop());
    EXPECT_TRUE(decoded({0x0f, 0x84, 1, 2, 3, 4}).is_jcc32());
    EXPECT_EQ(decoded({0x2e, 0xe8, 1, 2, 3, 4}).immediate_at, 2);
    EXPECT_TRUE(decoded({0xeb, 5}).is_relative_branch());
    EXPECT_TRUE(decoded({0x48, 0x8d, 0x3d, 1, 2, 3, 4}).is_rip_relative);
    EXPECT_FALSE(decoded({0x48, 0x8b, 0x04, 0x25, 1, 2, 3, 4}).is_rip_relative);
    // Adds to a counter of this processor: an address, and an immediate behind it.
    const Instruction counter = decoded({0x65, 0x48, 0xc1, 0x3d, 1, 2, 3, 4, 5});
    EXPECT_TRUE(counter.is_rip_relative);
    EXPECT_EQ(counter.displacement_at, 4);
    EXPECT_EQ(counter.immediate_at, 8);
}

TEST(GuardInstruction, lengths_of_rare_ones) {
    decoded({0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8});
    decoded({0x66, 0xb8, 1, 2});
    decoded({0xf7, 0xc0, 1, 2, 3, 4});
    decoded({0xf7, 0xd0});
    decoded({0x66, 0x81, 0xc0, 1, 2});
    decoded({0xc8, 1, 2, 3});
    decoded({0x0f, 0x22, 0xd8});
    decoded({0x0f, 0x01, 0xd8});
    decoded({0x0f, 0x0b});
    decoded({0x0f, 0xb9, 0xcc});
    decoded({0xc5, 0xf8, 0x77});
    decoded({0xc4, 0xe3, 0x7d, 0x39, 0xc1, 0x01});
    decoded({0x62, 0xf1, 0x7c, 0x48, 0x28, 0x40, 0x01});
    decoded({0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0x08});
    decoded({0x66, 0x0f, 0x38, 0x82, 0x04, 0x24});
}

TEST(GuardInstruction, what_ends_too_soon_is_none) {
    const Bytes longest = {0x65, 0x48, 0xc7, 0x84, 0x24, 1, 2, 3, 4, 5, 6, 7, 8};
    Instruction instruction;
    for (std::size_t size = 0; size < longest.size(); size++)
        EXPECT_FALSE(decode(longest.data(), size, instruction)) << size;
    EXPECT_TRUE(decode(longest.data(), longest.size(), instruction));
    const Bytes invalid = {0x06};
    EXPECT_FALSE(decode(invalid.data(), invalid.size(), instruction));
}

}  // namespace
}  // namespace sim
