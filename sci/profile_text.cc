// SPDX-License-Identifier: GPL-2.0-only
// A profile as text; profile.h has the grammar.
#include <asi/engine.h>

#include "../asi/engine/complaint.h"
#include "../asi/engine/text.h"
#include "../asi/engine/words.h"
#include "profile.h"
#include "profile_bits.h"

namespace sci {

namespace {

using asi::next_word;
using asi::Text;
using asi::Writer;

constexpr const char* kHeader = "asi-sci-profile";
constexpr const char* kVersion = "1";
constexpr unsigned kRangesPerLine = 8;  ///< of text that is written

constexpr bool is_lower_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

using Complaint = asi::Complaint<sci_profile_error>;

/// False when @word is not a number of @base digits; one above @most is @most + 1.
bool read_number(Text word, unsigned base, asi_u32 most, asi_u32& number) {
    if (word.is_empty()) return false;
    number = 0;
    for (std::size_t i = 0; i < word.size; ++i) {
        const char c = word[i];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = static_cast<unsigned>(c - '0');
        } else if (base == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = static_cast<unsigned>((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        // @most is far from where this would wrap.
        if (number <= most) number = number * base + digit;
    }
    if (number > most) number = most + 1;
    return true;
}

class Parser {
  public:
    Parser(Text text, const sci_profile_sink& sink, sci_profile_error* error)
        : unread_(text), sink_(sink), error_(error) {}

    int parse() {
        while (next_line()) {
            if (has_nul_) return complain().say("a NUL byte").is(-kEinval);
            const Text word = next_word(line_);
            if (word.is_empty()) continue;
            previous_ = word;
            if (const int result = parse_line(word)) return result;
        }
        if (!has_header_) return complain().say("missing '").say(kHeader).say("'").is(-kEinval);
        if (!has_end_) return complain().say("missing 'end'").is(-kEinval);
        return 0;
    }

  private:
    [[nodiscard]] Complaint complain() const { return {error_, number_ ? number_ : 1}; }

    /// Puts the next one, without its comment, into line_.
    bool next_line() {
        // What follows the last newline is a line only if there is something.
        if (unread_.is_empty()) return false;
        const std::size_t end = unread_.find('\n');
        line_ = unread_.first(end);
        unread_ = unread_.from(end < unread_.size ? end + 1 : end);
        ++number_;
        has_nul_ = line_.find('\0') != line_.size;
        line_ = line_.first(line_.find('#'));
        return true;
    }

    int parse_line(Text word) {
        if (!has_header_) return parse_header(word);
        if (has_end_) return complain().quote(word).say(" after 'end'").is(-kEinval);
        if (word == Text("build-id")) return parse_build_id();
        if (word == Text("name")) return parse_name();
        if (word == Text("call")) return parse_call();
        if (word == Text("end")) return parse_end();
        return complain().say("unknown word ").quote(word).is(-kEinval);
    }

    /// The next word, which is a @what.
    int require(const char* what, Text& word) {
        word = next_word(line_);
        if (word.is_empty())
            return complain()
                .say("missing ")
                .say(what)
                .say(" after ")
                .quote(previous_)
                .is(-kEinval);
        previous_ = word;
        return 0;
    }

    int nothing_more() {
        const Text word = next_word(line_);
        if (word.is_empty()) return 0;
        return complain()
            .say("unexpected ")
            .quote(word)
            .say(" after ")
            .quote(previous_)
            .is(-kEinval);
    }

    int parse_header(Text first) {
        if (!(first == Text(kHeader)))
            return complain()
                .quote(first)
                .say(" where '")
                .say(kHeader)
                .say("' should be")
                .is(-kEinval);
        Text version;
        if (const int result = require("version", version)) return result;
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
        if (const int result = require("build id", word)) return result;
        char id[SCI_BUILD_ID_LEN];
        bool is_good = word.size == sizeof(id) - 1;
        for (std::size_t i = 0; is_good && i < word.size; ++i) {
            is_good = is_lower_hex(word[i]);
            id[i] = word[i];
        }
        if (!is_good)
            return complain()
                .say("build id ")
                .quote(word)
                .say(" is not 40 lower-case hexadecimal digits")
                .is(-kEinval);
        id[sizeof(id) - 1] = '\0';
        if (const int result = nothing_more()) return result;
        if (!sink_.build_id) return 0;
        const char* why = nullptr;
        const int result = sink_.build_id(sink_.ctx, id, &why);
        return result == 0 ? 0 : refused_by_sink("build id ", word, why, result);
    }

    int parse_name() {
        if (const int result = check_once(has_name_, "name")) return result;
        Text word;
        if (const int result = require("name", word)) return result;
        char name[SCI_PROFILE_NAME_LEN];
        std::size_t size = 0;
        for (; size < word.size && size + 1 < sizeof(name); ++size) name[size] = word[size];
        name[size] = '\0';
        if (size != word.size || !sci_profile_name_ok(name))
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
            return complain().say("missing 'build-id' before ").quote(previous_).is(-kEinval);
        if (!has_name_)
            return complain().say("missing 'name' before ").quote(previous_).is(-kEinval);
        return 0;
    }

    int parse_call() {
        if (const int result = check_said()) return result;
        has_call_ = true;
        Text word;
        if (const int result = require("number", word)) return result;
        asi_u32 call;
        if (!read_number(word, 10, SCI_MAX_CALLS - 1, call))
            return complain().quote(word).say(" is no number of a call").is(-kEinval);
        if (call >= SCI_MAX_CALLS)
            return complain()
                .say("call ")
                .quote(word)
                .say(" is above ")
                .number(SCI_MAX_CALLS - 1)
                .is(-kEinval);
        if (const int result = require("'text' or 'data'", word)) return result;
        if (word == Text("text")) return parse_text(call);
        if (word == Text("data")) return parse_data(call);
        return complain().quote(word).say(" is neither 'text' nor 'data'").is(-kEinval);
    }

    int parse_text(unsigned call) {
        Text word;
        if (const int result = require("page", word)) return result;
        for (; !word.is_empty(); word = next_word(line_)) {
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
        if (!is_prefixed || !read_number(text.from(2), 16, SCI_MAX_TEXT_PAGES - 1, page))
            return complain()
                .quote(word)
                .say(" is no page or range such as 0x12-0x2f")
                .is(-kEinval);
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
        if (const int result = require("kind", name)) return result;
        unsigned kind = 0;
        while (kind < ASI_NR_KINDS && !(Text(asi_kind_name(kind)) == name)) ++kind;
        if (kind == ASI_NR_KINDS) return complain().say("unknown kind ").quote(name).is(-kEinval);
        if (const int result = require("access", letters)) return result;
        bool is_said[ASI_NR_ACCESSES] = {};
        for (std::size_t i = 0; i < letters.size; ++i) {
            const char c = letters[i];
            if (c != 'r' && c != 'w')
                return complain()
                    .say("unknown access ")
                    .quote(letters)
                    .say(" (use r, w)")
                    .is(-kEinval);
            bool& said = is_said[c == 'r' ? ASI_ACCESS_READ : ASI_ACCESS_WRITE];
            if (said)
                return complain()
                    .say("access ")
                    .quote(letters)
                    .say(" repeats a letter")
                    .is(-kEinval);
            said = true;
        }
        if (const int result = nothing_more()) return result;
        for (unsigned access = 0; sink_.data && access < ASI_NR_ACCESSES; ++access) {
            if (!is_said[access]) continue;
            const char* why = nullptr;
            if (const int result = sink_.data(sink_.ctx, call, kind, access, &why))
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

    Text unread_;
    Text line_;
    Text previous_;  ///< last word read, for messages
    const sci_profile_sink& sink_;
    sci_profile_error* error_;
    asi_u32 number_ = 0;
    bool has_nul_ = false;
    bool has_header_ = false;
    bool has_build_id_ = false;
    bool has_name_ = false;
    bool has_call_ = false;
    bool has_end_ = false;
};

/// Fills a profile.
struct Loader {
    sci_profile_data& p;
    const sci_profile_storage& storage;

    static Loader& of(void* ctx) { return *static_cast<Loader*>(ctx); }

    static int name(void* ctx, const char* name, const char**) {
        copy(of(ctx).p.name, name);
        return 0;
    }
    static int build_id(void* ctx, const char* id, const char**) {
        copy(of(ctx).p.build_id, id);
        return 0;
    }
    static int check_text(void* ctx, unsigned, asi_u32, asi_u32 last, const char** why) {
        if (last < pages_of(of(ctx).p)) return 0;
        *why = "the kernel has no such page";
        return -kE2big;
    }
    static int text(void* ctx, unsigned call, asi_u32 first, asi_u32 last, const char** why) {
        sci_profile_data& p = of(ctx).p;
        if (!find_or_get(p, call, of(ctx).storage)) return no_memory(why);
        for (asi_u32 page = first; page <= last; ++page) sci_profile_record_text(&p, call, page);
        return 0;
    }
    static int data(void* ctx, unsigned call, unsigned kind, unsigned access, const char** why) {
        if (!find_or_get(of(ctx).p, call, of(ctx).storage)) return no_memory(why);
        sci_profile_record_data(&of(ctx).p, call, kind, access);
        return 0;
    }

    static int no_memory(const char** why) {
        *why = "out of memory";
        return -kEnomem;
    }
    /// @from fits: the parser has checked it.
    static void copy(char* to, const char* from) {
        while ((*to++ = *from++) != '\0') {
        }
    }
};

/// @text with its NUL, which may be missing from an array that is full.
template <unsigned kSize>
Text text_of(const char (&array)[kSize]) {
    return Text(array, kSize).first(Text(array, kSize).find('\0'));
}

/// Walks the pages of one record as ranges.
class Ranges {
  public:
    Ranges(const sci_profile_data& p, const sci_call_record& record) : p_(p), record_(record) {}

    bool next(asi_u32& first, asi_u32& last) {
        while (at_ < pages_of(p_) && !is_set()) at_ = word_ == 0 ? (at_ / 64 + 1) * 64 : at_ + 1;
        if (at_ >= pages_of(p_)) return false;
        first = at_;
        while (at_ < pages_of(p_) && is_set()) ++at_;
        last = at_ - 1;
        return true;
    }

  private:
    /// Reads each word once: others may be recording.
    bool is_set() {
        if (loaded_ != at_ / 64 + 1) {
            loaded_ = at_ / 64 + 1;
            word_ = text_word(p_, record_, at_ / 64);
        }
        return word_ >> at_ % 64 & 1;
    }

    const sci_profile_data& p_;
    const sci_call_record& record_;
    asi_u32 at_ = 0;
    asi_u32 loaded_ = 0;  ///< 1 + index of word_
    asi_u64 word_ = 0;
};

void format_text(Writer& out, const sci_profile_data& p, unsigned call,
                 const sci_call_record& record) {
    unsigned count = 0;
    asi_u32 first, last;
    for (Ranges ranges(p, record); ranges.next(first, last); ++count) {
        if (count % kRangesPerLine == 0) {
            if (count != 0) out.put('\n');
            out.put("call ").put_number(call).put(" text");
        }
        out.put(' ').put_hex(first);
        if (last != first) out.put('-').put_hex(last);
    }
    if (count != 0) out.put('\n');
}

void format_data(Writer& out, unsigned call, const sci_call_record& record) {
    const asi_u32 reads = read(record.data[ASI_ACCESS_READ]);
    const asi_u32 writes = read(record.data[ASI_ACCESS_WRITE]);
    for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind) {
        const bool is_read = reads >> kind & 1, is_written = writes >> kind & 1;
        if (!is_read && !is_written) continue;
        out.put("call ").put_number(call).put(" data ").put(asi_kind_name(kind)).put(' ');
        if (is_read) out.put('r');
        if (is_written) out.put('w');
        out.put('\n');
    }
}

}  // namespace

}  // namespace sci

using namespace sci;

int sci_profile_parse(const char* text, asi_size len, const sci_profile_sink* sink,
                      sci_profile_error* err) {
    if (err) {
        err->line = 0;
        err->message[0] = '\0';
    }
    return Parser(Text(text, len), *sink, err).parse();
}

int sci_profile_load(sci_profile_data* p, const char* text, asi_size len,
                     const sci_profile_storage* storage, sci_profile_error* err) {
    Loader loader{*p, *storage};
    sci_profile_sink check = {};
    check.text = Loader::check_text;
    check.ctx = &loader;
    if (const int result = sci_profile_parse(text, len, &check, err)) return result;
    const sci_profile_sink load = {Loader::name, Loader::build_id, Loader::text, Loader::data,
                                   &loader};
    return sci_profile_parse(text, len, &load, err);
}

asi_size sci_profile_format(const sci_profile_data* p, char* buf, asi_size len) {
    Writer out(buf, len);
    out.put(kHeader).put(' ').put(kVersion);
    out.put("\nbuild-id ").put(text_of(p->build_id));
    out.put("\nname ").put(text_of(p->name)).put('\n');
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call) {
        const sci_call_record* record = record_of(*p, call);
        if (!record) continue;
        format_text(out, *p, call, *record);
        format_data(out, call, *record);
    }
    out.put("end\n");
    return out.finish();
}
