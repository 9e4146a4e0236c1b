// SPDX-License-Identifier: GPL-2.0-only
// Policy: the built-in decisions, and the text an administrator writes.
#include <asi/engine.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>

namespace {

std::string decide(const asi_policy& p, asi_class cls, asi_kind kind, asi_access access,
                   const char* cache = nullptr) {
    const asi_verdict v = asi_policy_decide(&p, cls, kind, cache, access);
    return std::string(asi_action_name(v.action)) + (v.log ? ",log" : "");
}

std::string format(const asi_policy& p) {
    std::string text(asi_policy_format(&p, nullptr, 0), '\0');
    EXPECT_EQ(asi_policy_format(&p, text.data(), text.size() + 1), text.size());
    return text;
}

bool operator_equal(const asi_policy& a, const asi_policy& b) {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

class PolicyTest : public testing::Test {
  protected:
    PolicyTest() {
        std::memset(&policy_, 0, sizeof(policy_));
        asi_policy_default(&policy_);
    }

    int parse(const std::string& text) {
        return asi_policy_parse(&policy_, text.data(), text.size(), &error_);
    }
    void expect_refused(const std::string& text, const std::string& message, unsigned line = 1,
                        int result = -EINVAL) {
        const asi_policy before = policy_;
        EXPECT_EQ(parse(text), result) << text;
        EXPECT_EQ(error_.message, message) << text;
        EXPECT_EQ(error_.line, line) << text;
        EXPECT_TRUE(operator_equal(policy_, before)) << text;
        EXPECT_EQ(asi_policy_parse(&policy_, text.data(), text.size(), nullptr), result);
    }
    void expect_round_trip() {
        const std::string text = format(policy_);
        // Whatever it is applied on top of.
        asi_policy other;
        asi_policy_default(&other);
        const std::string noise = "* * rwx deny; * slab:zzz rwx grow; kvm slab:kvm_vcpu x exit";
        ASSERT_EQ(asi_policy_parse(&other, noise.data(), noise.size(), nullptr), 0);
        ASSERT_EQ(asi_policy_parse(&other, text.data(), text.size(), &error_), 0)
            << error_.line << ": " << error_.message << "\n"
            << text;
        EXPECT_TRUE(operator_equal(other, policy_)) << text;
    }

    asi_policy policy_;
    asi_policy_error error_ = {};
};

TEST_F(PolicyTest, every_value_has_a_name_and_no_other_has) {
    for (unsigned i = 0; i < ASI_NR_CLASSES; ++i) EXPECT_NE(asi_class_name(i), nullptr);
    for (unsigned i = 0; i < ASI_NR_KINDS; ++i) EXPECT_NE(asi_kind_name(i), nullptr);
    for (unsigned i = 0; i < ASI_NR_ACTIONS; ++i) EXPECT_NE(asi_action_name(i), nullptr);
    for (unsigned i = 0; i < ASI_NR_ACCESSES; ++i) EXPECT_NE(asi_access_name(i), nullptr);
    EXPECT_EQ(asi_class_name(ASI_NR_CLASSES), nullptr);
    EXPECT_EQ(asi_kind_name(ASI_NR_KINDS), nullptr);
    EXPECT_EQ(asi_action_name(ASI_NR_ACTIONS), nullptr);
    EXPECT_EQ(asi_access_name(ASI_NR_ACCESSES), nullptr);
    EXPECT_STREQ(asi_kind_name(ASI_KIND_OBJECT), "object");
    EXPECT_STREQ(asi_kind_name(ASI_KIND_SLAB), "slab");
    EXPECT_STREQ(asi_kind_name(ASI_KIND_TEXT_ALIAS), "text_alias");
    EXPECT_STREQ(asi_class_name(ASI_CLASS_TEST), "test");
}

TEST_F(PolicyTest, secrets_never_grow_by_default) {
    for (const asi_kind kind :
         {ASI_KIND_UNKNOWN, ASI_KIND_OTHER_STACK, ASI_KIND_SLAB, ASI_KIND_USER_PAGE,
          ASI_KIND_PAGE_TABLE, ASI_KIND_FREE_PAGE, ASI_KIND_KERNEL_PAGE, ASI_KIND_RESERVED,
          ASI_KIND_TEXT_ALIAS, ASI_KIND_VMALLOC, ASI_KIND_DEVICE, ASI_KIND_USER_ADDRESS})
        for (const asi_access access : {ASI_ACCESS_READ, ASI_ACCESS_WRITE}) {
            EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, kind, access), "exit,log") << kind;
            EXPECT_EQ(decide(policy_, ASI_CLASS_TEST, kind, access), "deny,log") << kind;
        }
}

TEST_F(PolicyTest, a_virtual_machine_reads_its_own_tables_and_wakes_tasks) {
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_OWN_TABLE, ASI_ACCESS_READ), "grow");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_OWN_TABLE, ASI_ACCESS_WRITE), "exit,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_OTHER_TASK, ASI_ACCESS_READ), "grow");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_OTHER_TASK, ASI_ACCESS_WRITE), "grow");
    for (const asi_kind kind : {ASI_KIND_OWN_TABLE, ASI_KIND_OTHER_TASK}) {
        EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, kind, ASI_ACCESS_EXEC), "deny,log");
        EXPECT_EQ(decide(policy_, ASI_CLASS_TEST, kind, ASI_ACCESS_READ), "deny,log");
    }
    ASSERT_EQ(parse("kvm own_table r exit; kvm other_task rw exit"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_OWN_TABLE, ASI_ACCESS_READ), "exit,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_OTHER_TASK, ASI_ACCESS_WRITE), "exit,log");
}

TEST_F(PolicyTest, what_every_class_needs_grows_by_default) {
    for (const asi_class cls : {ASI_CLASS_KVM, ASI_CLASS_TEST}) {
        for (const asi_kind kind :
             {ASI_KIND_DATA, ASI_KIND_PERCPU, ASI_KIND_CPU_ENTRY, ASI_KIND_IRQ_STACK,
              ASI_KIND_FIXMAP, ASI_KIND_OWN_STACK, ASI_KIND_OWN_TASK, ASI_KIND_OBJECT,
              ASI_KIND_SHADOW, ASI_KIND_MODULE, ASI_KIND_GUEST_MEMORY, ASI_KIND_VMEMMAP}) {
            EXPECT_EQ(decide(policy_, cls, kind, ASI_ACCESS_READ), "grow") << kind;
            EXPECT_EQ(decide(policy_, cls, kind, ASI_ACCESS_WRITE), "grow") << kind;
        }
        for (const asi_kind kind : {ASI_KIND_ENTRY_TEXT, ASI_KIND_KERNEL_TEXT, ASI_KIND_MODULE}) {
            EXPECT_EQ(decide(policy_, cls, kind, ASI_ACCESS_READ), "grow");
            EXPECT_EQ(decide(policy_, cls, kind, ASI_ACCESS_EXEC), "grow");
        }
    }
}

TEST_F(PolicyTest, nothing_but_text_is_executed_and_text_is_not_written) {
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls) {
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind) {
            if (kind == ASI_KIND_ENTRY_TEXT || kind == ASI_KIND_KERNEL_TEXT ||
                kind == ASI_KIND_MODULE)
                continue;
            EXPECT_EQ(decide(policy_, asi_class(cls), asi_kind(kind), ASI_ACCESS_EXEC), "deny,log");
        }
        for (const asi_kind kind : {ASI_KIND_ENTRY_TEXT, ASI_KIND_KERNEL_TEXT, ASI_KIND_RODATA})
            EXPECT_EQ(decide(policy_, asi_class(cls), kind, ASI_ACCESS_WRITE), "deny,log");
    }
}

TEST_F(PolicyTest, shared_caches_grow_for_kvm_only) {
    for (const char* cache : {"asi_sleeper", "asi_poller", "pool_workqueue", "task_group",
                              "asi_shared-64", "asi_shared-4k"}) {
        EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_WRITE, cache), "grow");
        EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_EXEC, cache),
                  "deny,log");
        EXPECT_EQ(decide(policy_, ASI_CLASS_TEST, ASI_KIND_SLAB, ASI_ACCESS_READ, cache),
                  "deny,log");
    }
    // Other guests' objects lie there, too.
    for (const char* cache : {"kvm_vcpu", "x86_emulator", "kvm_mmu_page_header", "kvm_async_pf",
                              "asi_slee", "asi_sleeper2"})
        EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_READ, cache),
                  "exit,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_KERNEL_PAGE, ASI_ACCESS_READ, "asi_poller"),
              "exit,log")
        << "a cache name counts for slab only";
}

TEST_F(PolicyTest, private_payload_is_refused_and_never_mapped) {
    for (const asi_access access : {ASI_ACCESS_READ, ASI_ACCESS_WRITE}) {
        EXPECT_EQ(decide(policy_, ASI_CLASS_NETNS, ASI_KIND_PRIVATE, access), "deny,log");
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, ASI_KIND_PRIVATE, access), "deny,log");
        EXPECT_EQ(decide(policy_, ASI_CLASS_TEST, ASI_KIND_PRIVATE, access), "deny,log");
        EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_PRIVATE, access), "exit,log");
    }
    expect_refused("sci private r grow", "'grow' is never safe for kind 'private'");
    expect_refused("netns private r grow", "class 'netns' has nothing that could grow");
    expect_refused("netns data r grow", "class 'netns' has nothing that could grow");
    ASSERT_EQ(parse("netns private rw exit"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_NETNS, ASI_KIND_PRIVATE, ASI_ACCESS_READ), "exit,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_NETNS, ASI_KIND_PRIVATE, ASI_ACCESS_EXEC), "deny,log");
}

TEST_F(PolicyTest, a_system_call_gets_the_kernels_data_and_nobodys_pages) {
    for (const asi_kind kind : {ASI_KIND_SLAB, ASI_KIND_KERNEL_PAGE, ASI_KIND_PAGE_CACHE,
                                ASI_KIND_VMALLOC, ASI_KIND_OTHER_TASK, ASI_KIND_DATA}) {
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, kind, ASI_ACCESS_READ), "grow");
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, kind, ASI_ACCESS_WRITE), "grow");
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, kind, ASI_ACCESS_EXEC), "deny,log");
    }
    for (const asi_kind kind :
         {ASI_KIND_OTHER_STACK, ASI_KIND_PAGE_TABLE, ASI_KIND_USER_PAGE, ASI_KIND_FREE_PAGE,
          ASI_KIND_TEXT_ALIAS, ASI_KIND_UNKNOWN, ASI_KIND_GUEST_MEMORY, ASI_KIND_OWN_TABLE}) {
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, kind, ASI_ACCESS_READ), "deny,log");
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, kind, ASI_ACCESS_WRITE), "deny,log");
    }
    for (const asi_kind text : {ASI_KIND_ENTRY_TEXT, ASI_KIND_KERNEL_TEXT}) {
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, text, ASI_ACCESS_READ), "deny,log");
        EXPECT_EQ(decide(policy_, ASI_CLASS_SCI, text, ASI_ACCESS_EXEC), "grow");
    }
}

TEST_F(PolicyTest, nonsense_gets_a_safe_decision) {
    EXPECT_EQ(decide(policy_, asi_class(77), ASI_KIND_DATA, ASI_ACCESS_READ), "exit,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, asi_kind(77), ASI_ACCESS_READ), "exit,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_DATA, asi_access(9)), "exit,log");
    asi_policy empty = {};
    EXPECT_EQ(decide(empty, ASI_CLASS_KVM, ASI_KIND_DATA, ASI_ACCESS_READ), "exit,log");
    std::memset(&empty, 0xff, sizeof(empty));
    EXPECT_EQ(decide(empty, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_READ, "x"), "exit,log");
}

TEST_F(PolicyTest, rules_apply_in_order) {
    ASSERT_EQ(parse("kvm slab rw deny\nkvm slab r exit,nolog\n"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_READ), "exit");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_WRITE), "deny,log");
    EXPECT_EQ(error_.line, 0u);
    EXPECT_STREQ(error_.message, "");
}

TEST_F(PolicyTest, log_follows_the_action_unless_said) {
    ASSERT_EQ(parse("kvm data r grow; kvm data w exit; kvm data x deny;"
                    "test data r grow,log; test data w exit,nolog; test data x deny,nolog"),
              0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_DATA, ASI_ACCESS_READ), "grow");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_DATA, ASI_ACCESS_WRITE), "exit,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_DATA, ASI_ACCESS_EXEC), "deny,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_TEST, ASI_KIND_DATA, ASI_ACCESS_READ), "grow,log");
    EXPECT_EQ(decide(policy_, ASI_CLASS_TEST, ASI_KIND_DATA, ASI_ACCESS_WRITE), "exit");
    EXPECT_EQ(decide(policy_, ASI_CLASS_TEST, ASI_KIND_DATA, ASI_ACCESS_EXEC), "deny");
}

TEST_F(PolicyTest, comments_blanks_and_empty_rules_mean_nothing) {
    const asi_policy before = policy_;
    ASSERT_EQ(parse(""), 0);
    ASSERT_EQ(parse("\n\n;;  \t\r\n # kvm data; nonsense\n#"), 0);
    EXPECT_TRUE(operator_equal(policy_, before));
    ASSERT_EQ(parse("\tkvm   data\trw  exit # why not\r\n"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_DATA, ASI_ACCESS_READ), "exit,log");
}

TEST_F(PolicyTest, text_as_data_is_refused_or_let_through_and_never_grows) {
    for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
        for (const asi_access access : {ASI_ACCESS_READ, ASI_ACCESS_WRITE, ASI_ACCESS_EXEC})
            EXPECT_EQ(decide(policy_, ASI_CLASS_XOM, asi_kind(kind), access), "deny,log");
    EXPECT_EQ(parse("xom kernel_text r grow"), -EINVAL);
    EXPECT_STREQ(error_.message, "class 'xom' has nothing that could grow");
    ASSERT_EQ(parse("* kernel_text r grow"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_XOM, ASI_KIND_KERNEL_TEXT, ASI_ACCESS_READ), "deny,log");
    ASSERT_EQ(parse("xom * rwx exit"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_XOM, ASI_KIND_MODULE, ASI_ACCESS_READ), "exit,log");
    expect_round_trip();
}

TEST_F(PolicyTest, star_means_every_class_or_kind) {
    ASSERT_EQ(parse("* * rw exit,nolog"), 0);
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls)
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
            EXPECT_EQ(decide(policy_, asi_class(cls), asi_kind(kind), ASI_ACCESS_WRITE), "exit");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_READ, "asi_poller"), "grow")
        << "a cache rule is more special";
}

TEST_F(PolicyTest, cache_rule_covers_only_its_accesses) {
    const asi_u32 built_in = policy_.cache_rules;
    ASSERT_EQ(parse("* slab:files_cache r grow"), 0);
    EXPECT_EQ(policy_.cache_rules, built_in + ASI_NR_CLASSES - 2)
        << "one for each class that may grow";
    for (const asi_class cls : {ASI_CLASS_KVM, ASI_CLASS_TEST}) {
        EXPECT_EQ(decide(policy_, cls, ASI_KIND_SLAB, ASI_ACCESS_READ, "files_cache"), "grow");
        EXPECT_NE(decide(policy_, cls, ASI_KIND_SLAB, ASI_ACCESS_WRITE, "files_cache"), "grow");
    }
    ASSERT_EQ(parse("kvm slab:files_cache w grow"), 0);
    EXPECT_EQ(policy_.cache_rules, built_in + ASI_NR_CLASSES - 2)
        << "merged into the rule that is there";
    expect_round_trip();
}

TEST_F(PolicyTest, default_resets_everything_before_it) {
    asi_policy builtin;
    asi_policy_default(&builtin);
    ASSERT_EQ(parse("* * rwx deny; kvm slab:foo r grow; default"), 0);
    EXPECT_TRUE(operator_equal(policy_, builtin));
    ASSERT_EQ(parse("kvm data r exit; default; kvm data w exit"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_DATA, ASI_ACCESS_READ), "grow");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_DATA, ASI_ACCESS_WRITE), "exit,log");
}

TEST_F(PolicyTest, mistakes_are_named) {
    expect_refused("vm data r grow", "unknown class 'vm'");
    expect_refused("kvm slob r grow", "unknown kind 'slob'");
    expect_refused("kvm slob:x r grow", "unknown kind 'slob'");
    expect_refused("kvm", "missing kind after 'kvm'");
    expect_refused("kvm slab", "missing access after 'slab'");
    expect_refused("kvm slab:a r", "missing action after 'r'");
    expect_refused("kvm data q grow", "unknown access 'q' (use r, w, x)");
    expect_refused("kvm data rr grow", "access 'rr' repeats a letter");
    expect_refused("kvm data r allow", "unknown action 'allow' (use grow, exit, deny)");
    expect_refused("kvm data r grow,quiet", "unknown option 'quiet' (use log, nolog)");
    expect_refused("kvm data r grow,", "unknown option '' (use log, nolog)");
    expect_refused("kvm data r grow now", "unexpected 'now' after 'grow'");
    expect_refused("default kvm", "unexpected 'kvm' after 'default'");
    expect_refused("kvm data:x r grow", "only slab takes a cache name, not 'data'");
    expect_refused("kvm *:x r grow", "only slab takes a cache name, not '*'");
    expect_refused("kvm slab: r grow", "empty cache name");
    expect_refused("kvm slab:" + std::string(32, 'a') + " r grow",
                   "cache name '" + std::string(32, 'a') + "' is longer than 31 characters");
    expect_refused("kvm slab:a\001b r grow", "cache name 'a?b' has an unprintable character");
}

TEST_F(PolicyTest, mistakes_are_located) {
    expect_refused("kvm data r grow\n\n# c; c\nkvm dada r grow", "unknown kind 'dada'", 4);
    expect_refused("kvm data r grow;;kvm dada r grow", "unknown kind 'dada'", 3);
    expect_refused("kvm data r deny\nbad", "unknown class 'bad'", 2);
}

TEST_F(PolicyTest, message_never_overflows_and_never_prints_garbage) {
    expect_refused(std::string(5000, 'z'), "unknown class '" + std::string(40, 'z') + "...'");
    expect_refused(std::string("k\0m data r grow", 15), "unknown class 'k?m'");
    expect_refused("\x1b[31m\xff", "unknown class '?[31m?'");
}

TEST_F(PolicyTest, growing_into_what_is_never_safe_is_refused) {
    for (const char* kind : {"free_page", "page_table", "other_stack", "unknown", "user_address"}) {
        expect_refused("kvm " + std::string(kind) + " r grow",
                       "'grow' is never safe for kind '" + std::string(kind) + "'");
        EXPECT_EQ(parse("kvm " + std::string(kind) + " r deny"), 0);
    }
    expect_refused("kvm * r grow", "'grow' is never safe for kind 'unknown', which '*' includes");
    EXPECT_EQ(parse("kvm user_page r grow,log"), 0) << "unwise, but an administrator's decision";
}

TEST_F(PolicyTest, too_many_cache_rules_change_nothing) {
    std::string text;
    const asi_u32 built_in = policy_.cache_rules;
    const asi_u32 line = ASI_POLICY_CACHE_RULES - built_in + 1;
    for (unsigned i = built_in; i < ASI_POLICY_CACHE_RULES; ++i)
        text += "kvm slab:cache" + std::to_string(i) + " r grow\n";
    expect_refused(text + "kvm slab:straw r grow", "more than 48 cache rules", line, -E2BIG);
    expect_refused(text + "* slab:asi_poller r grow", "more than 48 cache rules", line, -E2BIG);
    ASSERT_EQ(parse(text + text + "kvm slab:asi_poller rwx exit"), 0) << "known ones take no room";
    EXPECT_EQ(policy_.cache_rules, 48u);
    expect_round_trip();
    EXPECT_EQ(parse(text), 0);
    EXPECT_EQ(parse("kvm slab:straw r grow"), -E2BIG);
    EXPECT_EQ(parse("default; kvm slab:straw r grow"), 0) << "a reset makes room";
    EXPECT_EQ(policy_.cache_rules, built_in + 1);
}

TEST_F(PolicyTest, longest_cache_name_works) {
    const std::string name(31, 'n');
    ASSERT_EQ(parse("kvm slab:" + name + " rwx grow"), 0);
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_EXEC, name.c_str()), "grow");
    EXPECT_EQ(decide(policy_, ASI_CLASS_KVM, ASI_KIND_SLAB, ASI_ACCESS_READ, (name + "x").c_str()),
              "exit,log");
    expect_round_trip();
}

TEST_F(PolicyTest, text_form_is_readable) {
    const std::string text = format(policy_);
    EXPECT_EQ(text.substr(0, 8), "default\n");
    EXPECT_NE(text.find("\nkvm data rw grow\n"), std::string::npos) << text;
    EXPECT_NE(text.find("\nkvm data x deny\n"), std::string::npos) << text;
    EXPECT_NE(text.find("\nkvm slab:asi_poller rw grow\n"), std::string::npos) << text;
    EXPECT_NE(text.find("\ntest vmalloc rwx deny\n"), std::string::npos) << text;
    EXPECT_LT(text.size(), 4096u) << "fits a page";
}

TEST_F(PolicyTest, format_truncates_and_terminates) {
    char small[16];
    std::memset(small, 'Z', sizeof(small));
    EXPECT_GT(asi_policy_format(&policy_, small, 10), 10u);
    EXPECT_STREQ(small, "default\nk");
    EXPECT_EQ(small[10], 'Z');
    EXPECT_GT(asi_policy_format(&policy_, small, 1), 1u);
    EXPECT_STREQ(small, "");
}

TEST_F(PolicyTest, every_policy_survives_the_round_trip) {
    expect_round_trip();
    std::mt19937 random(20240601);
    const auto pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    const char* options[] = {"", ",log", ",nolog"};
    const char* accesses[] = {"r", "w", "x", "rw", "rx", "wx", "rwx", "xwr"};
    unsigned accepted = 0;
    for (unsigned i = 0; i < 20000; ++i) {
        std::string rule = pick(5) ? asi_class_name(pick(ASI_NR_CLASSES)) : "*";
        if (pick(2))
            rule += " slab:c" + std::to_string(pick(30));
        else
            rule += std::string(" ") + (pick(20) ? asi_kind_name(pick(ASI_NR_KINDS)) : "*");
        rule += std::string(" ") + accesses[pick(8)] + " " + asi_action_name(pick(ASI_NR_ACTIONS)) +
                options[pick(3)];
        if (pick(500) == 0) rule = "default";
        accepted += parse(rule) == 0;
        if (i % 50 == 0) expect_round_trip();
    }
    EXPECT_GT(accepted, 10000u);
}

}  // namespace
