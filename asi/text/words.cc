// SPDX-License-Identifier: GPL-2.0-only
#include "words.h"

namespace asi {

namespace {

/// The digit that @c is in the largest base there is; no base has a greater one.
constexpr unsigned kNoDigit = 16;
constexpr unsigned digit_of(char c) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10 : kNoDigit;
}

}  // namespace

Text next_word(Text& line) {
    std::size_t start = 0;
    while (start < line.size && is_blank(line[start])) ++start;
    std::size_t end = start;
    while (end < line.size && !is_blank(line[end])) ++end;
    const Text word = line.from(start).first(end - start);
    line = line.from(end);
    return word;
}

std::optional<unsigned> find_name(NameOf* name_of, Text word) {
    for (unsigned i = 0; const char* name = name_of(i); ++i)
        if (Text(name) == word) return i;
    return std::nullopt;
}

std::optional<unsigned> read_number(Text word, unsigned base, unsigned most) {
    if (word.is_empty()) return std::nullopt;
    unsigned number = 0;
    for (std::size_t i = 0; i < word.size; ++i) {
        const unsigned digit = digit_of(word[i]);
        if (digit >= base) return std::nullopt;
        if (number <= most) number = number * base + digit;
    }
    return number > most ? most + 1 : number;
}

}  // namespace asi
