// SPDX-License-Identifier: GPL-2.0-only
//
// The table of processor bugs, how the kernel's texts about them are read, and what comes out
// for a machine.
#include "mitigations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace asi::ctl {
namespace {

TEST(MitigationTable, says_something_of_each_bug_and_vector) {
    std::set<std::string> files;
    for (const Bug& bug : known_bugs()) {
        EXPECT_TRUE(files.insert(bug.file).second) << bug.file;
        for (const char* text : {bug.name, bug.cves, bug.leaks}) EXPECT_STRNE(text, "") << bug.file;
        for (const Way& way : bug.ways) {
            ASSERT_NE(way.remains, nullptr) << bug.file;
            EXPECT_STRNE(way.remains, "") << bug.file;
            if (!way.kernel) {
                EXPECT_EQ(way.effect, Effect::kNone) << bug.file;
                continue;
            }
            EXPECT_NE(way.says, nullptr) << bug.file;
            for (const char* text : {way.kernel, way.isolation, way.flushed})
                EXPECT_TRUE(text && *text) << bug.file;
        }
    }
}

/// Where isolation has an effect it is said, and where it has none that is said.
TEST(MitigationTable, tells_the_effect_of_isolation_as_it_is_evaluated) {
    for (const Bug& bug : known_bugs()) {
        for (const Way& way : bug.ways) {
            if (!way.kernel) continue;
            const bool nothing = std::strncmp(way.isolation, "nothing", 7) == 0;
            EXPECT_EQ(nothing, way.effect == Effect::kNone) << bug.file << ": " << way.isolation;
            const bool flushes = way.effect == Effect::kFlushes || way.effect == Effect::kAdds;
            EXPECT_EQ(flushes, way.flush != nullptr) << bug.file;
            EXPECT_EQ(flushes, std::strstr(way.flushed, "isolation") != nullptr &&
                                   std::strstr(way.flushed, "asi_flush=never") != nullptr)
                << bug.file << ": " << way.flushed;
        }
    }
}

TEST(MitigationTable, isolation_touches_no_sibling_and_its_flushes_are_guests_only) {
    for (const Bug& bug : known_bugs()) {
        EXPECT_EQ(bug.way(Vector::kSibling).effect, Effect::kNone) << bug.file;
        for (const Vector vector : {Vector::kUserKernel, Vector::kUserUser})
            EXPECT_EQ(bug.way(vector).flush, nullptr) << bug.file;
    }
}

TEST(MitigationTable, each_flush_has_an_account) {
    const auto accounts = flush_accounts();
    for (const Bug& bug : known_bugs()) {
        for (const Way& way : bug.ways) {
            if (!way.flush) continue;
            EXPECT_TRUE(std::any_of(
                accounts.begin(), accounts.end(),
                [&](const FlushAccount& account) { return !strcmp(account.name, way.flush); }))
                << way.flush;
        }
    }
}

// ---- reading -------------------------------------------------------------------

using enum Verdict;

struct Reading {
    Reader* reader;
    const char* text;
    Verdict verdict;
    const char* words;  ///< some of them
};

TEST(VulnerabilityText, is_read_for_each_way) {
    const char* const smt = "Mitigation: Clear CPU buffers; SMT vulnerable";
    const Reading readings[] = {
        {says_state, "Not affected", kUnaffected, "Not affected"},
        {says_state, "Vulnerable", kOpen, "Vulnerable"},
        {says_state, "Vulnerable: No microcode", kOpen, "No microcode"},
        {says_state, "Processor vulnerable", kOpen, ""},
        {says_state, "Mitigation: PTI", kMitigated, "PTI"},
        {says_state, "Unknown: Dependent on hypervisor status", kUnknown, "hypervisor"},
        {says_state, "", kUnknown, ""},
        {says_state, "something else", kUnknown, "something"},
        {says_state, smt, kMitigated, "buffers"},
        {says_state, "Mitigation: PTI; isolated guests: flushed at every entry", kMitigated, "PTI"},
        {says_state, "Mitigation: PTI; isolated guests with a device: not flushed", kMitigated,
         "PTI"},

        {says_smt, smt, kOpen, "SMT vulnerable"},
        {says_smt, "Mitigation: Clear CPU buffers; SMT disabled", kMitigated, "disabled"},
        {says_smt, "Mitigation: Clear CPU buffers; SMT mitigated", kMitigated, "mitigated"},
        {says_smt, "Vulnerable; SMT Host state unknown", kUnknown, "Host"},
        {says_smt, "Mitigation: TSX disabled", kMitigated, "TSX"},
        {says_smt, "Vulnerable", kOpen, "Vulnerable"},

        {says_kvm, "KVM: Mitigation: Split huge pages", kMitigated, "Split"},
        {says_kvm, "KVM: Vulnerable", kOpen, "KVM"},
        {says_kvm, "Processor vulnerable", kOpen, ""},
        {says_kvm, "Mitigation: Vulnerable, KVM: Not affected", kUnaffected, "KVM"},
        {says_kvm, "Mitigation: Aligned branch/return thunks", kMitigated, "Aligned"},
        {says_state, "Mitigation: Vulnerable, KVM: Not affected", kOpen, ""},

        {says_vmx, "Mitigation: PTE Inversion", kUnknown, "before KVM is loaded"},
        {says_vmx, "Mitigation: PTE Inversion; VMX: auto", kUnknown, "auto"},
        {says_vmx, "Mitigation: PTE Inversion; VMX: cache flushes, SMT disabled", kMitigated,
         "VMX: cache flushes"},
        {says_vmx, "Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable",
         kMitigated, "conditional"},
        {says_vmx, "Mitigation: PTE Inversion; VMX: vulnerable, SMT disabled", kOpen, "vulnerable"},
        {says_vmx, "Mitigation: PTE Inversion; VMX: vulnerable", kOpen, "vulnerable"},
        {says_vmx, "Mitigation: PTE Inversion; VMX: EPT disabled", kMitigated, "EPT"},
        {says_vmx, "Vulnerable", kOpen, ""},
        {says_vmx_smt, "Mitigation: PTE Inversion", kMitigated, "PTE"},
        {says_vmx_smt, "Mitigation: PTE Inversion; VMX: cache flushes, SMT vulnerable", kOpen, ""},
        {says_vmx_smt, "Mitigation: PTE Inversion; VMX: vulnerable", kOpen, ""},
        {says_vmx_smt, "Mitigation: PTE Inversion; VMX: EPT disabled", kMitigated, ""},
        {says_vmx_smt, "Vulnerable", kOpen, ""},

        {says_user_branches, "Mitigation: IBRS; BHI: Vulnerable, KVM: SW loop", kPartly, "BHI"},
        {says_host_branches, "Mitigation: IBRS; BHI: Vulnerable, KVM: SW loop", kMitigated, ""},
        {says_host_branches, "Mitigation: IBRS; BHI: Vulnerable", kPartly, "BHI"},
        {says_host_branches, "Mitigation: IBRS; PBRSB-eIBRS: Vulnerable; BHI: Not affected",
         kPartly, "PBRSB"},
        {says_user_branches, "Mitigation: IBRS; BHI: Not affected", kMitigated, "IBRS"},
        {says_user_branches, "Mitigation: Retpolines; BHI: Retpoline - vulnerable module loaded",
         kPartly, "module"},
        {says_host_branches, "Vulnerable; BHI: Vulnerable", kOpen, "Vulnerable"},

        {says_ssb, "Mitigation: Speculative Store Bypass disabled", kMitigated, ""},
        {says_ssb, "Mitigation: Speculative Store Bypass disabled via prctl", kPartly, "prctl"},
        {says_ssb, "Vulnerable", kOpen, ""},

        {says_srso_user, "Mitigation: Safe RET", kMitigated, ""},
        {says_srso_user, "Mitigation: IBPB on VMEXIT only", kPartly, ""},
        {says_srso_user, "Mitigation: Reduced Speculation", kPartly, ""},
        {says_state, "Mitigation: IBPB on VMEXIT only", kMitigated, ""},

        {says_tsa_user, "Mitigation: Clear CPU buffers: VM", kOpen, ""},
        {says_tsa_guest, "Mitigation: Clear CPU buffers: VM", kMitigated, ""},
        {says_tsa_user, "Mitigation: Clear CPU buffers: user/kernel boundary", kMitigated, ""},
        {says_tsa_guest, "Mitigation: Clear CPU buffers: user/kernel boundary", kOpen, ""},
        {says_tsa_guest, "Mitigation: Clear CPU buffers", kMitigated, ""},
    };
    for (const Reading& reading : readings) {
        const Said said = reading.reader({}, reading.text);
        EXPECT_EQ(said.verdict, reading.verdict) << reading.text << " -> " << said.words;
        EXPECT_NE(said.words.find(reading.words), std::string::npos)
            << reading.text << " -> " << said.words;
    }
}

struct BarrierReading {
    Reader* reader;
    const char* spectre_v2;
    const char* text;
    Verdict verdict;
};

TEST(VulnerabilityText, barriers_are_read_from_spectre_v2) {
    const char* const conditional = "Mitigation: Retpolines; IBPB: conditional; STIBP: conditional";
    const char* const always = "Mitigation: Retpolines; IBPB: always-on; STIBP: forced";
    const char* const disabled = "Mitigation: Retpolines; IBPB: disabled; STIBP: disabled";
    const BarrierReading readings[] = {
        {says_task_ibpb, conditional, "", kPartly},
        {says_task_ibpb, always, "", kMitigated},
        {says_task_ibpb, disabled, "", kOpen},
        {says_task_ibpb, "Mitigation: Retpolines", "", kOpen},
        {says_task_ibpb, "Not affected", "", kUnaffected},
        {says_vcpu_ibpb, conditional, "", kMitigated},
        {says_vcpu_ibpb, disabled, "", kOpen},
        {says_stibp, conditional, "", kPartly},
        {says_stibp, always, "", kMitigated},
        {says_stibp, disabled, "", kOpen},
        {says_stibp, "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional", "", kMitigated},
        {says_stibp, "Mitigation: Retpolines; IBPB: conditional", "", kOpen},
        {says_stibp, "Vulnerable: eIBRS with unprivileged eBPF", "", kOpen},
        {says_srso_tasks, always, "Mitigation: Safe RET", kMitigated},
        {says_srso_tasks, always, "Vulnerable: Safe RET, no microcode", kOpen},
        {says_srso_tasks, disabled, "Mitigation: SMT disabled", kMitigated},
        {says_srso_vcpus, conditional, "Vulnerable: No microcode", kOpen},
        {says_its_tasks, always, "Mitigation: Aligned branch/return thunks", kPartly},
        {says_its_vcpus, conditional, "Mitigation: Aligned branch/return thunks", kPartly},
        {says_its_vcpus, disabled, "Vulnerable", kOpen},
        {says_retbleed_smt, always, "Mitigation: IBRS", kMitigated},
        {says_retbleed_smt, always, "Vulnerable", kOpen},
        {says_retbleed_smt, disabled, "Mitigation: IBPB; SMT enabled with STIBP protection",
         kMitigated},
        {says_retbleed_smt, always, "Mitigation: untrained return thunk; SMT vulnerable", kOpen},
    };
    for (const BarrierReading& reading : readings) {
        const VulnerabilityTexts texts = {{"spectre_v2", reading.spectre_v2}};
        EXPECT_EQ(reading.reader(texts, reading.text).verdict, reading.verdict)
            << reading.spectre_v2 << " / " << reading.text;
    }
    EXPECT_EQ(says_task_ibpb({}, "").verdict, kUnknown);
    EXPECT_EQ(says_stibp({}, "").verdict, kUnknown);
}

// ---- a machine -----------------------------------------------------------------

constexpr const char* kClear = "Mitigation: Clear CPU buffers; SMT vulnerable";

MachineFacts machine(VulnerabilityTexts texts, const char* flush_mode = "auto") {
    MachineFacts facts;
    facts.vulnerabilities = std::move(texts);
    facts.status.emplace();
    facts.status->state = "on";
    facts.status->kvm = true;
    facts.status->sci = true;
    facts.flush_mode = flush_mode;
    facts.smt_active = true;
    return facts;
}

WayState way_of(const MachineFacts& facts, const std::string& file, Vector vector) {
    for (const BugState& bug : assess(facts))
        if (bug.file == file) return bug.ways[static_cast<std::size_t>(vector)];
    ADD_FAILURE() << file;
    return {};
}

std::string shown(const WayState& way) {
    return std::string(name_of(way.state)) + (name_of(way.by) ? " " : "") +
           (name_of(way.by) ? name_of(way.by) : "");
}

std::string shown(const MachineFacts& facts, const std::string& file, Vector vector) {
    return shown(way_of(facts, file, vector));
}

constexpr Vector kGuests[] = {Vector::kGuestHost, Vector::kGuestGuest};

TEST(Mitigations, each_mode_of_flushing_changes_the_row) {
    for (const Vector vector : kGuests) {
        const VulnerabilityTexts mds = {{"mds", kClear}};
        EXPECT_EQ(shown(machine(mds, "auto"), "mds", vector), "mitigated isolation");
        EXPECT_EQ(shown(machine(mds, "always"), "mds", vector), "mitigated isolation");
        EXPECT_EQ(shown(machine(mds, "never"), "mds", vector), "open");
        EXPECT_EQ(shown(machine(mds, "never,force"), "mds", vector), "open");
        EXPECT_EQ(shown(machine(mds, "sometimes"), "mds", vector), "unknown");
        EXPECT_NE(way_of(machine(mds, "auto"), "mds", vector).why,
                  way_of(machine(mds, "always"), "mds", vector).why);
        MachineFacts silent = machine(mds);
        silent.flush_mode = std::nullopt;
        EXPECT_EQ(shown(silent, "mds", vector), "unknown");
    }
}

TEST(Mitigations, without_isolation_the_kernels_word_counts) {
    MachineFacts facts = machine({{"mds", kClear}}, "never");
    for (const auto& [state, kvm] : {std::pair("off", true), {"on", false}}) {
        facts.status->state = state;
        facts.status->kvm = kvm;
        EXPECT_EQ(shown(facts, "mds", Vector::kGuestHost), "mitigated kernel");
    }
    facts.status = std::nullopt;
    EXPECT_EQ(shown(facts, "mds", Vector::kGuestHost), "mitigated kernel");
    EXPECT_EQ(shown(facts, "mds", Vector::kUserKernel), "mitigated kernel");
}

TEST(Mitigations, isolation_flushes_nothing_that_the_kernel_would_not) {
    const VulnerabilityTexts off = {
        {"mds", "Vulnerable; SMT vulnerable; isolated guests: flushed on return to isolation"}};
    EXPECT_EQ(shown(machine(off, "auto"), "mds", Vector::kGuestHost), "open");
    EXPECT_EQ(shown(machine(off, "auto,force"), "mds", Vector::kGuestHost), "partly isolation");
    EXPECT_EQ(shown(machine(off, "never,force"), "mds", Vector::kGuestHost), "open");
    const VulnerabilityTexts tsx = {{"tsx_async_abort", "Mitigation: TSX disabled"}};
    for (const char* mode : {"auto", "never", "always,force"})
        EXPECT_EQ(shown(machine(tsx, mode), "tsx_async_abort", Vector::kGuestHost),
                  "mitigated kernel");
}

TEST(Mitigations, what_is_not_mapped_narrows_speculation_of_exits) {
    const VulnerabilityTexts open = {{"retbleed", "Vulnerable"}, {"spectre_v2", "Vulnerable"}};
    EXPECT_EQ(shown(machine(open), "retbleed", Vector::kGuestHost), "partly isolation");
    EXPECT_EQ(shown(machine(open), "retbleed", Vector::kUserKernel), "open");
    EXPECT_EQ(shown(machine(open), "retbleed", Vector::kGuestGuest), "open");
    MachineFacts off = machine(open);
    off.status->state = "off";
    EXPECT_EQ(shown(off, "retbleed", Vector::kGuestHost), "open");
    const VulnerabilityTexts closed = {{"retbleed", "Mitigation: IBRS"}};
    EXPECT_EQ(shown(machine(closed), "retbleed", Vector::kGuestHost), "mitigated kernel");
}

TEST(Mitigations, the_kernels_barrier_stays_when_isolation_does_none) {
    const VulnerabilityTexts texts = {{"spectre_v2", "Mitigation: Retpolines; IBPB: conditional"}};
    EXPECT_EQ(shown(machine(texts, "never"), "spectre_v2", Vector::kGuestGuest),
              "mitigated kernel");
}

TEST(Mitigations, siblings_follow_smt) {
    MachineFacts facts = machine({{"mds", kClear}, {"itlb_multihit", "KVM: Vulnerable"}});
    EXPECT_EQ(shown(facts, "mds", Vector::kSibling), "open");
    EXPECT_EQ(shown(facts, "itlb_multihit", Vector::kSibling), "no_way");
    facts.smt_active = false;
    EXPECT_EQ(shown(facts, "mds", Vector::kSibling), "mitigated no_sibling");
    facts.smt_active = std::nullopt;
    EXPECT_EQ(shown(facts, "mds", Vector::kSibling), "unknown");
}

TEST(Mitigations, what_is_demanded_at_every_entry_is_done_there) {
    const VulnerabilityTexts l1tf = {
        {"l1tf", "Mitigation: PTE Inversion; VMX: cache flushes, SMT disabled"}};
    for (const char* mode : {"auto", "always", "never"}) {
        const WayState way = way_of(machine(l1tf, mode), "l1tf", Vector::kGuestHost);
        EXPECT_EQ(shown(way), "mitigated isolation") << mode;
        EXPECT_NE(way.why.find("flushed at every entry"), std::string::npos) << way.why;
    }
    const VulnerabilityTexts sometimes = {
        {"l1tf", "Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT disabled"}};
    EXPECT_EQ(shown(machine(sometimes, "auto"), "l1tf", Vector::kGuestHost), "mitigated isolation");
    EXPECT_EQ(shown(machine(sometimes, "never"), "l1tf", Vector::kGuestHost), "open");
}

TEST(Mitigations, devices_alone_are_a_reason_to_clear) {
    EXPECT_EQ(shown(machine({{"mmio_stale_data", "Mitigation: Clear CPU buffers; SMT disabled"}}),
                    "mmio_stale_data", Vector::kGuestHost),
              "mitigated isolation");
}

TEST(Mitigations, every_vector_of_a_bug_that_is_not_there_says_so) {
    const std::vector<BugState> bugs = assess(machine({{"mds", "Not affected"}}));
    for (const BugState& bug : bugs) {
        for (const WayState& way : bug.ways) {
            EXPECT_EQ(shown(way), bug.file == "mds" ? "not_affected" : "not_reported");
        }
    }
    EXPECT_EQ(bugs.size(), known_bugs().size());
}

TEST(Mitigations, a_bug_that_only_the_kernel_knows_is_kept) {
    const std::vector<BugState> bugs =
        assess(machine({{"newest", "Vulnerable"}, {"other", "Not affected"}}));
    ASSERT_EQ(bugs.size(), known_bugs().size() + 2);
    EXPECT_EQ(bugs[known_bugs().size()].bug, nullptr);
    EXPECT_EQ(shown(bugs[known_bugs().size()].ways[0]), "unknown");
    EXPECT_EQ(shown(bugs.back().ways[0]), "not_affected");
}

/// Whatever a newer kernel writes, nothing is called mitigated that does not say so.
TEST(Mitigations, words_that_are_not_known_mitigate_nothing) {
    for (const char* text : {"", "Mitigated", "mitigation: x", "Unknown", "; ;", "SMT disabled"}) {
        for (const Bug& bug : known_bugs()) {
            const MachineFacts facts = machine({{bug.file, text}});
            for (std::size_t i = 0; i < kVectors; ++i) {
                const auto vector = static_cast<Vector>(i);
                if (vector == Vector::kSibling && std::strstr(text, "SMT disabled")) continue;
                const WayState way = way_of(facts, bug.file, vector);
                EXPECT_NE(way.state, State::kMitigated) << bug.file << " '" << text << "'";
                EXPECT_NE(way.state, State::kNotAffected) << bug.file << " '" << text << "'";
            }
        }
    }
}

TEST(Mitigations, flushes_are_summed_over_machines) {
    MachineFacts facts;
    EXPECT_FALSE(sum_flushes(facts, "l1d").done);
    facts.vms.emplace(2);
    EXPECT_FALSE(sum_flushes(facts, "l1d").done);
    (*facts.vms)[0].flushes = {{"l1d", 3, 100, {}}, {"ibpb", 1, 5, {}}};
    (*facts.vms)[1].flushes = {{"l1d", 4, std::nullopt, {}}};
    EXPECT_EQ(sum_flushes(facts, "l1d").done, 7u);
    EXPECT_EQ(sum_flushes(facts, "l1d").avoided, 100u);
    EXPECT_EQ(sum_flushes(facts, "ibpb").done, 1u);
    EXPECT_FALSE(sum_flushes(facts, "buffers").done);
}

}  // namespace
}  // namespace asi::ctl
