// SPDX-License-Identifier: GPL-2.0-only
//
// One table per structure ties a key of the kernel's files to a member.  The
// parsers and the JSON output both walk it, so that a new key is one new line.
#ifndef ASICTL_FIELDS_H
#define ASICTL_FIELDS_H

#include <variant>

#include "model.h"

namespace asi::ctl {

template <typename T>
struct Field {
    const char* key;
    std::variant<Number T::*, Text T::*, Flag T::*, Address T::*> member;
};

inline constexpr Field<Status> kStatusFields[] = {
    {"state", &Status::state},
    {"reason", &Status::reason},
    {"pti", &Status::pti},
    {"pcid", &Status::pcid},
    {"levels", &Status::levels},
    {"global_bit", &Status::global_bit},
    {"kvm", &Status::kvm},
    {"sci", &Status::sci},
    {"netns", &Status::netns},
    {"smt", &Status::smt},
    {"smt_threads", &Status::smt_threads},
    {"xom", &Status::xom},
    {"xom_reason", &Status::xom_reason},
    {"domains", &Status::domains},
    {"enters", &Status::enters},
    {"exits", &Status::exits},
    {"faults", &Status::faults},
    {"grows", &Status::grows},
    {"denies", &Status::denies},
    {"cr3_writes", &Status::cr3_writes},
};

inline constexpr Field<KindBytes> kKindBytesFields[] = {
    {"kind", &KindBytes::kind},
    {"bytes", &KindBytes::bytes},
};

inline constexpr Field<Domain> kDomainFields[] = {
    {"domain", &Domain::id},
    {"class", &Domain::class_name},
    {"pid", &Domain::pid},
    {"comm", &Domain::comm},
    {"tables", &Domain::tables},
    {"reserve", &Domain::reserve},
    {"owned_bytes", &Domain::owned_bytes},
    {"reachable_bytes", &Domain::reachable_bytes},
    {"ram_bytes", &Domain::ram_bytes},
};

inline constexpr Field<Fault> kFaultFields[] = {
    {"class", &Fault::class_name},  {"count", &Fault::count},     {"kind", &Fault::kind},
    {"cache", &Fault::cache},       {"access", &Fault::access},   {"action", &Fault::action},
    {"critical", &Fault::critical}, {"ip", &Fault::ip},           {"symbol", &Fault::symbol},
    {"address", &Fault::address},   {"pid", &Fault::pid},         {"cpu", &Fault::cpu},
    {"first_ns", &Fault::first_ns}, {"last_ns", &Fault::last_ns},
};

inline constexpr Field<PolicyRule> kPolicyRuleFields[] = {
    {"class", &PolicyRule::class_name}, {"kind", &PolicyRule::kind},
    {"cache", &PolicyRule::cache},      {"access", &PolicyRule::access},
    {"action", &PolicyRule::action},    {"log", &PolicyRule::log},
};

/// As they stand in a line: nothing may be missing or added.
inline constexpr Field<Violation> kViolationFields[] = {
    {"domain", &Violation::domain},
    {"address", &Violation::address},
    {"entry", &Violation::entry},
    {"what", &Violation::what},
};

inline constexpr Field<Verification> kVerificationFields[] = {
    {"domains", &Verification::domains},
    {"leaves", &Verification::leaves},
    {"violations", &Verification::violations},
};

inline constexpr Field<ExitReason> kExitReasonFields[] = {
    {"reason", &ExitReason::reason}, {"code", &ExitReason::code},
    {"inside", &ExitReason::inside}, {"left", &ExitReason::left},
    {"user", &ExitReason::user},     {"first_touch", &ExitReason::first_touch},
};

inline constexpr Field<LeaveCause> kLeaveCauseFields[] = {
    {"reason", &LeaveCause::reason}, {"code", &LeaveCause::code},
    {"how", &LeaveCause::how},       {"kind", &LeaveCause::kind},
    {"cache", &LeaveCause::cache},   {"access", &LeaveCause::access},
    {"ip", &LeaveCause::ip},         {"symbol", &LeaveCause::symbol},
    {"count", &LeaveCause::count},
};

inline constexpr Field<Flush> kFlushFields[] = {
    {"flush", &Flush::name},
    {"done", &Flush::done},
    {"avoided", &Flush::avoided},
};

inline constexpr Field<ExitCounts> kExitCountsFields[] = {
    {"inside", &ExitCounts::inside},
    {"left", &ExitCounts::left},
    {"user", &ExitCounts::user},
    {"first_touch", &ExitCounts::first_touch},
    {"first_touch_left", &ExitCounts::first_touch_left},
};

inline constexpr Field<Vm> kVmFields[] = {
    {"vm", &Vm::id},       {"pid", &Vm::pid},       {"comm", &Vm::comm},
    {"vcpus", &Vm::vcpus}, {"vendor", &Vm::vendor}, {"causes_dropped", &Vm::causes_dropped},
};

inline constexpr Field<SciProfileState> kSciProfileFields[] = {
    {"profile", &SciProfileState::name},    {"builtin", &SciProfileState::builtin},
    {"calls", &SciProfileState::calls},     {"learned_pages", &SciProfileState::learned_pages},
    {"tasks", &SciProfileState::tasks},     {"mapped_pages", &SciProfileState::mapped_pages},
    {"refused", &SciProfileState::refused},
};

inline constexpr Field<SciViolation> kSciViolationFields[] = {
    {"count", &SciViolation::count},     {"pid", &SciViolation::pid},
    {"comm", &SciViolation::comm},       {"call", &SciViolation::call},
    {"kind", &SciViolation::kind},       {"access", &SciViolation::access},
    {"address", &SciViolation::address}, {"ip", &SciViolation::ip},
    {"symbol", &SciViolation::symbol},   {"action", &SciViolation::action},
    {"reason", &SciViolation::reason},
};

inline constexpr Field<NetnsState> kNetnsFields[] = {
    {"namespace", &NetnsState::inum},
    {"isolated", &NetnsState::isolated},
    {"dying", &NetnsState::dying},
    {"granules", &NetnsState::granules},
    {"free_pieces", &NetnsState::free_pieces},
    {"table_pages", &NetnsState::table_pages},
    {"sockets_before", &NetnsState::sockets_before},
    {"tcp_private_bytes", &NetnsState::tcp_private_bytes},
    {"tcp_spilled_bytes", &NetnsState::tcp_spilled_bytes},
    {"unix_private_bytes", &NetnsState::unix_private_bytes},
    {"unix_spilled_bytes", &NetnsState::unix_spilled_bytes},
    {"udp_private_bytes", &NetnsState::udp_private_bytes},
    {"udp_spilled_bytes", &NetnsState::udp_spilled_bytes},
    {"raw_private_bytes", &NetnsState::raw_private_bytes},
    {"raw_spilled_bytes", &NetnsState::raw_spilled_bytes},
    {"packet_private_bytes", &NetnsState::packet_private_bytes},
    {"packet_spilled_bytes", &NetnsState::packet_spilled_bytes},
    {"other_private_bytes", &NetnsState::other_private_bytes},
    {"other_spilled_bytes", &NetnsState::other_spilled_bytes},
    {"not_private_sends", &NetnsState::not_private_sends},
    {"border_bytes", &NetnsState::border_bytes},
    {"border_refused", &NetnsState::border_refused},
    {"exhausted", &NetnsState::exhausted},
    {"refused", &NetnsState::refused},
    {"admitted", &NetnsState::admitted},
};

inline constexpr Field<NetnsTouch> kNetnsTouchFields[] = {
    {"action", &NetnsTouch::action}, {"owner", &NetnsTouch::owner},
    {"acting", &NetnsTouch::acting}, {"context", &NetnsTouch::context},
    {"pid", &NetnsTouch::pid},       {"comm", &NetnsTouch::comm},
    {"access", &NetnsTouch::access}, {"address", &NetnsTouch::address},
    {"ip", &NetnsTouch::ip},         {"symbol", &NetnsTouch::symbol},
};

inline constexpr Field<XomReader> kXomReaderFields[] = {
    {"refused", &XomReader::refused},
    {"logged", &XomReader::logged},
    {"symbol", &XomReader::symbol},
};

inline constexpr Field<Xom> kXomFields[] = {
    {"backend", &Xom::backend},
    {"reason", &Xom::reason},
    {"action", &Xom::action},
    {"kernel_pages", &Xom::kernel_pages},
    {"kernel_pages_large", &Xom::kernel_pages_large},
    {"module_pages", &Xom::module_pages},
    {"ftrace_pages", &Xom::ftrace_pages},
    {"probe_pages", &Xom::probe_pages},
    {"other_pages", &Xom::other_pages},
    {"windows", &Xom::windows},
    {"refused", &Xom::refused},
    {"logged", &Xom::logged},
    {"aliases_refused", &Xom::aliases_refused},
};

}  // namespace asi::ctl

#endif  // ASICTL_FIELDS_H
