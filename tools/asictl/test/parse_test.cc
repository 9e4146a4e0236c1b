// SPDX-License-Identifier: GPL-2.0-only
#include "parse.h"

#include <gtest/gtest.h>

namespace asi::ctl {
namespace {

TEST(ParseNumber, takes_decimal_and_hexadecimal_up_to_64_bits) {
    EXPECT_EQ(parse_number("0"), 0u);
    EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
    EXPECT_EQ(parse_number("0xffffffff81000000"), 0xffffffff81000000u);
}

TEST(ParseNumber, refuses_everything_else) {
    for (const char* text : {"", "-", "-1", "+1", "12x", "0x", "0xg", " 1", "1 ",
                             "18446744073709551616", "0x10000000000000000"})
        EXPECT_EQ(parse_number(text), std::nullopt) << text;
}

TEST(ParseStatus, reads_every_key) {
    const Status s = parse_status(
        "state on\nreason -\npti on\npcid off\nlevels 5\nglobal_bit off\nkvm on\nsci off\ndomains "
        "1\n"
        "enters 12\nexits 3\nfaults 40\ngrows 30\ndenies 2\ncr3_writes 24\n");
    EXPECT_EQ(s.state, "on");
    EXPECT_EQ(s.reason, std::nullopt);
    EXPECT_EQ(s.pti, true);
    EXPECT_EQ(s.pcid, false);
    EXPECT_EQ(s.levels, 5u);
    EXPECT_EQ(s.global_bit, false);
    EXPECT_EQ(s.kvm, true);
    EXPECT_EQ(s.sci, false);
    EXPECT_EQ(s.domains, 1u);
    EXPECT_EQ(s.enters, 12u);
    EXPECT_EQ(s.exits, 3u);
    EXPECT_EQ(s.faults, 40u);
    EXPECT_EQ(s.grows, 30u);
    EXPECT_EQ(s.denies, 2u);
    EXPECT_EQ(s.cr3_writes, 24u);
    EXPECT_TRUE(s.other.empty());
}

TEST(ParseStatus, reason_keeps_its_blanks) {
    EXPECT_EQ(parse_status("state off\nreason not requested at boot\n").reason,
              "not requested at boot");
}

TEST(ParseStatus, unknown_keys_and_unreadable_values_are_kept) {
    const Status s = parse_status("later on\nlevels four\n\npti maybe\nlone\n");
    EXPECT_EQ(s.levels, std::nullopt);
    EXPECT_EQ(s.pti, std::nullopt);
    const Pairs expected = {{"later", "on"}, {"levels", "four"}, {"pti", "maybe"}, {"lone", ""}};
    EXPECT_EQ(s.other, expected);
}

TEST(ParseStatus, absent_is_not_zero) {
    EXPECT_EQ(parse_status("").enters, std::nullopt);
}

TEST(ParseDomains, reads_blocks_and_kinds) {
    const auto domains = parse_domains(
        "domain 3 class kvm pid 123 comm qemu-system-x86\n"
        "tables 17 reserve 24 owned_bytes 1234567 reachable_bytes 41943040 ram_bytes 2147483648\n"
        "kind kernel_text bytes 12582912\n"
        "kind percpu bytes 524288\n"
        "\n"
        "domain 4 class test pid 9 comm t\n");
    ASSERT_EQ(domains.size(), 2u);
    const Domain& d = domains[0];
    EXPECT_EQ(d.id, 3u);
    EXPECT_EQ(d.class_name, "kvm");
    EXPECT_EQ(d.pid, 123u);
    EXPECT_EQ(d.comm, "qemu-system-x86");
    EXPECT_EQ(d.tables, 17u);
    EXPECT_EQ(d.reserve, 24u);
    EXPECT_EQ(d.owned_bytes, 1234567u);
    EXPECT_EQ(d.reachable_bytes, 41943040u);
    EXPECT_EQ(d.ram_bytes, 2147483648u);
    ASSERT_EQ(d.kinds.size(), 2u);
    EXPECT_EQ(d.kinds[1].kind, "percpu");
    EXPECT_EQ(d.kinds[1].bytes, 524288u);
    EXPECT_EQ(domains[1].id, 4u);
    EXPECT_EQ(domains[1].tables, std::nullopt);
}

TEST(ParseDomains, blank_lines_between_blocks_are_optional) {
    EXPECT_EQ(parse_domains("domain 1\ndomain 2\n").size(), 2u);
    EXPECT_TRUE(parse_domains("").empty());
    EXPECT_TRUE(parse_domains("\n\n").empty());
}

TEST(ParseDomains, a_process_may_have_blanks_in_its_name) {
    const auto domains = parse_domains("domain 1 class kvm pid 7 comm CPU 0/KVM\ntables 3\n");
    ASSERT_EQ(domains.size(), 1u);
    EXPECT_EQ(domains[0].comm, "CPU 0/KVM");
    EXPECT_EQ(domains[0].tables, 3u);
    EXPECT_TRUE(domains[0].other.empty());
}

TEST(ParseDomains, unknown_words_are_kept_where_they_stood) {
    const auto domains = parse_domains(
        "domain 1 class kvm slots 4\n"
        "generation 77 odd\n"
        "kind data bytes 4096 leaves 1\n");
    ASSERT_EQ(domains.size(), 1u);
    const Pairs expected = {{"slots", "4"}, {"generation", "77"}, {"odd", ""}};
    EXPECT_EQ(domains[0].other, expected);
    const Pairs of_kind = {{"leaves", "1"}};
    EXPECT_EQ(domains[0].kinds.at(0).other, of_kind);
}

TEST(ParseFaults, reads_a_record) {
    const FaultLog log = parse_faults(
        "class kvm count 12 kind slab cache kmalloc-512 access r action exit critical 1 "
        "ip 0xffffffff81000000 symbol foo+0x12/0x40 address 0xffff888001234000 pid 77 cpu 1 "
        "first_ns 123 last_ns 456\n");
    ASSERT_EQ(log.records.size(), 1u);
    const Fault& f = log.records[0];
    EXPECT_EQ(f.class_name, "kvm");
    EXPECT_EQ(f.count, 12u);
    EXPECT_EQ(f.kind, "slab");
    EXPECT_EQ(f.cache, "kmalloc-512");
    EXPECT_EQ(f.access, "r");
    EXPECT_EQ(f.action, "exit");
    EXPECT_EQ(f.critical, true);
    EXPECT_EQ(f.ip.value, 0xffffffff81000000u);
    EXPECT_EQ(f.symbol, "foo+0x12/0x40");
    EXPECT_EQ(f.address.value, 0xffff888001234000u);
    EXPECT_EQ(f.pid, 77u);
    EXPECT_EQ(f.cpu, 1u);
    EXPECT_EQ(f.first_ns, 123u);
    EXPECT_EQ(f.last_ns, 456u);
    EXPECT_TRUE(f.other.empty());
}

TEST(ParseFaults, symbol_of_a_module_keeps_its_module) {
    const Fault f = parse_faults(
                        "class kvm ip 0xffffffffc0000000 symbol svm_vcpu_run+0x1/0x2 [kvm_amd] "
                        "address 0x10 pid 77\n")
                        .records.at(0);
    EXPECT_EQ(f.symbol, "svm_vcpu_run+0x1/0x2 [kvm_amd]");
    EXPECT_EQ(f.address.value, 0x10u);
    EXPECT_EQ(f.pid, 77u);
    EXPECT_TRUE(f.other.empty());
}

TEST(ParseFaults, dash_is_no_cache) {
    EXPECT_EQ(parse_faults("class kvm cache - kind data\n").records.at(0).cache, std::nullopt);
}

TEST(ParseFaults, totals_of_one_class_come_together) {
    const FaultLog log = parse_faults("total kvm 40\ntotal test 0\ndropped kvm 2\n");
    ASSERT_EQ(log.totals.size(), 2u);
    EXPECT_EQ(log.totals[0].class_name, "kvm");
    EXPECT_EQ(log.totals[0].total, 40u);
    EXPECT_EQ(log.totals[0].dropped, 2u);
    EXPECT_EQ(log.totals[1].dropped, std::nullopt);
}

TEST(ParseFaults, bad_lines_are_kept) {
    const FaultLog log = parse_faults(
        "class kvm count many ip here\n"
        "total kvm\n"
        "total kvm lots\n"
        "something else\n");
    ASSERT_EQ(log.records.size(), 1u);
    EXPECT_EQ(log.records[0].count, std::nullopt);
    const Pairs of_record = {{"count", "many"}, {"ip", "here"}};
    EXPECT_EQ(log.records[0].other, of_record);
    EXPECT_TRUE(log.totals.empty());
    const Pairs expected = {{"total", "kvm"}, {"total", "kvm lots"}, {"something", "else"}};
    EXPECT_EQ(log.other, expected);
}

TEST(ParseStats, keeps_names_and_order) {
    const Pairs expected = {{"enters", "12"}, {"mode", "a b"}};
    EXPECT_EQ(parse_stats("enters 12\nmode a b\n"), expected);
}

TEST(ParseVerification, reads_violations_and_the_summary) {
    const Verification v = parse_verification(
        "violation domain 3 address 0xffff888001234000 entry 0x8000000001234063 what another "
        "frame\n"
        "violation domain 4 address 0x1000 entry 0x67 what entry 1 what else\n"
        "domains 2 leaves 434 violations 40\n");
    ASSERT_EQ(v.shown.size(), 2u);
    EXPECT_EQ(v.shown[0].domain, 3u);
    EXPECT_EQ(v.shown[0].address.value, 0xffff888001234000u);
    EXPECT_EQ(v.shown[0].entry.value, 0x8000000001234063u);
    EXPECT_EQ(v.shown[0].what, "another frame");
    EXPECT_EQ(v.shown[1].entry.value, 0x67u);
    EXPECT_EQ(v.shown[1].what, "entry 1 what else");
    EXPECT_EQ(v.domains, 2u);
    EXPECT_EQ(v.leaves, 434u);
    EXPECT_EQ(v.violations, 40u);
    EXPECT_TRUE(v.other.empty());
}

TEST(ParseVerification, without_a_summary_nothing_is_counted) {
    EXPECT_EQ(parse_verification("").violations, std::nullopt);
    const Verification v = parse_verification("violation domain 3 address 1 entry 2 what x\n");
    EXPECT_EQ(v.shown.size(), 1u);
    EXPECT_EQ(v.violations, std::nullopt);
}

TEST(ParseVerification, lines_of_another_form_are_kept_whole) {
    for (const char* line : {
             "violation",
             "violation domain 3 address 0x1000 entry 0x67",
             "violation domain 3 address 0x1000 entry 0x67 what",
             "violation domain x address 0x1000 entry 0x67 what Global",
             "violation domain 3 address 0x1000 entry 0x10000000000000000 what Global",
             "violation domain 3 level 1 address 0x1000 entry 0x67 what Global",
             "domains 2 leaves 434",
             "domains 2 leaves 434 violations",
             "domains 2 leaves 434 violations -1",
             "domains 2 leaves 434 violations 0 skipped 7",
             "domains 2 violations 0 leaves 434",
             "leaves 434",
             "anything else",
         }) {
        const Verification v = parse_verification(line);
        ASSERT_EQ(v.other.size(), 1u) << line;
        const auto& [word, rest] = v.other[0];
        EXPECT_EQ(rest.empty() ? word : word + " " + rest, line);
        EXPECT_TRUE(v.shown.empty()) << line;
        EXPECT_EQ(v.violations, std::nullopt) << line;
    }
}

TEST(ParseVerification, nothing_follows_the_summary) {
    const std::string summary = "domains 1 leaves 2 violations 1\n";
    EXPECT_EQ(parse_verification(summary + summary).other.size(), 1u);
    const Verification v =
        parse_verification(summary + "violation domain 3 address 1 entry 2 what x\n");
    EXPECT_EQ(v.other.size(), 1u);
    EXPECT_TRUE(v.shown.empty());
}

TEST(ParseVms, reads_a_block) {
    const auto vms = parse_vms(
        "vm 3 pid 123 comm minivm vcpus 2 vendor svm\n"
        "exits inside 900 left 20 user 50 first_touch 30 first_touch_left 25\n"
        "reason cpuid code 0x72 inside 10 left 1 user 2 first_touch 3\n"
        "cause reason msr code 0x7c how fault kind slab cache kmalloc-1k access r ip 0xabc "
        "symbol bar+0x1/0x2 count 3\n"
        "causes_dropped 5\n");
    ASSERT_EQ(vms.size(), 1u);
    const Vm& vm = vms[0];
    EXPECT_FALSE(vm.ended);
    EXPECT_EQ(vm.id, 3u);
    EXPECT_EQ(vm.pid, 123u);
    EXPECT_EQ(vm.comm, "minivm");
    EXPECT_EQ(vm.vcpus, 2u);
    EXPECT_EQ(vm.vendor, "svm");
    EXPECT_EQ(vm.exits.inside, 900u);
    EXPECT_EQ(vm.exits.left, 20u);
    EXPECT_EQ(vm.exits.user, 50u);
    EXPECT_EQ(vm.exits.first_touch, 30u);
    EXPECT_EQ(vm.exits.first_touch_left, 25u);
    ASSERT_EQ(vm.reasons.size(), 1u);
    EXPECT_EQ(vm.reasons[0].reason, "cpuid");
    EXPECT_EQ(vm.reasons[0].code, 0x72u);
    EXPECT_EQ(vm.reasons[0].inside, 10u);
    EXPECT_EQ(vm.reasons[0].left, 1u);
    EXPECT_EQ(vm.reasons[0].user, 2u);
    EXPECT_EQ(vm.reasons[0].first_touch, 3u);
    ASSERT_EQ(vm.causes.size(), 1u);
    EXPECT_EQ(vm.causes[0].reason, "msr");
    EXPECT_EQ(vm.causes[0].code, 0x7cu);
    EXPECT_EQ(vm.causes[0].how, "fault");
    EXPECT_EQ(vm.causes[0].kind, "slab");
    EXPECT_EQ(vm.causes[0].cache, "kmalloc-1k");
    EXPECT_EQ(vm.causes[0].access, "r");
    EXPECT_EQ(vm.causes[0].ip.value, 0xabcu);
    EXPECT_EQ(vm.causes[0].symbol, "bar+0x1/0x2");
    EXPECT_EQ(vm.causes[0].count, 3u);
    EXPECT_EQ(vm.causes_dropped, 5u);
    EXPECT_TRUE(vm.other.empty());
}

TEST(ParseVms, flushes_of_any_name_are_read) {
    const auto vms = parse_vms(
        "vm 3\nexits inside 1\nflush l1d done 12 avoided 988\nflush novel done 1 avoided 2 late 3\n"
        "flush broken done many\nreason msr code 0x7c inside 1\n");
    ASSERT_EQ(vms.size(), 1u);
    ASSERT_EQ(vms[0].flushes.size(), 3u);
    EXPECT_EQ(vms[0].flushes[0].name, "l1d");
    EXPECT_EQ(vms[0].flushes[0].done, 12u);
    EXPECT_EQ(vms[0].flushes[0].avoided, 988u);
    EXPECT_TRUE(vms[0].flushes[0].other.empty());
    EXPECT_EQ(vms[0].flushes[1].name, "novel");
    const Pairs late = {{"late", "3"}};
    EXPECT_EQ(vms[0].flushes[1].other, late);
    EXPECT_EQ(vms[0].flushes[2].done, std::nullopt);
    EXPECT_EQ(vms[0].flushes[2].avoided, std::nullopt);
    EXPECT_EQ(vms[0].reasons.size(), 1u);
    EXPECT_TRUE(vms[0].other.empty());
}

TEST(ParseVms, a_kernel_that_counts_no_flushes_says_nothing_of_them) {
    const auto vms = parse_vms("vm 3\nexits inside 1\ncauses_dropped 0\n");
    EXPECT_TRUE(vms.at(0).flushes.empty());
}

TEST(ParseVms, a_process_may_have_blanks_in_its_name) {
    const auto vms = parse_vms("vm 3 pid 1 comm CPU 0/KVM vcpus 2 vendor vmx\n");
    ASSERT_EQ(vms.size(), 1u);
    EXPECT_EQ(vms[0].comm, "CPU 0/KVM");
    EXPECT_EQ(vms[0].vcpus, 2u);
    EXPECT_EQ(vms[0].vendor, "vmx");
}

TEST(ParseVms, cause_without_a_fault_has_no_place) {
    const auto vms = parse_vms("vm 3\ncause reason unnamed code 0x99 how sched count 4\n");
    ASSERT_EQ(vms.at(0).causes.size(), 1u);
    EXPECT_EQ(vms[0].causes[0].how, "sched");
    EXPECT_EQ(vms[0].causes[0].count, 4u);
    EXPECT_EQ(vms[0].causes[0].ip.value, std::nullopt);
}

TEST(ParseVms, ended_vms_are_told_apart) {
    const auto vms = parse_vms(
        "vm 1\nexits inside 1 left 0\n\n"
        "vm ended vendor svm\nexits inside 7 left 0 stolen 2\n");
    ASSERT_EQ(vms.size(), 2u);
    EXPECT_FALSE(vms[0].ended);
    EXPECT_TRUE(vms[1].ended);
    EXPECT_EQ(vms[1].id, std::nullopt);
    EXPECT_EQ(vms[1].vendor, "svm");
    EXPECT_EQ(vms[1].exits.inside, 7u);
    const Pairs expected = {{"stolen", "2"}};
    EXPECT_EQ(vms[1].exits.other, expected);
}

TEST(ParsePolicy, reads_rules_apart_from_comments) {
    const auto rules = parse_policy(
        "# a comment; not a rule\n"
        "kvm slab:kvm_vcpu rw grow # why; not\n"
        "* data r exit,nolog; test data x deny\n");
    ASSERT_EQ(rules.size(), 3u);
    EXPECT_EQ(rules[0].text, "kvm slab:kvm_vcpu rw grow");
    EXPECT_EQ(rules[0].class_name, "kvm");
    EXPECT_EQ(rules[0].kind, "slab");
    EXPECT_EQ(rules[0].cache, "kvm_vcpu");
    EXPECT_EQ(rules[0].access, "rw");
    EXPECT_EQ(rules[0].action, "grow");
    EXPECT_EQ(rules[0].log, false);
    EXPECT_EQ(rules[1].class_name, "*");
    EXPECT_EQ(rules[1].cache, std::nullopt);
    EXPECT_EQ(rules[1].action, "exit");
    EXPECT_EQ(rules[1].log, false);
    EXPECT_EQ(rules[2].log, true);
}

TEST(ParsePolicy, a_rule_of_another_form_keeps_its_text) {
    for (const char* text : {"default", "kvm data r", "kvm data r exit now", "kvm data r exit,x"}) {
        const auto rules = parse_policy(text);
        ASSERT_EQ(rules.size(), 1u) << text;
        EXPECT_EQ(rules[0].text, text);
        EXPECT_EQ(rules[0].action, std::nullopt) << text;
    }
}

TEST(ParsePolicyError, splits_off_the_line_number) {
    const PolicyProblem problem = parse_policy_error("line 2: unknown kind 'slob'\n");
    EXPECT_EQ(problem.line, 2u);
    EXPECT_EQ(problem.message, "unknown kind 'slob'");
    EXPECT_EQ(problem.to_string(), "line 2: unknown kind 'slob'");
}

TEST(ParsePolicyError, takes_any_text) {
    EXPECT_EQ(parse_policy_error("").message, "");
    for (const char* text : {"too long", "line", "line x: y", "line 2"}) {
        const PolicyProblem problem = parse_policy_error(text);
        EXPECT_EQ(problem.line, std::nullopt) << text;
        EXPECT_EQ(problem.to_string(), text);
    }
}

TEST(Parsers, survive_every_truncation_and_garbage) {
    std::string text =
        "vm 3 pid 1\nexits inside 1\nflush l1d done 1\nreason a code 1\ncause reason b count 2\nvm "
        "ended\n"
        "domain 1 class kvm\nkind data bytes 1\nclass kvm count 1\ntotal kvm 1\nline 1: x\n"
        "violation domain 1 address 0x1 entry 0x2 what x y\ndomains 1 leaves 2 violations 1\n";
    text += std::string("\0\x80\xff \t\r;#,:", 11);
    for (std::size_t length = 0; length <= text.size(); ++length) {
        const std::string_view part = std::string_view(text).substr(0, length);
        (void)parse_status(part);
        (void)parse_domains(part);
        (void)parse_faults(part);
        (void)parse_stats(part);
        (void)parse_verification(part);
        (void)parse_vms(part);
        (void)parse_policy(part);
        (void)parse_policy_error(part);
    }
}

}  // namespace
}  // namespace asi::ctl
