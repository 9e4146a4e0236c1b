// SPDX-License-Identifier: GPL-2.0-only
// A vmlinux: its bytes by address, its symbols, and what moves with it.
#ifndef GUARD_MANIFEST_KERNEL_IMAGE_H
#define GUARD_MANIFEST_KERNEL_IMAGE_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../engine/manifest.h"

namespace guard {

struct Symbol {
    u64 address;
    u64 size;
    bool is_function;
    std::string name;
};

struct Section {
    std::string name;
    u64 address;
    std::span<const u8> bytes;
};

/// Throws BuildError where the file is not what it has to be.
class KernelImage {
  public:
    /// @name: for messages.
    KernelImage(std::string name, std::vector<u8> file);

    /// What the build's tool "relocs" wrote.
    void read_relocations(const std::string& name, std::span<const u8> file);

    [[nodiscard]] bool has(u64 address, u64 length) const;
    [[nodiscard]] std::span<const u8> bytes(u64 address, u64 length) const;
    [[nodiscard]] u64 read64(u64 address) const;
    /// A table's entry that holds the distance from itself.
    [[nodiscard]] u64 follow(u64 address) const;
    [[nodiscard]] std::optional<RelocationKind> relocation_at(u64 address) const;

    [[nodiscard]] const std::vector<Section>& sections() const { return sections_; }
    [[nodiscard]] const std::vector<Symbol>& symbols() const { return symbols_; }  ///< by address
    [[nodiscard]] std::optional<u64> find(std::string_view name) const;
    [[nodiscard]] u64 address_of(std::string_view name) const;
    [[nodiscard]] const Symbol* symbol_named(std::string_view name) const;
    /// The function that begins there, or nullptr.
    [[nodiscard]] const Symbol* function_at(u64 address) const;
    /// "name+offset", for messages.
    [[nodiscard]] std::string describe(u64 address) const;

  private:
    [[noreturn]] void fail(const std::string& what) const;
    void read_sections();
    void read_symbols(std::span<const u8> table, std::span<const u8> strings);

    std::string name_;
    std::vector<u8> file_;
    std::vector<Section> sections_;
    std::vector<Symbol> symbols_;
    std::unordered_map<std::string_view, std::size_t> by_name_;
    std::unordered_map<u64, std::size_t> functions_;
    std::unordered_map<u64, RelocationKind> relocations_;
};

}  // namespace guard

#endif  // GUARD_MANIFEST_KERNEL_IMAGE_H
