// SPDX-License-Identifier: GPL-2.0-only
// The length of an instruction of 64-bit mode, and what patching has to know of it.
#ifndef GUARD_MANIFEST_INSTRUCTION_H
#define GUARD_MANIFEST_INSTRUCTION_H

#include <cstddef>
#include <cstdint>

namespace guard {

struct Instruction {
    std::uint8_t length = 0;
    std::uint8_t opcode = 0;  ///< the first byte behind prefixes; 0x0f: see second
    std::uint8_t second = 0;  ///< the byte behind 0x0f
    std::uint8_t opcode_at = 0;
    bool begins_with_rep = false;
    std::uint8_t displacement_at = 0;
    std::uint8_t displacement_size = 0;
    bool is_rip_relative = false;
    std::uint8_t immediate_at = 0;
    std::uint8_t immediate_size = 0;

    [[nodiscard]] bool is_jcc32() const { return opcode == 0x0f && (second & 0xf0) == 0x80; }
    [[nodiscard]] bool is_call() const { return opcode == 0xe8; }
    [[nodiscard]] bool is_jmp32() const { return opcode == 0xe9; }
    /// The immediate is the distance to where it goes.
    [[nodiscard]] bool is_relative_branch() const {
        return is_jcc32() || (opcode & 0xf0) == 0x70 || opcode == 0xeb || is_jmp32() || is_call();
    }
    /// Of those that patching itself may have put there: 0x90 with any prefix but REP, NOPL.
    [[nodiscard]] bool is_nop() const {
        return (opcode == 0x90 && !begins_with_rep) || (opcode == 0x0f && second == 0x1f);
    }
};

/// False: no instruction, or one that goes on behind @size bytes. [SDM vol. 2, 2.1-2.7]
[[nodiscard]] bool decode(const std::uint8_t* code, std::size_t size, Instruction& result);

}  // namespace guard

#endif  // GUARD_MANIFEST_INSTRUCTION_H
