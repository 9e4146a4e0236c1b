// SPDX-License-Identifier: GPL-2.0-only
// Words, and what a word may mean: a name, a number.
#ifndef ASI_TEXT_WORDS_H
#define ASI_TEXT_WORDS_H

#include <optional>

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
Text next_word(Text& line);

/// The name of a value; null for a value that has none.  Values count from 0.
using NameOf = const char*(unsigned value);

/// The value that @word names, or nothing.
std::optional<unsigned> find_name(NameOf* name_of, Text word);

/// The number that @word is, written in digits of @base (10, or 16 in either case);
/// @most + 1 for a greater one than @most; nothing when @word is not a number.
/// @most: so small that (@most + 1) * @base does not wrap.
std::optional<unsigned> read_number(Text word, unsigned base, unsigned most);

}  // namespace asi

#endif  // ASI_TEXT_WORDS_H
