// SPDX-License-Identifier: GPL-2.0-only
// Profiles of system calls: the text that is read, and what is said of a wrong one.
#include <asi/engine.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "random.h"
#include "sci_profile_fixture.h"

namespace {

using sim::kHead;
using sim::kId;
using sim::Profile;

void expect_refused(const std::string& text, const std::string& message, unsigned line,
                    int result = -EINVAL, asi_u32 text_pages = SCI_MAX_TEXT_PAGES) {
    Profile profile(text_pages);
    sci_profile_error error;
    std::memset(&error, 0xff, sizeof(error));
    EXPECT_EQ(profile.load(text, &error), result) << text;
    EXPECT_EQ(error.message, message) << text;
    EXPECT_EQ(error.line, line) << text;
    EXPECT_STREQ(profile->name, "") << "nothing was changed";
    EXPECT_STREQ(profile->build_id, "");
    EXPECT_EQ(sci_profile_call_count(profile), 0u);
    EXPECT_EQ(profile.load(text), result) << "without an error struct";
}

void expect_call_refused(const std::string& line, const std::string& message) {
    expect_refused(kHead + "call 0 data data r\n" + line + "\nend\n", message, 5);
}

TEST(SciProfile, reads_what_the_grammar_allows) {
    Profile p;
    sci_profile_error error;
    ASSERT_EQ(p.load("# learned on Monday\r\n\n asi-sci-profile\t1  # header\n"
                     "name a.b_C-9\nbuild-id " +
                         kId +
                         "\n"
                         "call 0 text 0x0 0x12 0x14-0x1F\n"
                         "\tcall 0 data slab rw\ncall 511 data own_stack wr\n"
                         "call 0 text 0x13 0x14 0x1fff\ncall 1 data data w # stores\n"
                         "end\n\n# bye \xc3\xbc\n   ",
                     &error),
              0)
        << error.line << ": " << error.message;
    EXPECT_EQ(error.line, 0u);
    EXPECT_STREQ(error.message, "");
    EXPECT_STREQ(p->name, "a.b_C-9");
    EXPECT_EQ(p->build_id, kId);
    EXPECT_EQ(sci_profile_call_count(p), 3u);
    EXPECT_EQ(sci_profile_call_text_count(p, 0), 16u);
    EXPECT_EQ(sci_profile_text_count(p), 16u);
    for (const asi_u32 page : {0x0u, 0x12u, 0x13u, 0x14u, 0x1fu, 0x1fffu})
        EXPECT_TRUE(sci_profile_has_text(p, 0, page)) << page;
    for (const asi_u32 page : {0x1u, 0x11u, 0x20u, 0x1ffeu, 0x2000u, ~0u})
        EXPECT_FALSE(sci_profile_has_text(p, 0, page)) << page;
    EXPECT_TRUE(sci_profile_has_data(p, 0, ASI_KIND_SLAB, ASI_ACCESS_READ));
    EXPECT_TRUE(sci_profile_has_data(p, 0, ASI_KIND_SLAB, ASI_ACCESS_WRITE));
    EXPECT_FALSE(sci_profile_has_data(p, 0, ASI_KIND_SLAB, ASI_ACCESS_EXEC));
    EXPECT_FALSE(sci_profile_has_data(p, 1, ASI_KIND_DATA, ASI_ACCESS_READ));
    EXPECT_TRUE(sci_profile_has_data(p, 1, ASI_KIND_DATA, ASI_ACCESS_WRITE));
    EXPECT_TRUE(sci_profile_has_data(p, 511, ASI_KIND_OWN_STACK, ASI_ACCESS_READ));
    EXPECT_EQ(p.text(), "asi-sci-profile 1\nbuild-id " + kId +
                            "\nname a.b_C-9\n"
                            "call 0 text 0x0 0x12-0x1f 0x1fff\n"
                            "call 0 data slab rw\n"
                            "call 1 data data w\n"
                            "call 511 data own_stack rw\n"
                            "end\n");
}

TEST(SciProfile, may_be_empty_and_need_no_last_newline) {
    Profile p;
    EXPECT_EQ(p.load(kHead + "end"), 0);
    EXPECT_EQ(sci_profile_call_count(p), 0u);
    EXPECT_EQ(p.text(), kHead + "end\n");
}

TEST(SciProfile, loads_on_top_of_what_is_there) {
    Profile p;
    ASSERT_EQ(p.load(kHead + "call 3 text 0x1\nend"), 0);
    ASSERT_EQ(p.load(kHead + "call 3 text 0x3\ncall 4 data data r\nend"), 0);
    EXPECT_EQ(p.text(), kHead + "call 3 text 0x1 0x3\ncall 4 data data r\nend\n");
}

TEST(SciProfile, what_surrounds_the_calls_is_complete_and_in_order) {
    const std::string id = "build-id " + kId + "\n", header = "asi-sci-profile 1\n";
    expect_refused("", "missing 'asi-sci-profile'", 1);
    expect_refused("\n\n# only a comment\n", "missing 'asi-sci-profile'", 3);
    expect_refused("name web\n", "'name' where 'asi-sci-profile' should be", 1);
    expect_refused("asi-sci-profile\n", "missing version after 'asi-sci-profile'", 1);
    expect_refused("asi-sci-profile 2\n", "unknown version '2' (this knows 1)", 1);
    expect_refused("asi-sci-profile 01\n", "unknown version '01' (this knows 1)", 1);
    expect_refused("asi-sci-profile 1 1\n", "unexpected '1' after '1'", 1);
    expect_refused("asi-sci-profiles 1\n", "'asi-sci-profiles' where 'asi-sci-profile' should be",
                   1);
    expect_refused(kHead + header + "end\n", "unknown word 'asi-sci-profile'", 4);
    expect_refused(kHead + "stop\n", "unknown word 'stop'", 4);
    expect_refused(kHead + "Call 1 text 0x1\n", "unknown word 'Call'", 4);
    expect_refused(kHead, "missing 'end'", 3);
    expect_refused(kHead + "call 1 text 0x1\n\n", "missing 'end'", 5);
    expect_refused(kHead + "end end\n", "unexpected 'end' after 'end'", 4);
    expect_refused(kHead + "end\nend\n", "'end' after 'end'", 5);
    expect_refused(kHead + "end\n" + kHead + "end\n", "'asi-sci-profile' after 'end'", 5);
    expect_refused(header + "name web\nend\n", "missing 'build-id' before 'end'", 3);
    expect_refused(header + id + "end\n", "missing 'name' before 'end'", 3);
    expect_refused(header + "call 1 text 0x1\n", "missing 'build-id' before 'call'", 2);
    expect_refused(header + id + "call 1 text 0x1\n", "missing 'name' before 'call'", 3);
    expect_refused(kHead + "name web\nend\n", "a second name", 4);
    expect_refused(kHead + id + "end\n", "a second build-id", 4);
    expect_refused(kHead + "call 1 text 0x1\nname x\nend\n", "name after the first call", 5);
    expect_refused(kHead + "call 1 text 0x1\n" + id, "build-id after the first call", 5);
}

TEST(SciProfile, names_are_checked) {
    const auto with_name = [](const std::string& name) {
        return "asi-sci-profile 1\nname " + name + "\nbuild-id " + kId + "\nend\n";
    };
    const std::string rule = " is no name (1 to 31 of A-Z a-z 0-9 _ . -)";
    expect_refused(with_name(""), "missing name after 'name'", 2);
    expect_refused(with_name("."), "'.'" + rule, 2);
    expect_refused(with_name(".."), "'..'" + rule, 2);
    expect_refused(with_name("a/b"), "'a/b'" + rule, 2);
    expect_refused(with_name("\xc3\xbc"), "'?\?'" + rule, 2);
    expect_refused(with_name("a b"), "unexpected 'b' after 'a'", 2);
    expect_refused(with_name(std::string(32, 'n')), "'" + std::string(32, 'n') + "'" + rule, 2);
    expect_refused(with_name(std::string(5000, 'n')), "'" + std::string(40, 'n') + "...'" + rule,
                   2);
    for (const std::string& name :
         {std::string(31, 'n'), std::string("..."), std::string("-"), std::string("default")}) {
        Profile p;
        EXPECT_EQ(p.load(with_name(name)), 0) << name;
        EXPECT_EQ(p->name, name);
    }
    EXPECT_FALSE(sci_profile_name_ok(""));
    EXPECT_FALSE(sci_profile_name_ok("a\n"));
    char full[SCI_PROFILE_NAME_LEN];
    std::memset(full, 'x', sizeof(full));
    EXPECT_FALSE(sci_profile_name_ok(full)) << "and no byte behind it is read";
}

TEST(SciProfile, build_ids_are_checked) {
    const auto with_id = [](const std::string& id) {
        return "asi-sci-profile 1\nbuild-id " + id + "\nname x\nend\n";
    };
    const std::string rule = " is not 40 lower-case hexadecimal digits";
    const std::string upper = "A" + kId.substr(1), other = kId.substr(1) + "g";
    expect_refused(with_id(""), "missing build id after 'build-id'", 2);
    expect_refused(with_id(kId + "0"), "build id '" + kId + "...'" + rule, 2);
    expect_refused(with_id(kId.substr(1)), "build id '" + kId.substr(1) + "'" + rule, 2);
    expect_refused(with_id(upper), "build id '" + upper + "'" + rule, 2);
    expect_refused(with_id(other), "build id '" + other + "'" + rule, 2);
    expect_refused(with_id(kId + " x"), "unexpected 'x' after '" + kId + "'", 2);
}

TEST(SciProfile, calls_are_checked) {
    expect_call_refused("call", "missing number after 'call'");
    expect_call_refused("call x", "'x' is no number of a call");
    expect_call_refused("call -1 text 0x1", "'-1' is no number of a call");
    expect_call_refused("call 0x1 text 0x1", "'0x1' is no number of a call");
    expect_call_refused("call 1a text 0x1", "'1a' is no number of a call");
    expect_call_refused("call 512 text 0x1", "call '512' is above 511");
    expect_call_refused("call 4294967296 text 0x1", "call '4294967296' is above 511");
    expect_call_refused("call 18446744073709551616 text 0x1",
                        "call '18446744073709551616' is above 511");
    expect_call_refused("call 1", "missing 'text' or 'data' after '1'");
    expect_call_refused("call 1 texts 0x1", "'texts' is neither 'text' nor 'data'");
}

TEST(SciProfile, pages_are_checked) {
    const std::string rule = " is no page or range such as 0x12-0x2f";
    expect_call_refused("call 1 text", "missing page after 'text'");
    expect_call_refused("call 1 text # 0x1", "missing page after 'text'");
    for (const std::string word : {"12", "x12", "0x", "0x-0x1", "0x1-", "-0x1", "-", "0x1-0x2-0x3",
                                   "0x1-2", "0X1", "0x1g", "0x1,0x2", "0x1--0x2", "0x 1"})
        expect_call_refused("call 1 text 0x5 " + word,
                            "'" + word.substr(0, word.find(' ')) + "'" + rule);
    expect_call_refused("call 1 text 0x2000", "page in '0x2000' is above 0x1fff");
    expect_call_refused("call 1 text 0x1fff 0x0-0x10000", "page in '0x0-0x10000' is above 0x1fff");
    expect_call_refused("call 1 text 0x100000001", "page in '0x100000001' is above 0x1fff");
    expect_call_refused("call 1 text 0x10000000000000001",
                        "page in '0x10000000000000001' is above 0x1fff");
    expect_call_refused("call 1 text 0x3-0x2", "range '0x3-0x2' is upside down");
}

TEST(SciProfile, data_is_checked) {
    expect_call_refused("call 1 data", "missing kind after 'data'");
    expect_call_refused("call 1 data slob r", "unknown kind 'slob'");
    expect_call_refused("call 1 data slab:x r", "unknown kind 'slab:x'");
    expect_call_refused("call 1 data slab", "missing access after 'slab'");
    expect_call_refused("call 1 data slab x", "unknown access 'x' (use r, w)");
    expect_call_refused("call 1 data slab rwx", "unknown access 'rwx' (use r, w)");
    expect_call_refused("call 1 data slab rr", "access 'rr' repeats a letter");
    expect_call_refused("call 1 data slab r w", "unexpected 'w' after 'r'");
}

TEST(SciProfile, a_page_the_kernel_has_not_is_refused) {
    expect_refused(kHead + "call 1 text 0x0-0x63\ncall 1 text 0x64\nend\n",
                   "text '0x64': the kernel has no such page", 5, -E2BIG, 100);
    Profile p(100);
    EXPECT_EQ(p.load(kHead + "call 1 text 0x0-0x63\nend\n"), 0);
    EXPECT_EQ(sci_profile_text_count(p), 100u);
    EXPECT_EQ(sci_profile_text_word(p, 1), (1ull << 36) - 1);
    EXPECT_EQ(sci_profile_text_word(p, 2), 0u);
}

TEST(SciProfile, nul_bytes_are_refused_wherever_they_are) {
    using namespace std::string_literals;
    expect_refused("asi-sci-profile 1\0\n"s, "a NUL byte", 1);
    expect_refused(kHead + "# c\0mment\nend\n"s, "a NUL byte", 4);
    expect_refused(kHead + "\0\nend\n"s, "a NUL byte", 4);
    expect_refused(kHead + "end\n\0"s, "a NUL byte", 5);
    expect_refused(kHead + "call 1 data sl\0b r\nend\n"s, "a NUL byte", 4);
}

TEST(SciProfile, messages_never_overflow_and_never_print_garbage) {
    expect_refused("\x1b[31m\xff", "'?[31m?' where 'asi-sci-profile' should be", 1);
    const std::string longest(100000, 'z');
    expect_refused(kHead + longest, "unknown word '" + std::string(40, 'z') + "...'", 4);
    expect_call_refused(
        "call 1 text 0x" + longest,
        "'0x" + std::string(38, 'z') + "...' is no page or range such as 0x12-0x2f");
}

TEST(SciProfile, long_lines_are_read) {
    std::string line = "call 7 text";
    for (unsigned i = 0; i < 20000; ++i) line += " 0x" + std::string(50, '0') + "1f";
    Profile p;
    ASSERT_EQ(p.load(kHead + line + " 0x20 #" + std::string(100000, '#') + "\nend\n"), 0);
    EXPECT_EQ(p.text(), kHead + "call 7 text 0x1f-0x20\nend\n");
}

TEST(SciProfile, every_mistake_is_found_before_anything_is_changed) {
    // Cut anywhere, only what lost nothing but the last newline is good.
    const std::string whole =
        kHead + "call 1 text 0x1 0x3-0x5\ncall 2 data slab rw\ncall 300 data data r\nend\n";
    for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
        Profile p;
        sci_profile_error error;
        EXPECT_EQ(p.load(whole.substr(0, length), &error), -EINVAL) << length;
        EXPECT_NE(error.line, 0u);
        EXPECT_STREQ(p->name, "");
        EXPECT_EQ(sci_profile_call_count(p), 0u);
    }
}

TEST(SciProfile, no_memory_is_said) {
    Profile p;
    p.limit(1);
    sci_profile_error error;
    EXPECT_EQ(p.load(kHead + "call 1 text 0x1\ncall 2 text 0x1\nend\n", &error), -ENOMEM);
    EXPECT_EQ(error.line, 5u);
    EXPECT_STREQ(error.message, "text '0x1': out of memory");
    Profile q;
    q.limit(0);
    EXPECT_EQ(q.load(kHead + "call 2 data slab r\nend\n", &error), -ENOMEM);
    EXPECT_STREQ(error.message, "data 'slab': out of memory");
}

/// Writes down what it hears, and refuses what it is told to.
struct Listener {
    std::string heard;
    std::string refused;
    const char* why = nullptr;
    int result = -EPERM;

    int hear(const std::string& what, const char** reason) {
        heard += what + ";";
        if (what != refused) return 0;
        if (why) *reason = why;
        return result;
    }
    static Listener& of(void* ctx) { return *static_cast<Listener*>(ctx); }
    sci_profile_sink sink() {
        return {[](void* ctx, const char* name, const char** why) {
                    return of(ctx).hear("name " + std::string(name), why);
                },
                [](void* ctx, const char* id, const char** why) {
                    return of(ctx).hear("id " + std::string(id), why);
                },
                [](void* ctx, unsigned call, asi_u32 first, asi_u32 last, const char** why) {
                    return of(ctx).hear("text " + std::to_string(call) + " " +
                                            std::to_string(first) + " " + std::to_string(last),
                                        why);
                },
                [](void* ctx, unsigned call, unsigned kind, unsigned access, const char** why) {
                    return of(ctx).hear("data " + std::to_string(call) + " " + asi_kind_name(kind) +
                                            asi_access_name(access),
                                        why);
                },
                this};
    }
};

const std::string kStory = kHead + "call 1 text 0x1 0x2-0x3\ncall 2 data slab wr\nend\n";

TEST(SciProfile, a_sink_hears_everything_in_order) {
    Listener listener;
    const sci_profile_sink sink = listener.sink();
    ASSERT_EQ(sci_profile_parse(kStory.data(), kStory.size(), &sink, nullptr), 0);
    EXPECT_EQ(listener.heard,
              "id " + kId + ";name web;text 1 1 1;text 1 2 3;data 2 slabr;data 2 slabw;");
    const sci_profile_sink nobody = {};
    EXPECT_EQ(sci_profile_parse(kStory.data(), kStory.size(), &nobody, nullptr), 0);
}

TEST(SciProfile, a_sink_can_refuse_with_or_without_a_reason) {
    const struct {
        std::string refused, message;
        unsigned line;
    } cases[] = {
        {"id " + kId, "build id '" + kId + "'", 2},
        {"name web", "name 'web'", 3},
        {"text 1 2 3", "text '0x2-0x3'", 4},
        {"data 2 slabr", "data 'slab'", 5},
    };
    for (const auto& c : cases) {
        for (const char* why : {static_cast<const char*>(nullptr), "not this one"}) {
            Listener listener;
            listener.refused = c.refused;
            listener.why = why;
            const sci_profile_sink sink = listener.sink();
            sci_profile_error error;
            EXPECT_EQ(sci_profile_parse(kStory.data(), kStory.size(), &sink, &error), -EPERM);
            EXPECT_EQ(error.message, c.message + (why ? ": not this one" : " is refused"));
            EXPECT_EQ(error.line, c.line);
            EXPECT_TRUE(listener.heard.ends_with(c.refused + ";")) << "and nothing after it";
        }
    }
}

TEST(SciProfile, a_byte_changed_anywhere_is_refused_or_read_back) {
    const std::string whole =
        kHead + "call 1 text 0x1 0x3-0x5\ncall 2 data slab rw\ncall 300 data data r\nend\n";
    sim::Random random(7);
    for (unsigned i = 0; i < 20000; ++i) {
        std::string text = whole;
        for (unsigned n = 1 + random(3); n > 0; --n)
            text[random(static_cast<unsigned>(text.size()))] = static_cast<char>(random(256));
        Profile p;
        sci_profile_error error;
        if (p.load(text, &error) != 0) {
            ASSERT_NE(error.line, 0u);
            ASSERT_NE(error.message[0], '\0');
            continue;
        }
        Profile again;
        ASSERT_EQ(again.load(p.text()), 0) << text;
        ASSERT_EQ(again.text(), p.text());
    }
}

}  // namespace
