// SPDX-License-Identifier: GPL-2.0-only
#include "nops.h"

#include "../engine/opcode.h"
#include "instruction.h"

namespace guard {
namespace {

constexpr std::size_t kLongestNop = 11;

bool decode_at(const Code& code, std::size_t at, Instruction& instruction) {
    return decode(code.bytes.data() + at, code.size() - at, instruction);
}

/// Adds @difference to the @size bytes of a distance.
void shift(Code& code, std::size_t at, std::size_t size, u64 difference) {
    u64 value = 0;
    std::memcpy(&value, code.bytes.data() + at, size);
    value += difference;
    std::memcpy(code.bytes.data() + at, &value, size);
}

std::int64_t signed_at(const Code& code, std::size_t at, std::size_t size) {
    if (size == 1) return static_cast<std::int8_t>(code.bytes[at]);
    std::int32_t value = 0;
    std::memcpy(&value, code.bytes.data() + at, size);
    return value;
}

}  // namespace

Nops::Nops(const KernelImage& image) {
    const u64 table = image.address_of("x86_nops");
    nops_.emplace_back();
    for (std::size_t length = 1; length <= kLongestNop; length++)
        nops_.push_back(code_at(image, image.read64(table + 8 * length), length));
}

void Nops::fill(Code& code, std::size_t at, std::size_t length) const {
    if (length <= kLongestNop) {
        code.put(at, nops_[length]);
        return;
    }
    const Code jump = length < 128 ? branch(0xeb, 0, length, 2) : branch(0xe9, 0, length);
    code.put(at, jump);
    code.put(at + jump.size(), Code(std::vector<u8>(length - jump.size(), kInt3)));
}

void Nops::optimize(Code& code) const {
    Instruction instruction;
    for (std::size_t next, i = 0; i < code.size(); i = next) {
        if (!decode_at(code, i, instruction)) return;
        next = i + instruction.length;
        if (!instruction.is_nop()) continue;
        if (next == code.size()) return;
        while (next < code.size() && decode_at(code, next, instruction) && instruction.is_nop())
            next += instruction.length;
        fill(code, i, next - i);
    }
}

void Nops::move(Code& code, u64 to, u64 from, std::size_t from_length) const {
    const auto difference = static_cast<std::int64_t>(from - to);
    const auto leaves = [&](std::size_t next, std::int64_t distance) {
        const auto target = static_cast<std::int64_t>(next) + distance;
        return target < 0 || target > static_cast<std::int64_t>(from_length);
    };
    Instruction instruction;
    for (std::size_t next, i = 0; i < code.size(); i = next) {
        if (!decode_at(code, i, instruction)) return;
        next = i + instruction.length;
        if (instruction.is_relative_branch()) {
            const std::size_t at = i + instruction.immediate_at;
            const std::int64_t distance = signed_at(code, at, instruction.immediate_size);
            if (leaves(next, distance)) shift(code, at, instruction.immediate_size, difference);
            const std::int64_t near = distance + difference + 3;
            if (instruction.is_jmp32() && near >= -128 && near <= 127) {
                Code jump(std::vector<u8>(instruction.length, kInt3));
                jump.bytes[0] = 0xeb;
                jump.bytes[1] = static_cast<u8>(near);
                code.put(i, jump);
            }
        }
        if (instruction.is_rip_relative) {
            const std::size_t at = i + instruction.displacement_at;
            if (leaves(next, signed_at(code, at, 4))) shift(code, at, 4, difference);
        }
    }
    optimize(code);
}

}  // namespace guard
