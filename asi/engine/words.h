// SPDX-License-Identifier: GPL-2.0-only
// What the parsers of policies and profiles have in common.
#ifndef ASI_ENGINE_WORDS_H
#define ASI_ENGINE_WORDS_H

#include "text.h"

namespace asi {

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}
/// A word made of these can be printed and read back.
constexpr bool is_printable(char c) {
    return c > ' ' && c <= '~';
}

/// Takes the first word off @line; empty when none is left.
inline Text next_word(Text& line) {
    std::size_t start = 0;
    while (start < line.size && is_blank(line[start])) ++start;
    std::size_t end = start;
    while (end < line.size && !is_blank(line[end])) ++end;
    const Text word = line.from(start).first(end - start);
    line = line.from(end);
    return word;
}

}  // namespace asi

#endif  // ASI_ENGINE_WORDS_H
