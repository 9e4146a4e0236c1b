// SPDX-License-Identifier: GPL-2.0-only
#include "instruction.h"

namespace guard {
namespace {

using std::uint8_t;

constexpr std::size_t kLongest = 15;

enum class Map : uint8_t { kOne, k0f, k0f38, k0f3a, kOther };

bool is_prefix(uint8_t byte) {
    switch (byte) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
        case 0x66:
        case 0x67:
        case 0xf0:
        case 0xf2:
        case 0xf3:
            return true;
        default:
            return false;
    }
}

bool is_invalid_in_64_bit_mode(uint8_t op) {
    switch (op) {
        case 0x06:
        case 0x07:
        case 0x0e:
        case 0x16:
        case 0x17:
        case 0x1e:
        case 0x1f:
        case 0x27:
        case 0x2f:
        case 0x37:
        case 0x3f:
        case 0x60:
        case 0x61:
        case 0x82:
        case 0x9a:
        case 0xce:
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xea:
            return true;
        default:
            return false;
    }
}

bool has_modrm_one(uint8_t op) {
    if (op < 0x40) return (op & 7) < 4;
    switch (op >> 4) {
        case 0x6:
            return op == 0x63 || op == 0x69 || op == 0x6b;
        case 0x8:
            return true;
        case 0xc:
            return op == 0xc0 || op == 0xc1 || op == 0xc6 || op == 0xc7;
        case 0xd:
            return op <= 0xd3 || op >= 0xd8;
        case 0xf:
            return op == 0xf6 || op == 0xf7 || op >= 0xfe;
        default:
            return false;
    }
}

bool has_modrm_0f(uint8_t op) {
    if (op >= 0x30 && op <= 0x37) return false;
    if ((op & 0xf0) == 0x80 || (op >= 0xc8 && op <= 0xcf)) return false;
    switch (op) {
        case 0x05:
        case 0x06:
        case 0x07:
        case 0x08:
        case 0x09:
        case 0x0b:
        case 0x0e:
        case 0x77:
        case 0xa0:
        case 0xa1:
        case 0xa2:
        case 0xa8:
        case 0xa9:
        case 0xaa:
            return false;
        default:
            return true;
    }
}

class Decoder {
  public:
    Decoder(const uint8_t* code, std::size_t size, Instruction& result)
        : code_(code), size_(size < kLongest ? size : kLongest), result_(result) {}

    bool run() {
        result_ = {};
        if (!prefixes() || !opcode()) return false;
        if (has_modrm() && !modrm()) return false;
        result_.immediate_size = immediate_size();
        if (result_.immediate_size) result_.immediate_at = static_cast<uint8_t>(at_);
        at_ += result_.immediate_size;
        if (at_ > size_) return false;
        result_.length = static_cast<uint8_t>(at_);
        return true;
    }

  private:
    bool take(uint8_t& byte) {
        if (at_ >= size_) return false;
        byte = code_[at_++];
        return true;
    }

    bool prefixes() {
        if (size_ && code_[0] == 0xf3) result_.begins_with_rep = true;
        for (; at_ < size_ && is_prefix(code_[at_]); at_++) {
            if (code_[at_] == 0x66) short_operand_ = true;
            if (code_[at_] == 0x67) short_address_ = true;
        }
        if (at_ < size_ && (code_[at_] & 0xf0) == 0x40) wide_ = (code_[at_++] & 8) != 0;
        return true;
    }

    bool opcode() {
        result_.opcode_at = static_cast<uint8_t>(at_);
        uint8_t byte;
        if (!take(byte)) return false;
        result_.opcode = byte;
        op_ = byte;
        if (byte == 0xc4 || byte == 0xc5 || byte == 0x62) return vector(byte);
        if (byte != 0x0f) return !is_invalid_in_64_bit_mode(byte);
        if (!take(byte)) return false;
        result_.second = byte;
        op_ = byte;
        map_ = Map::k0f;
        if (byte == 0x38 || byte == 0x3a) {
            map_ = byte == 0x38 ? Map::k0f38 : Map::k0f3a;
            return take(op_);
        }
        return byte != 0x04 && byte != 0x0a && byte != 0x0c;
    }

    /// VEX and EVEX: the prefix says which map.
    bool vector(uint8_t first) {
        is_vector_ = true;
        uint8_t byte;
        if (!take(byte)) return false;
        unsigned map = 1;
        if (first != 0xc5) map = byte & (first == 0x62 ? 7 : 31);
        const unsigned more = first == 0xc5 ? 0 : first == 0xc4 ? 1 : 2;
        for (unsigned i = 0; i < more; i++)
            if (!take(byte)) return false;
        map_ = map == 1 ? Map::k0f : map == 2 ? Map::k0f38 : map == 3 ? Map::k0f3a : Map::kOther;
        return take(op_);
    }

    [[nodiscard]] bool has_modrm() const {
        if (map_ == Map::kOne) return has_modrm_one(op_);
        if (map_ == Map::k0f) return is_vector_ ? op_ != 0x77 : has_modrm_0f(op_);
        return true;
    }

    bool modrm() {
        uint8_t sib = 0;
        if (!take(modrm_)) return false;
        const unsigned mod = modrm_ >> 6, rm = modrm_ & 7;
        // Control and debug registers are registers, whatever mod says.
        if (map_ == Map::k0f && !is_vector_ && op_ >= 0x20 && op_ <= 0x23) return true;
        if (mod == 3) return true;
        if (rm == 4 && !take(sib)) return false;
        unsigned size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
        if (mod == 0 && rm == 5) {
            size = 4;
            result_.is_rip_relative = !short_address_;
        }
        if (mod == 0 && rm == 4 && (sib & 7) == 5) size = 4;
        if (size) result_.displacement_at = static_cast<uint8_t>(at_);
        result_.displacement_size = static_cast<uint8_t>(size);
        at_ += size;
        return at_ <= size_;
    }

    [[nodiscard]] uint8_t full() const { return short_operand_ ? 2 : 4; }

    [[nodiscard]] uint8_t immediate_size() const {
        switch (map_) {
            case Map::kOne:
                return immediate_one();
            case Map::k0f:
                return immediate_0f();
            case Map::k0f3a:
                return 1;
            default:
                return 0;
        }
    }

    [[nodiscard]] uint8_t immediate_one() const {
        if (op_ < 0x40) return (op_ & 7) == 4 ? 1 : (op_ & 7) == 5 ? full() : 0;
        if ((op_ & 0xf0) == 0x70 || (op_ & 0xf8) == 0xb0) return 1;
        if ((op_ & 0xf8) == 0xb8) return wide_ ? 8 : full();
        switch (op_) {
            case 0x6a:
            case 0x6b:
            case 0x80:
            case 0x83:
            case 0xa8:
            case 0xc0:
            case 0xc1:
            case 0xc6:
            case 0xcd:
            case 0xe0:
            case 0xe1:
            case 0xe2:
            case 0xe3:
            case 0xe4:
            case 0xe5:
            case 0xe6:
            case 0xe7:
            case 0xeb:
                return 1;
            case 0x68:
            case 0x69:
            case 0x81:
            case 0xa9:
            case 0xc7:
                return full();
            case 0xe8:
            case 0xe9:
                return 4;
            case 0xc2:
            case 0xca:
                return 2;
            case 0xc8:
                return 3;
            case 0xa0:
            case 0xa1:
            case 0xa2:
            case 0xa3:
                return short_address_ ? 4 : 8;
            case 0xf6:
                return (modrm_ >> 3 & 7) < 2 ? 1 : 0;
            case 0xf7:
                return (modrm_ >> 3 & 7) < 2 ? full() : 0;
            default:
                return 0;
        }
    }

    [[nodiscard]] uint8_t immediate_0f() const {
        if (!is_vector_ && (op_ & 0xf0) == 0x80) return 4;
        switch (op_) {
            case 0x70:
            case 0x71:
            case 0x72:
            case 0x73:
            case 0xc2:
            case 0xc4:
            case 0xc5:
            case 0xc6:
                return 1;
            case 0x0f:
            case 0xa4:
            case 0xac:
            case 0xba:
                return is_vector_ ? 0 : 1;
            default:
                return 0;
        }
    }

    const uint8_t* code_;
    std::size_t size_;
    Instruction& result_;
    std::size_t at_ = 0;
    Map map_ = Map::kOne;
    uint8_t op_ = 0, modrm_ = 0;
    bool short_operand_ = false, short_address_ = false, wide_ = false, is_vector_ = false;
};

}  // namespace

bool decode(const uint8_t* code, std::size_t size, Instruction& result) {
    return Decoder(code, size, result).run();
}

}  // namespace guard
