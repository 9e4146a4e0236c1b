// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_image.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "build_error.h"

namespace guard {
namespace {

template <typename T>
T load(std::span<const u8> bytes, u64 at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
}

bool lies_in(u64 at, u64 length, u64 size) {
    return at <= size && length <= size - at;
}

std::string hex(u64 value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(value));
    return text.data();
}

}  // namespace

KernelImage::KernelImage(std::string name, std::vector<u8> file)
    : name_(std::move(name)), file_(std::move(file)) {
    if (file_.size() < sizeof(Elf64_Ehdr) || std::memcmp(file_.data(), ELFMAG, SELFMAG) != 0)
        fail("it is no ELF file; a bzImage holds a vmlinux, which is what is needed");
    const auto header = load<Elf64_Ehdr>(file_, 0);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
        fail("it is not of x86-64");
    read_sections();
    if (symbols_.empty()) fail("it has no symbols");
}

void KernelImage::fail(const std::string& what) const {
    throw BuildError(name_ + ": " + what);
}

void KernelImage::read_sections() {
    const auto header = load<Elf64_Ehdr>(file_, 0);
    if (header.e_shentsize != sizeof(Elf64_Shdr) ||
        !lies_in(header.e_shoff, u64{header.e_shnum} * sizeof(Elf64_Shdr), file_.size()) ||
        header.e_shstrndx >= header.e_shnum)
        fail("its section headers lie outside of it");
    std::vector<Elf64_Shdr> headers(header.e_shnum);
    std::memcpy(headers.data(), file_.data() + header.e_shoff, headers.size() * sizeof(Elf64_Shdr));
    const auto contents = [&](const Elf64_Shdr& section) -> std::span<const u8> {
        if (section.sh_type == SHT_NOBITS) return {};
        if (!lies_in(section.sh_offset, section.sh_size, file_.size()))
            fail("a section lies outside of it");
        return std::span<const u8>(file_).subspan(section.sh_offset, section.sh_size);
    };
    const std::span<const u8> names = contents(headers[header.e_shstrndx]);
    if (names.empty() || names.back() != 0) fail("its names of sections do not end");
    for (const Elf64_Shdr& section : headers) {
        if (section.sh_type == SHT_SYMTAB) {
            if (section.sh_link >= headers.size()) fail("its symbols have no names");
            read_symbols(contents(section), contents(headers[section.sh_link]));
        }
        if (!(section.sh_flags & SHF_ALLOC) || section.sh_type == SHT_NOBITS) continue;
        if (section.sh_name >= names.size()) fail("a section has no name");
        sections_.push_back({reinterpret_cast<const char*>(names.data() + section.sh_name),
                             section.sh_addr, contents(section)});
    }
    // Addresses of per-CPU data are distances from a processor's area.
    std::erase_if(sections_, [](const Section& section) { return section.address < 1ULL << 63; });
    std::sort(sections_.begin(), sections_.end(),
              [](const Section& a, const Section& b) { return a.address < b.address; });
}

void KernelImage::read_symbols(std::span<const u8> table, std::span<const u8> strings) {
    if (strings.empty() || strings.back() != 0) fail("its names of symbols do not end");
    for (u64 at = 0; at + sizeof(Elf64_Sym) <= table.size(); at += sizeof(Elf64_Sym)) {
        const auto entry = load<Elf64_Sym>(table, at);
        const unsigned type = ELF64_ST_TYPE(entry.st_info);
        if (entry.st_name >= strings.size()) fail("a symbol has no name");
        if (entry.st_shndx == SHN_UNDEF || type == STT_SECTION || type == STT_FILE) continue;
        symbols_.push_back({entry.st_value, entry.st_size, type == STT_FUNC,
                            reinterpret_cast<const char*>(strings.data() + entry.st_name)});
    }
    std::stable_sort(symbols_.begin(), symbols_.end(),
                     [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
    for (std::size_t i = 0; i < symbols_.size(); i++) {
        by_name_.emplace(symbols_[i].name, i);
        if (symbols_[i].is_function) functions_.emplace(symbols_[i].address, i);
    }
}

void KernelImage::read_relocations(const std::string& name, std::span<const u8> file) {
    if (file.size() < 12 || file.size() % 4 != 0)
        throw BuildError(name + ": it is no list of relocations");
    // From the end: 32 bits, inverse 32 bits, 64 bits; a zero stands before each list.
    u64 at = file.size();
    for (const RelocationKind kind :
         {RelocationKind::kAdd32, RelocationKind::kSubtract32, RelocationKind::kAdd64}) {
        for (;;) {
            if (at == 0) throw BuildError(name + ": it has not three lists of relocations");
            at -= 4;
            const auto entry = static_cast<std::int64_t>(load<std::int32_t>(file, at));
            if (entry == 0) break;
            relocations_[static_cast<u64>(entry)] = kind;
        }
    }
    if (at != 0) throw BuildError(name + ": it has more than three lists of relocations");
}

bool KernelImage::has(u64 address, u64 length) const {
    return std::any_of(sections_.begin(), sections_.end(), [&](const Section& section) {
        return address >= section.address &&
               lies_in(address - section.address, length, section.bytes.size());
    });
}

std::span<const u8> KernelImage::bytes(u64 address, u64 length) const {
    for (const Section& section : sections_)
        if (address >= section.address &&
            lies_in(address - section.address, length, section.bytes.size()))
            return section.bytes.subspan(address - section.address, length);
    fail("it has nothing at " + hex(address));
}

u64 KernelImage::read64(u64 address) const {
    return load<u64>(bytes(address, 8), 0);
}

u64 KernelImage::follow(u64 address) const {
    return address + static_cast<u64>(std::int64_t{load<std::int32_t>(bytes(address, 4), 0)});
}

std::optional<RelocationKind> KernelImage::relocation_at(u64 address) const {
    const auto found = relocations_.find(address);
    if (found == relocations_.end()) return std::nullopt;
    return found->second;
}

const Symbol* KernelImage::symbol_named(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &symbols_[found->second];
}

std::optional<u64> KernelImage::find(std::string_view name) const {
    const Symbol* symbol = symbol_named(name);
    if (!symbol) return std::nullopt;
    return symbol->address;
}

u64 KernelImage::address_of(std::string_view name) const {
    const auto found = find(name);
    if (!found) fail("it has no symbol '" + std::string(name) + "'");
    return *found;
}

const Symbol* KernelImage::function_at(u64 address) const {
    const auto found = functions_.find(address);
    return found == functions_.end() ? nullptr : &symbols_[found->second];
}

std::string KernelImage::describe(u64 address) const {
    const auto behind =
        std::upper_bound(symbols_.begin(), symbols_.end(), address,
                         [](u64 value, const Symbol& symbol) { return value < symbol.address; });
    if (behind == symbols_.begin()) return hex(address);
    return std::prev(behind)->name + "+" + hex(address - std::prev(behind)->address);
}

}  // namespace guard
