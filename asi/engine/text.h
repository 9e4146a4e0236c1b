// SPDX-License-Identifier: GPL-2.0-only
// Just enough text handling to live without a C library.
#ifndef ASI_ENGINE_TEXT_H
#define ASI_ENGINE_TEXT_H

#include <cstddef>

namespace asi {

/// Characters that belong to somebody else.
struct Text {
    const char* data = nullptr;
    std::size_t size = 0;

    constexpr Text() = default;
    constexpr Text(const char* start, std::size_t length) : data(start), size(length) {}
    /// From a string with a NUL.
    constexpr explicit Text(const char* string) : data(string) {
        while (string[size] != '\0') ++size;
    }

    [[nodiscard]] constexpr bool is_empty() const { return size == 0; }
    constexpr char operator[](std::size_t i) const { return data[i]; }
    [[nodiscard]] constexpr Text first(std::size_t n) const { return {data, n}; }
    [[nodiscard]] constexpr Text from(std::size_t n) const { return {data + n, size - n}; }
    /// Position of the first @c, or size.
    [[nodiscard]] constexpr std::size_t find(char c) const {
        std::size_t i = 0;
        while (i < size && data[i] != c) ++i;
        return i;
    }

    constexpr bool operator==(const Text& o) const {
        if (size != o.size) return false;
        for (std::size_t i = 0; i < size; ++i)
            if (data[i] != o.data[i]) return false;
        return true;
    }
};

/// Writes what fits and counts the rest.
class Writer {
  public:
    Writer(char* buffer, std::size_t capacity) : buffer_(buffer), capacity_(capacity) {}
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    Writer& put(char c) {
        // The last byte is for the NUL.
        if (size_ + 1 < capacity_) buffer_[size_] = c;
        ++size_;
        return *this;
    }
    Writer& put(Text text) {
        for (std::size_t i = 0; i < text.size; ++i) put(text[i]);
        return *this;
    }
    Writer& put(const char* string) { return put(Text(string)); }
    Writer& put_number(unsigned n) {
        if (n >= 10) put_number(n / 10);
        return put(static_cast<char>('0' + n % 10));
    }
    Writer& put_hex(unsigned n) {
        put("0x");
        unsigned shift = 28;
        while (shift > 0 && n >> shift == 0) shift -= 4;
        for (;; shift -= 4) {
            put("0123456789abcdef"[n >> shift & 15]);
            if (shift == 0) return *this;
        }
    }
    /// Terminates; returns the length that everything would have taken.
    std::size_t finish() {
        if (capacity_ > 0) buffer_[size_ < capacity_ ? size_ : capacity_ - 1] = '\0';
        return size_;
    }

  private:
    char* buffer_;
    std::size_t capacity_;
    std::size_t size_ = 0;
};

}  // namespace asi

#endif  // ASI_ENGINE_TEXT_H
