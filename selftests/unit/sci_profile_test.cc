// SPDX-License-Identifier: GPL-2.0-only
// Profiles of system calls: what they hold, and how it is written as text.
#include <asi/engine.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "random.h"
#include "sci_profile_fixture.h"

namespace {

using sim::kHead;
using sim::Profile;

TEST(SciProfile, records_what_is_new_once) {
    Profile p(100);
    p.add(5);
    EXPECT_EQ(sci_profile_record_text(p, 5, 99), 1);
    EXPECT_EQ(sci_profile_record_text(p, 5, 99), 0);
    EXPECT_EQ(sci_profile_record_text(p, 5, 100), -EINVAL);
    EXPECT_EQ(sci_profile_record_text(p, 5, ~0u), -EINVAL);
    EXPECT_EQ(sci_profile_record_text(p, 6, 1), -ENOENT);
    EXPECT_EQ(sci_profile_record_text(p, 512, 1), -EINVAL);
    EXPECT_EQ(sci_profile_record_data(p, 5, ASI_KIND_OBJECT, ASI_ACCESS_WRITE), 1);
    EXPECT_EQ(sci_profile_record_data(p, 5, ASI_KIND_OBJECT, ASI_ACCESS_WRITE), 0);
    EXPECT_EQ(sci_profile_record_data(p, 5, ASI_KIND_OBJECT, ASI_ACCESS_READ), 1);
    EXPECT_EQ(sci_profile_record_data(p, 5, ASI_KIND_DATA, ASI_ACCESS_EXEC), -EINVAL);
    EXPECT_EQ(sci_profile_record_data(p, 5, ASI_NR_KINDS, ASI_ACCESS_READ), -EINVAL);
    EXPECT_EQ(sci_profile_record_data(p, 6, ASI_KIND_DATA, ASI_ACCESS_READ), -ENOENT);
    EXPECT_EQ(sci_profile_record_data(p, 512, ASI_KIND_DATA, ASI_ACCESS_READ), -EINVAL);
    EXPECT_FALSE(sci_profile_has_text(p, 512, 1));
    EXPECT_FALSE(sci_profile_has_text(p, 6, 1));
    EXPECT_FALSE(sci_profile_has_data(p, 512, 1, 0));
    EXPECT_FALSE(sci_profile_has_data(p, 6, 1, 0));
    EXPECT_FALSE(sci_profile_has_data(p, 5, ASI_NR_KINDS, 0));
    EXPECT_EQ(sci_profile_call_text_count(p, 5), 1u);
    EXPECT_EQ(sci_profile_call_text_count(p, 6), 0u);
    EXPECT_EQ(sci_profile_call_text_count(p, 512), 0u);
    p.add(7);
    EXPECT_EQ(sci_profile_call_count(p), 1u) << "an empty record is no call";
}

TEST(SciProfile, an_absurd_number_of_pages_is_cut) {
    Profile p;
    p.add(0);
    p->text_pages = ~0u;
    EXPECT_EQ(sci_profile_record_text(p, 0, SCI_MAX_TEXT_PAGES), -EINVAL);
    EXPECT_EQ(sci_profile_record_text(p, 0, SCI_MAX_TEXT_PAGES - 1), 1);
    EXPECT_EQ(sci_profile_text_count(p), 1u);
    EXPECT_NE(p.text().find("call 0 text 0x1fff\n"), std::string::npos);
}

TEST(SciProfile, stray_bits_behind_the_last_page_are_nothing) {
    Profile p(70);
    p.add(0);
    p->call[0]->text[1] = ~0ull;
    EXPECT_EQ(sci_profile_text_count(p), 6u);
    EXPECT_NE(p.text().find("call 0 text 0x40-0x45\n"), std::string::npos);
    Profile q(70);
    ASSERT_EQ(sci_profile_union(q, p, q.storage()), 0);
    EXPECT_EQ(q->call[0]->text[1], 63u);
}

TEST(SciProfile, recording_by_many_at_once_loses_nothing) {
    Profile p;
    p.add(1);
    std::atomic<int> news{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (unsigned i = 0; i < SCI_MAX_TEXT_PAGES; ++i) {
                const asi_u32 page = (i * 4 + t + i / 2048) % SCI_MAX_TEXT_PAGES;
                news += sci_profile_record_text(p, 1, page);
                news += sci_profile_record_data(p, 1, page % ASI_NR_KINDS, page & 1);
            }
        });
    // Reading meanwhile is allowed.
    for (unsigned i = 0; i < 20; ++i) {
        std::string text(300000, '\0');
        sci_profile_format(p, text.data(), text.size());
    }
    for (std::thread& thread : threads) thread.join();
    const unsigned pages = sci_profile_text_count(p);
    unsigned kinds = 0;
    for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
        for (unsigned access = 0; access < ASI_NR_ACCESSES; ++access)
            kinds += sci_profile_has_data(p, 1, kind, access);
    EXPECT_EQ(static_cast<unsigned>(news.load()), pages + kinds);
}

TEST(SciProfile, union_adds) {
    Profile to(1000), from(64);
    ASSERT_EQ(to.load(kHead + "call 1 text 0x1 0x100\ncall 2 data data r\nend\n"), 0);
    ASSERT_EQ(from.load(kHead + "call 1 text 0x0-0x3f\ncall 2 data data w\ncall 9 data slab r\n"
                                "end\n"),
              0);
    from.add(100);
    std::strcpy(from->name, "other");
    ASSERT_EQ(sci_profile_union(to, from, to.storage()), 0);
    EXPECT_EQ(to.text(), kHead +
                             "call 1 text 0x0-0x3f 0x100\ncall 2 data data rw\n"
                             "call 9 data slab r\nend\n");
    EXPECT_EQ(to->call[100], nullptr) << "nothing in it";
    EXPECT_EQ(sci_profile_text_count(to), 65u);
}

TEST(SciProfile, union_refuses_what_does_not_fit) {
    Profile to(100), from(1000), other(100);
    ASSERT_EQ(to.load(kHead + "call 1 text 0x1\nend\n"), 0);
    const std::string before = to.text();
    ASSERT_EQ(from.load(kHead + "call 2 text 0x64\nend\n"), 0);
    EXPECT_EQ(sci_profile_union(to, from, to.storage()), -E2BIG);
    ASSERT_EQ(other.load(kHead + "call 2 text 0x3\nend\n"), 0);
    other->build_id[39] = '0';
    EXPECT_EQ(sci_profile_union(to, other, to.storage()), -ESTALE);
    EXPECT_EQ(to.text(), before);
    other->build_id[39] = to->build_id[39];
    to.limit(0);
    EXPECT_EQ(sci_profile_union(to, other, to.storage()), -ENOMEM);
}

TEST(SciProfile, format_truncates_terminates_and_breaks_lines) {
    Profile p;
    ASSERT_EQ(p.load(kHead + "end"), 0);
    char small[16];
    std::memset(small, 'Z', sizeof(small));
    EXPECT_EQ(sci_profile_format(p, small, 10), kHead.size() + 4);
    EXPECT_STREQ(small, "asi-sci-p");
    EXPECT_EQ(small[10], 'Z');
    p.add(3);
    for (asi_u32 page = 0; page < 40; page += 2) sci_profile_record_text(p, 3, page);
    EXPECT_EQ(p.text(), kHead +
                            "call 3 text 0x0 0x2 0x4 0x6 0x8 0xa 0xc 0xe\n"
                            "call 3 text 0x10 0x12 0x14 0x16 0x18 0x1a 0x1c 0x1e\n"
                            "call 3 text 0x20 0x22 0x24 0x26\nend\n");
}

TEST(SciProfile, every_profile_survives_the_round_trip) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        sim::Random random(seed);
        Profile p(1 + random(SCI_MAX_TEXT_PAGES));
        ASSERT_EQ(p.load(kHead + "end"), 0);
        for (unsigned calls = random(20); calls > 0; --calls) {
            const unsigned call = random(SCI_MAX_CALLS);
            if (p->call[call]) continue;
            p.add(call);
            for (unsigned runs = random(50); runs > 0; --runs) {
                asi_u32 page = random(p->text_pages);
                for (unsigned n = 1 + random(200); n > 0; --n, ++page)
                    if (page < p->text_pages) sci_profile_record_text(p, call, page);
            }
            for (unsigned n = random(8); n > 0; --n)
                sci_profile_record_data(p, call, random(ASI_NR_KINDS), random(2));
        }
        const std::string text = p.text();
        Profile again(p->text_pages);
        sci_profile_error error;
        ASSERT_EQ(again.load(text, &error), 0) << error.line << ": " << error.message;
        EXPECT_EQ(again.text(), text);
        EXPECT_EQ(sci_profile_text_count(again), sci_profile_text_count(p));
        EXPECT_EQ(sci_profile_call_count(again), sci_profile_call_count(p));
        for (unsigned call = 0; call < SCI_MAX_CALLS; ++call) {
            if (!p->call[call]) continue;
            for (asi_u32 page = 0; page < p->text_pages; ++page)
                ASSERT_EQ(sci_profile_has_text(again, call, page),
                          sci_profile_has_text(p, call, page));
        }
        // Union is the same from both sides, and adding twice adds nothing.
        ASSERT_EQ(sci_profile_union(again, p, again.storage()), 0);
        EXPECT_EQ(again.text(), text);
    }
}

}  // namespace
