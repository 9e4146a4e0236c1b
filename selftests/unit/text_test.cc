// SPDX-License-Identifier: GPL-2.0-only
// Lines, words and complaints, by themselves.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "asi/text/complaint.h"
#include "asi/text/errno.h"
#include "asi/text/lines.h"
#include "asi/text/writer.h"

namespace {

using asi::Lines;
using asi::LineWords;
using asi::Report;
using asi::Text;

std::string string_of(Text text) {
    return {text.data, text.size};
}

Text text_of(const std::string& string) {
    return {string.data(), string.size()};
}

struct Error {
    unsigned line = 77;
    char message[60] = "of before";
};

const char* colour_name(unsigned value) {
    constexpr const char* kNames[] = {"r", "g", "b"};
    return value < std::size(kNames) ? kNames[value] : nullptr;
}

TEST(Text, finds_cuts_and_compares) {
    const Text text("key=value");
    EXPECT_EQ(text.size, 9u);
    EXPECT_EQ(text.find('='), 3u);
    EXPECT_EQ(text.find('#'), 9u);
    EXPECT_EQ(string_of(text.first(3)), "key");
    EXPECT_EQ(string_of(text.from(4)), "value");
    EXPECT_TRUE(text.from(9).is_empty());
    EXPECT_TRUE(text.first(3) == Text("key"));
    EXPECT_FALSE(text.first(3) == Text("kez"));
    EXPECT_FALSE(text.first(3) == Text("keys"));
    EXPECT_TRUE(Text() == Text(""));
}

TEST(Text, array_ends_at_its_nul_or_when_it_is_full) {
    const char padded[6] = {'a', 'b', '\0', 'c', '\0', '\0'};
    const char full[2] = {'a', 'b'};
    EXPECT_EQ(string_of(asi::text_in(padded)), "ab");
    EXPECT_EQ(string_of(asi::text_in(full)), "ab");
}

TEST(Text, copy_fits_with_its_nul_or_changes_nothing) {
    char array[4] = {'x', 'x', 'x', 'x'};
    EXPECT_FALSE(asi::copy_text(Text("four"), array));
    EXPECT_EQ(std::string(array, 4), "xxxx");
    EXPECT_TRUE(asi::copy_text(Text("abc"), array));
    EXPECT_STREQ(array, "abc");
    EXPECT_TRUE(asi::copy_text(Text(), array));
    EXPECT_STREQ(array, "");
}

TEST(Writer, writes_what_fits_and_counts_the_rest) {
    for (std::size_t capacity = 0; capacity < 20; ++capacity) {
        std::string buffer(20, '~');
        asi::Writer out(buffer.data(), capacity);
        out.put("ab").put(' ').put(Text("cdefg", 3)).put_number(1020).put_hex(0x10);
        EXPECT_EQ(out.finish(), 14u);
        const std::string all = "ab cde10200x10";
        if (capacity > 0) {
            EXPECT_STREQ(buffer.c_str(), all.substr(0, capacity - 1).c_str()) << capacity;
        }
        EXPECT_EQ(buffer.substr(capacity), std::string(20 - capacity, '~')) << capacity;
    }
}

TEST(Writer, numbers_of_any_size) {
    char buffer[64];
    asi::Writer out(buffer, sizeof(buffer));
    out.put_number(0).put(' ').put_number(~0U).put(' ').put_hex(0).put(' ').put_hex(~0U);
    out.finish();
    EXPECT_STREQ(buffer, "0 4294967295 0x0 0xffffffff");
}

TEST(Words, are_separated_by_blanks_and_tabs) {
    Text line(" \tone  two\r");
    EXPECT_EQ(string_of(asi::next_word(line)), "one");
    EXPECT_EQ(string_of(asi::next_word(line)), "two");
    EXPECT_TRUE(asi::next_word(line).is_empty());
    EXPECT_TRUE(asi::next_word(line).is_empty());
}

TEST(Words, name_is_found_whole_or_not_at_all) {
    EXPECT_EQ(asi::find_name(colour_name, Text("b")), 2u);
    EXPECT_EQ(asi::find_name(colour_name, Text("bb")), std::nullopt);
    EXPECT_EQ(asi::find_name(colour_name, Text()), std::nullopt);
}

TEST(Words, number_is_read_whole_or_not_at_all) {
    const auto decimal = [](const char* word) { return asi::read_number(Text(word), 10, 511); };
    const auto hex = [](const char* word) { return asi::read_number(Text(word), 16, 0x1fff); };
    EXPECT_EQ(decimal("0"), 0u);
    EXPECT_EQ(decimal("0511"), 511u);
    for (const char* word : {"512", "513", "5110", "4294967296", "99999999999999999999"})
        EXPECT_EQ(decimal(word), 512u) << word;
    for (const char* word : {"", "-1", "+1", "1a", "a", " 1", "1 ", "0x1", "99999999999999999999x"})
        EXPECT_EQ(decimal(word), std::nullopt) << word;
    EXPECT_EQ(hex("1fF"), 0x1ffu);
    EXPECT_EQ(hex("aBcD"), 0x2000u);
    for (const char* word : {"", "g", "@", "`", "G", "\xc1"})
        EXPECT_EQ(hex(word), std::nullopt) << word;
}

TEST(Complaint, goes_where_the_caller_wants_it) {
    Error error;
    const Report report(&error);
    EXPECT_EQ(asi::Complaint(report, 3)
                  .say("page ")
                  .hex(0x2f)
                  .say(" of ")
                  .quote(Text("a\nb c"))
                  .say(" is above ")
                  .number(12)
                  .say_choices(colour_name, 2)
                  .is(-5),
              -5);
    EXPECT_EQ(error.line, 3u);
    EXPECT_STREQ(error.message, "page 0x2f of 'a?b c' is above 12 (use r, g)");
    report.clear();
    EXPECT_EQ(error.line, 0u);
    EXPECT_STREQ(error.message, "");
}

TEST(Complaint, is_made_for_nobody_too) {
    const Report report(static_cast<Error*>(nullptr));
    report.clear();
    EXPECT_EQ(asi::Complaint(report, 3).say("page ").quote(Text("x")).is(-5), -5);
}

TEST(Complaint, quotes_forty_characters_and_fits) {
    Error error;
    const std::string word(200, 'w');
    asi::Complaint(Report(&error), 1).quote(text_of(word)).is(0);
    EXPECT_EQ(error.message, "'" + word.substr(0, 40) + "...'");
    asi::Complaint(Report(&error), 1).quote(text_of(word)).quote(text_of(word)).is(0);
    EXPECT_EQ(std::string(error.message).size(), sizeof(error.message) - 1);
}

/// "NUMBER:LINE|COMMENT" for each line.
std::vector<std::string> cut(const std::string& text, Lines::End end) {
    std::vector<std::string> lines;
    for (Lines cursor(text_of(text), end); cursor.next();) {
        const std::string whole = string_of(cursor.line_and_comment());
        const std::string line = string_of(cursor.line());
        EXPECT_TRUE(whole.starts_with(line));
        lines.push_back(std::to_string(cursor.number()) + ":" + line + "|" +
                        whole.substr(line.size()));
    }
    return lines;
}

using Strings = std::vector<std::string>;

TEST(Lines, end_at_a_newline) {
    constexpr auto kEnd = Lines::End::kNewline;
    EXPECT_EQ(cut("", kEnd), Strings());
    EXPECT_EQ(cut("a", kEnd), Strings{"1:a|"});
    EXPECT_EQ(cut("a\n", kEnd), Strings{"1:a|"});
    EXPECT_EQ(cut("\n\n", kEnd), (Strings{"1:|", "2:|"}));
    EXPECT_EQ(cut("a;b\nc", kEnd), (Strings{"1:a;b|", "2:c|"}));
    EXPECT_EQ(cut("a #b#c\n#d\ne", kEnd), (Strings{"1:a |#b#c", "2:|#d", "3:e|"}));
}

TEST(Lines, end_at_a_semicolon_that_is_not_in_a_comment) {
    constexpr auto kEnd = Lines::End::kNewlineOrSemicolon;
    EXPECT_EQ(cut("a;b\nc;", kEnd), (Strings{"1:a|", "2:b|", "3:c|"}));
    EXPECT_EQ(cut("a#b;c\nd", kEnd), (Strings{"1:a|#b;c", "2:d|"}));
    EXPECT_EQ(cut(";;", kEnd), (Strings{"1:|", "2:|"}));
}

TEST(Lines, hold_any_byte) {
    const std::string text("a\0b#\0\nc", 7);
    EXPECT_EQ(cut(text, Lines::End::kNewline),
              (Strings{std::string("1:a\0b|#\0", 8), std::string("2:c|")}));
}

class LineWordsTest : public testing::Test {
  protected:
    LineWords words(const char* line) { return {Text(line), 4, Report(&error_)}; }

    void expect_complaint(const char* message) const {
        EXPECT_STREQ(error_.message, message);
        EXPECT_EQ(error_.line, 4u);
    }

    Error error_;
};

TEST_F(LineWordsTest, required_word_is_given_or_missed_by_its_name) {
    LineWords line = words("kvm slab");
    Text word;
    EXPECT_TRUE(line.previous().is_empty());
    EXPECT_EQ(string_of(line.next()), "kvm");
    EXPECT_TRUE(line.require("kind", word));
    EXPECT_EQ(string_of(word), "slab");
    EXPECT_FALSE(line.require("access", word));
    expect_complaint("missing access after 'slab'");
    EXPECT_EQ(string_of(line.previous()), "slab");
}

TEST_F(LineWordsTest, word_too_many_is_named) {
    LineWords line = words("end now");
    line.next();
    EXPECT_FALSE(line.nothing_more());
    expect_complaint("unexpected 'now' after 'end'");
    EXPECT_EQ(string_of(line.next()), "now");
    EXPECT_TRUE(line.nothing_more());
}

TEST_F(LineWordsTest, letters_are_a_set_of_names) {
    const LineWords line = words("");
    const auto read = [&](const char* word, unsigned count) {
        return line.read_letters("colour", Text(word), colour_name, count);
    };
    EXPECT_EQ(read("br", 3), 5u);
    EXPECT_EQ(read("g", 2), 2u);
    EXPECT_EQ(read("", 3), 0u);
    EXPECT_EQ(read("rb", 2), std::nullopt);
    expect_complaint("unknown colour 'rb' (use r, g)");
    EXPECT_EQ(read("rxr", 3), std::nullopt);
    expect_complaint("unknown colour 'rxr' (use r, g, b)");
    EXPECT_EQ(read("grg", 3), std::nullopt);
    expect_complaint("colour 'grg' repeats a letter");
}

TEST(Errno, numbers_are_those_of_the_abi) {
    EXPECT_EQ(asi::kEnoent, ENOENT);
    EXPECT_EQ(asi::kE2big, E2BIG);
    EXPECT_EQ(asi::kEnomem, ENOMEM);
    EXPECT_EQ(asi::kEexist, EEXIST);
    EXPECT_EQ(asi::kEinval, EINVAL);
    EXPECT_EQ(asi::kEstale, ESTALE);
}

}  // namespace
