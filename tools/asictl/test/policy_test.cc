// SPDX-License-Identifier: GPL-2.0-only
//
// That the engine's policy code is linked in and asked the right way; what the
// grammar means is tested with the engine.
#include <gtest/gtest.h>

#include "parse.h"
#include "policy_text.h"

namespace asi::ctl {
namespace {

TEST(CheckPolicy, accepts_what_the_grammar_allows) {
    for (const char* text : {"", "# nothing\n", "default", "kvm slab:kvm_vcpu rw grow",
                             "* data r exit,nolog", "kvm data r exit; test rodata r grow,log\n"})
        EXPECT_EQ(check_policy(text).has_value(), false) << text;
}

TEST(CheckPolicy, says_which_line_and_word_is_wrong) {
    const auto problem = check_policy("kvm data r exit\nkvm slob r exit\n");
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->line, 2u);
    EXPECT_NE(problem->message.find("slob"), std::string::npos) << problem->message;
}

TEST(CheckPolicy, refuses_to_map_what_is_never_safe) {
    EXPECT_TRUE(check_policy("kvm free_page r grow"));
    EXPECT_TRUE(check_policy("kvm page_table r grow"));
}

TEST(CheckPolicy, refuses_more_cache_rules_than_fit) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "kvm slab:c" + std::to_string(i) + " r grow\n";
    const auto problem = check_policy(text);
    ASSERT_TRUE(problem);
    EXPECT_FALSE(problem->message.empty());
}

TEST(DefaultPolicy, is_a_valid_policy_that_the_json_reader_understands) {
    const std::string text = default_policy_text();
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(text.find('\0'), std::string::npos);
    EXPECT_FALSE(check_policy(text)) << check_policy(text)->to_string();
    for (const PolicyRule& rule : parse_policy(text))
        EXPECT_TRUE(rule.action.has_value() || rule.text == "default") << rule.text;
}

TEST(KnownClass, comes_from_the_engine) {
    EXPECT_TRUE(is_known_class("kvm"));
    EXPECT_TRUE(is_known_class("test"));
    EXPECT_FALSE(is_known_class("bogus"));
    EXPECT_FALSE(is_known_class(""));
}

TEST(JoinRuleWords, bare_words_make_one_rule) {
    EXPECT_EQ(join_rule_words({"kvm", "data", "r", "exit"}), "kvm data r exit\n");
}

TEST(JoinRuleWords, quoted_rules_stand_alone) {
    EXPECT_EQ(join_rule_words({"kvm data r exit", "test data r deny"}),
              "kvm data r exit\ntest data r deny\n");
    EXPECT_EQ(join_rule_words({"default", "kvm", "data", "r", "exit", "test data r deny"}),
              "default\nkvm data r exit\ntest data r deny\n");
}

TEST(JoinRuleWords, nothing_stays_nothing) {
    EXPECT_EQ(join_rule_words({}), "");
    EXPECT_EQ(join_rule_words({""}), "");
}

}  // namespace
}  // namespace asi::ctl
