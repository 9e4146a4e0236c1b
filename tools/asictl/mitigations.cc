// SPDX-License-Identifier: GPL-2.0-only
#include "mitigations.h"

#include <algorithm>

namespace asi::ctl {
namespace {

constexpr std::string_view kForce = ",force";

/// asi_flush=, as it came out.
struct FlushMode {
    std::string name;  ///< "auto"
    bool forced;
};

std::optional<FlushMode> flush_mode(const MachineFacts& facts) {
    if (!facts.flush_mode) return std::nullopt;
    const std::string& text = *facts.flush_mode;
    const bool forced = text.ends_with(kForce);
    const std::string name = forced ? text.substr(0, text.size() - kForce.size()) : text;
    if (name != "auto" && name != "always" && name != "never") return std::nullopt;
    return FlushMode{name, forced};
}

bool is_of_guests(Vector vector) {
    return vector == Vector::kGuestHost || vector == Vector::kGuestGuest;
}

WayState by_kernel(const Said& said) {
    switch (said.verdict) {
        case Verdict::kUnaffected:
            return {State::kNotAffected, By::kNobody, said.words};
        case Verdict::kMitigated:
            return {State::kMitigated, By::kKernel, said.words};
        case Verdict::kPartly:
            return {State::kPartly, By::kKernel, said.words};
        case Verdict::kOpen:
            return {State::kOpen, By::kNobody, said.words};
        case Verdict::kUnknown:
            break;
    }
    return {State::kUnknown, By::kNobody, said.words};
}

WayState with_flushes(const MachineFacts& facts, const Said& said) {
    const auto mode = flush_mode(facts);
    if (!mode) return {State::kUnknown, By::kNobody, "what asi_flush= came to is not known"};
    // What works otherwise, TSX off for instance, isolation leaves alone.
    if (!said.clears() && !mode->forced) return by_kernel(said);
    if (said.verdict == Verdict::kMitigated && !said.clears()) return by_kernel(said);
    // What is demanded at every entry is done at every entry.
    const bool demanded = said.words == "VMX: cache flushes";
    if (mode->name == "never" && !demanded) {
        return {State::kOpen, By::kNobody,
                "asi_flush=never, and the kernel's own flush is off for isolated guests"};
    }
    const bool always = mode->name == "always" || demanded;
    const std::string when = always ? "flushed at every entry" : "flushed on return to isolation";
    if (said.verdict == Verdict::kMitigated)
        return {State::kMitigated, By::kIsolation, said.words + "; " + when};
    if (said.verdict == Verdict::kOpen && mode->forced)
        return {State::kPartly, By::kIsolation, said.words + "; " + when + ", by force"};
    return by_kernel(said);
}

WayState of_isolated_guest(const MachineFacts& facts, const Way& way, const Said& said) {
    if (way.effect == Effect::kFlushes) return with_flushes(facts, said);
    WayState result = by_kernel(said);
    if (way.effect == Effect::kNarrows) {
        if (result.state == State::kOpen) {
            result.state = State::kPartly;
            result.by = By::kIsolation;
        }
        result.why += "; inside less is mapped";
    }
    return result;
}

WayState assess_way(const MachineFacts& facts, const Bug& bug, Vector vector,
                    const std::string& text) {
    const Way& way = bug.way(vector);
    const Said whole = says_state(facts.vulnerabilities, text);
    if (whole.verdict == Verdict::kUnaffected) return by_kernel(whole);
    if (!way.kernel) return {State::kNoWay, By::kNobody, way.remains};
    if (vector == Vector::kSibling) {
        if (!facts.smt_active)
            return {State::kUnknown, By::kNobody, "the kernel does not say whether siblings run"};
        if (!*facts.smt_active)
            return {State::kMitigated, By::kNoSibling, "no sibling thread runs"};
    }
    const Said said = way.says(facts.vulnerabilities, text);
    if (is_of_guests(vector) && facts.guests_isolated()) return of_isolated_guest(facts, way, said);
    WayState result = by_kernel(said);
    // Of those who asked; the others are not better off.
    if (way.effect == Effect::kCalls && facts.calls_isolated())
        result.why += "; in isolated system calls less is mapped";
    return result;
}

BugState assess_bug(const MachineFacts& facts, const Bug& bug) {
    BugState result{.file = bug.file, .bug = &bug, .says = std::nullopt, .ways = {}};
    const std::string* const text = find_text(facts.vulnerabilities, bug.file);
    if (text) result.says = *text;
    for (std::size_t i = 0; i < kVectors; ++i) {
        result.ways[i] = text ? assess_way(facts, bug, static_cast<Vector>(i), *text)
                              : WayState{State::kNotReported, By::kNobody, ""};
    }
    return result;
}

BugState unknown_bug(const std::string& file, const std::string& text) {
    BugState result{.file = file, .bug = nullptr, .says = text, .ways = {}};
    const bool unaffected = text.starts_with("Not affected");
    for (WayState& way : result.ways) {
        way.state = unaffected ? State::kNotAffected : State::kUnknown;
        way.why = unaffected ? text : "unknown to asictl";
    }
    return result;
}

}  // namespace

bool MachineFacts::guests_isolated() const {
    return status && status->state == "on" && status->kvm == true;
}

bool MachineFacts::calls_isolated() const {
    return status && status->state == "on" && status->sci == true;
}

bool BugState::affected() const {
    return says && !says->starts_with("Not affected");
}

const char* name_of(State state) {
    constexpr const char* kNames[] = {"not_reported", "not_affected", "no_way", "mitigated",
                                      "partly",       "open",         "unknown"};
    return kNames[static_cast<std::size_t>(state)];
}

const char* name_of(By by) {
    constexpr const char* kNames[] = {nullptr, "kernel", "isolation", "no_sibling"};
    return kNames[static_cast<std::size_t>(by)];
}

std::vector<BugState> assess(const MachineFacts& facts) {
    std::vector<BugState> bugs;
    for (const Bug& bug : known_bugs()) bugs.push_back(assess_bug(facts, bug));
    for (const auto& [file, text] : facts.vulnerabilities)
        if (!find_bug(file)) bugs.push_back(unknown_bug(file, text));
    return bugs;
}

FlushSum sum_flushes(const MachineFacts& facts, const std::string& name) {
    FlushSum sum;
    if (!facts.vms) return sum;
    for (const Vm& vm : *facts.vms) {
        for (const Flush& flush : vm.flushes) {
            if (flush.name != name) continue;
            sum.done = sum.done.value_or(0) + flush.done.value_or(0);
            sum.avoided = sum.avoided.value_or(0) + flush.avoided.value_or(0);
        }
    }
    return sum;
}

}  // namespace asi::ctl
