// SPDX-License-Identifier: GPL-2.0-only
// A piece of text, without a C library.
#ifndef ASI_TEXT_TEXT_H
#define ASI_TEXT_TEXT_H

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

/// What @array holds before its NUL, which a full array may lack.
template <std::size_t kSize>
constexpr Text text_in(const char (&array)[kSize]) {
    const Text whole(array, kSize);
    return whole.first(whole.find('\0'));
}

/// Stores @text and a NUL in @array; false, and nothing is stored, when they do not fit.
template <std::size_t kSize>
[[nodiscard]] constexpr bool copy_text(Text text, char (&array)[kSize]) {
    if (text.size >= kSize) return false;
    for (std::size_t i = 0; i < text.size; ++i) array[i] = text[i];
    array[text.size] = '\0';
    return true;
}

}  // namespace asi

#endif  // ASI_TEXT_TEXT_H
