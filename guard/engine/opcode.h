// SPDX-License-Identifier: GPL-2.0-only
#ifndef GUARD_ENGINE_OPCODE_H
#define GUARD_ENGINE_OPCODE_H

#include <cstdint>

namespace guard {

inline constexpr std::uint8_t kInt3 = 0xcc;

}  // namespace guard

#endif  // GUARD_ENGINE_OPCODE_H
