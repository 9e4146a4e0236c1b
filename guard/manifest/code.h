// SPDX-License-Identifier: GPL-2.0-only
// Bytes of code with the relocations that lie in them.
#ifndef GUARD_MANIFEST_CODE_H
#define GUARD_MANIFEST_CODE_H

#include <cstring>
#include <set>
#include <vector>

#include "kernel_image.h"

namespace guard {

struct Code {
    std::vector<u8> bytes;
    std::vector<u8> marks;  ///< a RelocationKind where a relocated address begins, else 0

    Code() = default;
    explicit Code(std::vector<u8> plain) : bytes(std::move(plain)), marks(bytes.size()) {}

    [[nodiscard]] std::size_t size() const { return bytes.size(); }
    [[nodiscard]] Code part(std::size_t at, std::size_t length) const {
        Code result;
        result.bytes.assign(bytes.begin() + at, bytes.begin() + at + length);
        result.marks.assign(marks.begin() + at, marks.begin() + at + length);
        return result;
    }
    /// Puts @code at @at, with nothing left of what was there.
    void put(std::size_t at, const Code& code) {
        std::copy(code.bytes.begin(), code.bytes.end(), bytes.begin() + at);
        std::copy(code.marks.begin(), code.marks.end(), marks.begin() + at);
    }
    void add(const Code& code) {
        bytes.insert(bytes.end(), code.bytes.begin(), code.bytes.end());
        marks.insert(marks.end(), code.marks.begin(), code.marks.end());
    }
    auto operator<=>(const Code&) const = default;
};

using Variants = std::set<Code>;

/// What the build made.
inline Code code_at(const KernelImage& image, u64 address, u64 length) {
    const auto bytes = image.bytes(address, length);
    Code code(std::vector<u8>(bytes.begin(), bytes.end()));
    for (u64 i = 0; i < length; i++)
        if (const auto kind = image.relocation_at(address + i))
            code.marks[i] = static_cast<u8>(*kind);
    return code;
}

/// An instruction of one byte @opcode at @address that goes to @target.
inline Code branch(u8 opcode, u64 address, u64 target, std::size_t length = 5) {
    const u64 distance = target - (address + length);
    std::vector<u8> bytes(length);
    bytes[0] = opcode;
    std::memcpy(bytes.data() + 1, &distance, length - 1);
    return Code(std::move(bytes));
}

}  // namespace guard

#endif  // GUARD_MANIFEST_CODE_H
