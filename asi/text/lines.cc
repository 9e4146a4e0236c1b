// SPDX-License-Identifier: GPL-2.0-only
#include "lines.h"

namespace asi {

bool Lines::next() {
    if (unread_.is_empty()) return false;
    std::size_t end = 0;
    while (end < unread_.size && !is_end(unread_[end]) && unread_[end] != '#') ++end;
    line_ = unread_.first(end);
    if (end < unread_.size && unread_[end] == '#') end += unread_.from(end).find('\n');
    line_and_comment_ = unread_.first(end);
    unread_ = unread_.from(end < unread_.size ? end + 1 : end);
    ++number_;
    return true;
}

Text LineWords::next() {
    const Text word = next_word(unread_);
    if (!word.is_empty()) previous_ = word;
    return word;
}

bool LineWords::require(const char* what, Text& word) {
    const Text before = previous_;
    word = next();
    if (!word.is_empty()) return true;
    return complain().say("missing ").say(what).say(" after ").quote(before).is(false);
}

bool LineWords::nothing_more() const {
    Text rest = unread_;
    const Text word = next_word(rest);
    if (word.is_empty()) return true;
    return complain().say("unexpected ").quote(word).say(" after ").quote(previous_).is(false);
}

std::optional<unsigned> LineWords::read_letters(const char* what, Text word, NameOf* name_of,
                                                unsigned count) const {
    unsigned values = 0;
    for (std::size_t i = 0; i < word.size; ++i) {
        const std::optional<unsigned> value = find_name(name_of, word.from(i).first(1));
        if (!value || *value >= count) {
            complain()
                .say("unknown ")
                .say(what)
                .say(" ")
                .quote(word)
                .say_choices(name_of, count)
                .is(0);
            return std::nullopt;
        }
        if (values >> *value & 1) {
            complain().say(what).say(" ").quote(word).say(" repeats a letter").is(0);
            return std::nullopt;
        }
        values |= 1U << *value;
    }
    return values;
}

}  // namespace asi
