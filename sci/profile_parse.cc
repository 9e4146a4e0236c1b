// SPDX-License-Identifier: GPL-2.0-only
// Reads a profile's text and tells a sink what it says; profile.h has the grammar.
#include <asi/engine.h>

#include "../asi/text/lines.h"
#include "profile.h"
#include "profile_bits.h"

namespace sci {

namespace {

using asi::Complaint;
using asi::copy_text;
using asi::find_name;
using asi::Lines;
using asi::LineWords;
using asi::read_number;
using asi::Report;
using asi::Text;

constexpr bool has_nul(Text text) {
    return text.find('\0') != text.size;
}

constexpr bool is_lower_hex(Text word) {
    for (std::size_t i = 0; i < word.size; ++i) {
        const char c = word[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    }
    return true;
}

class Parser {
  public:
    Parser(Text text, const sci_profile_sink& sink, const Report& report)
        : lines_(text, Lines::End::kNewline), words_({}, 1, report), sink_(sink), report_(report) {}

    int parse() {
        while (lines_.next()) {
            words_ = LineWords(lines_.line(), lines_.number(), report_);
            if (has_nul(lines_.line_and_comment()))
                return complain().say("a NUL byte").is(-kEinval);
            const Text word = words_.next();
            if (word.is_empty()) continue;
            if (const int result = parse_line(word)) return result;
        }
        if (!has_header_)
            return complain().say("missing '").say(SCI_PROFILE_HEADER).say("'").is(-kEinval);
        if (!has_end_) return complain().say("missing 'end'").is(-kEinval);
        return 0;
    }

  private:
    /// About the line that was read last; about the first when there is none.
    [[nodiscard]] Complaint complain() const { return words_.complain(); }

    int parse_line(Text word) {
        if (!has_header_) return parse_header(word);
        if (has_end_) return complain().quote(word).say(" after 'end'").is(-kEinval);
        if (word == Text("build-id")) return parse_build_id();
        if (word == Text("name")) return parse_name();
        if (word == Text("call")) return parse_call();
        if (word == Text("end")) return parse_end();
        return complain().say("unknown word ").quote(word).is(-kEinval);
    }

    [[nodiscard]] int nothing_more() const { return words_.nothing_more() ? 0 : -kEinval; }

    int parse_header(Text first) {
        if (!(first == Text(SCI_PROFILE_HEADER)))
            return complain()
                .quote(first)
                .say(" where '")
                .say(SCI_PROFILE_HEADER)
                .say("' should be")
                .is(-kEinval);
        Text version;
        if (!words_.require("version", version)) return -kEinval;
        if (!(version == Text(kVersion)))
            return complain()
                .say("unknown version ")
                .quote(version)
                .say(" (this knows ")
                .say(kVersion)
                .say(")")
                .is(-kEinval);
        has_header_ = true;
        return nothing_more();
    }

    int check_once(bool& is_said, const char* what) const {
        if (has_call_) return complain().say(what).say(" after the first call").is(-kEinval);
        if (is_said) return complain().say("a second ").say(what).is(-kEinval);
        is_said = true;
        return 0;
    }

    int parse_build_id() {
        if (const int result = check_once(has_build_id_, "build-id")) return result;
        Text word;
        if (!words_.require("build id", word)) return -kEinval;
        char id[SCI_BUILD_ID_LEN];
        if (word.size != sizeof(id) - 1 || !is_lower_hex(word) || !copy_text(word, id))
            return complain()
                .say("build id ")
                .quote(word)
                .say(" is not 40 lower-case hexadecimal digits")
                .is(-kEinval);
        if (const int result = nothing_more()) return result;
        if (!sink_.build_id) return 0;
        const char* why = nullptr;
        const int result = sink_.build_id(sink_.ctx, id, &why);
        return result == 0 ? 0 : refused_by_sink("build id ", word, why, result);
    }

    int parse_name() {
        if (const int result = check_once(has_name_, "name")) return result;
        Text word;
        if (!words_.require("name", word)) return -kEinval;
        char name[SCI_PROFILE_NAME_LEN];
        if (!copy_text(word, name) || !sci_profile_name_ok(name))
            return complain()
                .quote(word)
                .say(" is no name (1 to ")
                .number(SCI_PROFILE_NAME_LEN - 1)
                .say(" of A-Z a-z 0-9 _ . -)")
                .is(-kEinval);
        if (const int result = nothing_more()) return result;
        if (!sink_.name) return 0;
        const char* why = nullptr;
        const int result = sink_.name(sink_.ctx, name, &why);
        return result == 0 ? 0 : refused_by_sink("name ", word, why, result);
    }

    /// What every profile says before its calls and its end.
    int check_said() const {
        if (!has_build_id_)
            return complain()
                .say("missing 'build-id' before ")
                .quote(words_.previous())
                .is(-kEinval);
        if (!has_name_)
            return complain().say("missing 'name' before ").quote(words_.previous()).is(-kEinval);
        return 0;
    }

    int parse_call() {
        if (const int result = check_said()) return result;
        has_call_ = true;
        Text word;
        if (!words_.require("number", word)) return -kEinval;
        const auto call = read_number(word, 10, SCI_MAX_CALLS - 1);
        if (!call) return complain().quote(word).say(" is no number of a call").is(-kEinval);
        if (*call >= SCI_MAX_CALLS)
            return complain()
                .say("call ")
                .quote(word)
                .say(" is above ")
                .number(SCI_MAX_CALLS - 1)
                .is(-kEinval);
        if (!words_.require("'text' or 'data'", word)) return -kEinval;
        if (word == Text("text")) return parse_text(*call);
        if (word == Text("data")) return parse_data(*call);
        return complain().quote(word).say(" is neither 'text' nor 'data'").is(-kEinval);
    }

    int parse_text(unsigned call) {
        Text word;
        if (!words_.require("page", word)) return -kEinval;
        for (; !word.is_empty(); word = words_.next()) {
            const std::size_t dash = word.find('-');
            asi_u32 first = 0, last = 0;
            if (const int result = parse_page(word.first(dash), word, first)) return result;
            last = first;
            if (dash < word.size)
                if (const int result = parse_page(word.from(dash + 1), word, last)) return result;
            if (first > last)
                return complain().say("range ").quote(word).say(" is upside down").is(-kEinval);
            if (!sink_.text) continue;
            const char* why = nullptr;
            if (const int result = sink_.text(sink_.ctx, call, first, last, &why))
                return refused_by_sink("text ", word, why, result);
        }
        return 0;
    }

    /// @word: for the message.
    int parse_page(Text text, Text word, asi_u32& page) const {
        const bool is_prefixed = text.size > 2 && text[0] == '0' && text[1] == 'x';
        const auto number =
            is_prefixed ? read_number(text.from(2), 16, SCI_MAX_TEXT_PAGES - 1) : std::nullopt;
        if (!number)
            return complain()
                .quote(word)
                .say(" is no page or range such as 0x12-0x2f")
                .is(-kEinval);
        page = *number;
        if (page >= SCI_MAX_TEXT_PAGES)
            return complain()
                .say("page in ")
                .quote(word)
                .say(" is above ")
                .hex(SCI_MAX_TEXT_PAGES - 1)
                .is(-kEinval);
        return 0;
    }

    int parse_data(unsigned call) {
        Text name, letters;
        if (!words_.require("kind", name)) return -kEinval;
        const auto kind = find_name(asi_kind_name, name);
        if (!kind) return complain().say("unknown kind ").quote(name).is(-kEinval);
        if (!words_.require("access", letters)) return -kEinval;
        const auto said = words_.read_letters("access", letters, asi_access_name, kDataAccesses);
        if (!said) return -kEinval;
        if (const int result = nothing_more()) return result;
        for (unsigned access = 0; sink_.data && access < kDataAccesses; ++access) {
            if (!(*said >> access & 1)) continue;
            const char* why = nullptr;
            if (const int result = sink_.data(sink_.ctx, call, *kind, access, &why))
                return refused_by_sink("data ", name, why, result);
        }
        return 0;
    }

    int parse_end() {
        if (const int result = check_said()) return result;
        has_end_ = true;
        return nothing_more();
    }

    int refused_by_sink(const char* what, Text word, const char* why, int result) const {
        if (why) return complain().say(what).quote(word).say(": ").say(why).is(result);
        return complain().say(what).quote(word).say(" is refused").is(result);
    }

    Lines lines_;
    LineWords words_;  ///< of the line that was read last
    const sci_profile_sink& sink_;
    Report report_;
    bool has_header_ = false;
    bool has_build_id_ = false;
    bool has_name_ = false;
    bool has_call_ = false;
    bool has_end_ = false;
};

}  // namespace

}  // namespace sci

using namespace sci;

int sci_profile_parse(const char* text, asi_size len, const sci_profile_sink* sink,
                      sci_profile_error* err) {
    const Report report(err);
    report.clear();
    return Parser(Text(text, len), *sink, report).parse();
}
