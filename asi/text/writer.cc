// SPDX-License-Identifier: GPL-2.0-only
#include "writer.h"

namespace asi {

Writer& Writer::put(char c) {
    // The last byte is for the NUL.
    if (size_ + 1 < capacity_) buffer_[size_] = c;
    ++size_;
    return *this;
}

Writer& Writer::put(Text text) {
    for (std::size_t i = 0; i < text.size; ++i) put(text[i]);
    return *this;
}

Writer& Writer::put_number(unsigned n) {
    if (n >= 10) put_number(n / 10);
    return put(static_cast<char>('0' + n % 10));
}

Writer& Writer::put_hex(unsigned n) {
    put("0x");
    unsigned shift = 28;
    while (shift > 0 && n >> shift == 0) shift -= 4;
    for (;; shift -= 4) {
        put("0123456789abcdef"[n >> shift & 15]);
        if (shift == 0) return *this;
    }
}

std::size_t Writer::finish() {
    if (capacity_ > 0) buffer_[size_ < capacity_ ? size_ : capacity_ - 1] = '\0';
    return size_;
}

}  // namespace asi
