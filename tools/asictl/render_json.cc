// SPDX-License-Identifier: GPL-2.0-only
#include "render_json.h"

#include <nlohmann/json.hpp>

#include "fields.h"
#include "order.h"
#include "syscalls.h"
#include "table.h"

namespace asi::ctl {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json value_of(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

Json value_of(const Address& address) {
    return address.value ? Json(format_hex(address.value)) : Json();
}

/// A word of an unknown key: a number where it is one.
Json guess(const std::string& word) {
    const Number number = parse_number(word);
    return number && !word.starts_with("0x") ? Json(*number) : Json(word);
}

/// A key that comes more than once becomes an array.
Json object_of(const Pairs& pairs) {
    Json object = Json::object();
    for (const auto& [key, value] : pairs) {
        if (!object.contains(key)) {
            object[key] = guess(value);
            continue;
        }
        Json& present = object[key];
        if (!present.is_array()) present = Json::array({present});
        present.push_back(guess(value));
    }
    return object;
}

template <typename T, std::size_t N>
Json object_of(const T& source, const Field<T> (&fields)[N]) {
    Json object = Json::object();
    for (const Field<T>& field : fields) {
        object[field.key] =
            std::visit([&](auto member) { return value_of(source.*member); }, field.member);
    }
    return object;
}

/// With what the parser did not know; the last member of every object that a
/// line of a kernel file stands behind.
void add_other(Json& object, const Pairs& other) {
    object["other"] = object_of(other);
}

template <typename T, std::size_t N>
Json whole_object_of(const T& source, const Field<T> (&fields)[N]) {
    Json object = object_of(source, fields);
    add_other(object, source.other);
    return object;
}

Json json_of(const KindBytes& kind, const Domain& domain) {
    Json object = object_of(kind, kKindBytesFields);
    object["reachable_percent"] = value_of(percent(kind.bytes, domain.reachable_bytes));
    object["ram_percent"] = value_of(percent(kind.bytes, domain.ram_bytes));
    add_other(object, kind.other);
    return object;
}

Json json_of(const Domain& domain) {
    Json object = object_of(domain, kDomainFields);
    object["ram_percent"] = value_of(percent(domain.reachable_bytes, domain.ram_bytes));
    object["kinds"] = Json::array();
    for (const KindBytes& kind : domain.kinds) object["kinds"].push_back(json_of(kind, domain));
    add_other(object, domain.other);
    return object;
}

Json json_of(const Fault& fault) {
    return whole_object_of(fault, kFaultFields);
}

Json json_of(const PolicyRule& rule) {
    Json object = object_of(rule, kPolicyRuleFields);
    object["text"] = rule.text;
    return object;
}

Json json_of(const ExitCounts& counts) {
    Json object = Json::object();
    object["total"] = total_exits(counts);
    object.update(object_of(counts, kExitCountsFields));
    object["inside_percent"] = value_of(inside_percent(counts.inside, counts.left));
    add_other(object, counts.other);
    return object;
}

Json json_of(const Flush& flush) {
    Json object = object_of(flush, kFlushFields);
    object["avoided_percent"] = value_of(avoided_percent(flush.done, flush.avoided));
    add_other(object, flush.other);
    return object;
}

Json json_of(const ExitReason& reason) {
    Json object = object_of(reason, kExitReasonFields);
    object["total"] = total_exits(reason);
    object["inside_percent"] = value_of(inside_percent(reason.inside, reason.left));
    add_other(object, reason.other);
    return object;
}

Json json_of(const LeaveCause& cause) {
    return whole_object_of(cause, kLeaveCauseFields);
}

Json json_of(const SciProfileState& profile) {
    return whole_object_of(profile, kSciProfileFields);
}

Json json_of(const CallNeeds& needs) {
    Json data = Json::array();
    for (const auto& [kind, access] : needs.data)
        data.push_back({{"kind", kind}, {"access", access}});
    return {{"call", needs.number},
            {"call_name", call_name(needs.number)},
            {"text_pages", needs.text_pages},
            {"data", std::move(data)}};
}

/// What there is to say about a profile in a line.
Json summary_of(const SciProfile& profile) {
    return {{"profile", profile.name()},
            {"build_id", profile.build_id()},
            {"calls", profile.calls().size()},
            {"text_pages", profile.text_pages()}};
}

Json json_of(const SciViolation& violation) {
    Json object = object_of(violation, kSciViolationFields);
    object["call_name"] =
        violation.call ? Json(call_name(static_cast<unsigned>(*violation.call))) : Json();
    add_other(object, violation.other);
    return object;
}

Json json_of(const NetnsState& state) {
    Json object = object_of(state, kNetnsFields);
    object["name"] = value_of(state.name);
    add_other(object, state.other);
    return object;
}

Json json_of(const XomReader& reader) {
    return whole_object_of(reader, kXomReaderFields);
}

Json json_of(const NetnsTouch& touch) {
    return whole_object_of(touch, kNetnsTouchFields);
}

Json text_or_null(const char* text) {
    return text ? Json(text) : Json();
}

/// What is known of one way on every machine.
Json json_of(const Way& way) {
    if (!way.kernel) return {{"way", false}, {"why_not", way.remains}};
    return {{"way", true},
            {"kernel", way.kernel},
            {"isolation", way.isolation},
            {"flushed", way.flushed},
            {"remains", way.remains},
            {"effect", kEffectNames[static_cast<std::size_t>(way.effect)]},
            {"flush", text_or_null(way.flush)}};
}

Json json_of(const WayState& way) {
    return {{"state", name_of(way.state)}, {"by", text_or_null(name_of(way.by))}, {"why", way.why}};
}

Json names_of(const BugState& bug) {
    Json object = {{"bug", bug.file}, {"known", bug.bug != nullptr}};
    for (const auto& [key, text] : {std::pair("name", bug.bug ? bug.bug->name : nullptr),
                                    {"cves", bug.bug ? bug.bug->cves : nullptr},
                                    {"leaks", bug.bug ? bug.bug->leaks : nullptr}})
        object[key] = text_or_null(text);
    return object;
}

Json json_of(const BugState& bug) {
    Json object = names_of(bug);
    object["reported"] = bug.says.has_value();
    object["affected"] = bug.says ? Json(bug.affected()) : Json();
    object["kernel_says"] = value_of(bug.says);
    for (std::size_t i = 0; i < kVectors; ++i) {
        Json way = json_of(bug.ways[i]);
        if (bug.bug) way.update(json_of(bug.bug->ways[i]));
        object["vectors"][kVectorNames[i].key] = std::move(way);
    }
    return object;
}

/// Of each, what json_of() says.
template <typename T>
Json array_of(const std::vector<T>& items) {
    Json array = Json::array();
    for (const T& item : items) array.push_back(json_of(item));
    return array;
}

Json json_of(const Vm& vm) {
    Json object = object_of(vm, kVmFields);
    object["exits"] = json_of(vm.exits);
    object["flushes"] = array_of(vm.flushes);
    object["reasons"] = array_of(vm.reasons);
    object["causes"] = array_of(vm.causes);
    add_other(object, vm.other);
    return object;
}

Json error_of(const std::optional<PolicyProblem>& problem) {
    if (!problem) return nullptr;
    return {{"line", value_of(problem->line)}, {"message", problem->message}};
}

Json rates_of(const Vm& vm, double seconds) {
    const auto rate = [&](const Number& count) { return value_of(per_second(count, seconds)); };
    return {{"exits", rate(total_exits(vm.exits))},
            {"left", rate(vm.exits.left)},
            {"user", rate(vm.exits.user)},
            {"flushes_done", rate(flushes_done(vm))},
            {"flushes_avoided", rate(flushes_avoided(vm))}};
}

Json json_of(const FlushAccount& account, const MachineFacts& facts) {
    const FlushSum sum = sum_flushes(facts, account.name);
    return {{"flush", account.name},
            {"done", value_of(sum.done)},
            {"avoided", value_of(sum.avoided)},
            {"where", account.where}};
}

Json machine_of(const MachineFacts& facts) {
    const auto from_status = [&](const auto member) {
        return facts.status ? value_of(*facts.status.*member) : Json();
    };
    return {
        {"isolation", from_status(&Status::state)},   {"reason", from_status(&Status::reason)},
        {"guests_isolated", facts.guests_isolated()}, {"calls_isolated", facts.calls_isolated()},
        {"asi_flush", value_of(facts.flush_mode)},    {"smt_control", value_of(facts.smt_control)},
        {"smt_active", value_of(facts.smt_active)},   {"asi_smt", from_status(&Status::smt)}};
}

std::string to_text(const Json& json) {
    // Names such as comm are bytes, not necessarily UTF-8.
    return json.dump(2, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string json_of_status(const Status& status) {
    return to_text(whole_object_of(status, kStatusFields));
}

std::string json_of_domains(const std::vector<Domain>& domains) {
    return to_text({{"domains", array_of(domains)}});
}

std::string json_of_faults(const FaultLog& log) {
    Json object = {{"faults", array_of(log.records)}, {"totals", Json::array()}};
    for (const FaultTotals& totals : log.totals) {
        object["totals"].push_back({{"class", totals.class_name},
                                    {"total", value_of(totals.total)},
                                    {"dropped", value_of(totals.dropped)}});
    }
    add_other(object, log.other);
    return to_text(object);
}

std::string json_of_cleared() {
    return to_text({{"cleared", true}});
}

std::string json_of_policy(const std::string& source, const std::string& text) {
    return to_text({{"source", source}, {"rules", array_of(parse_policy(text))}});
}

std::string json_of_policy_result(bool applied, const std::optional<PolicyProblem>& problem) {
    Json object = {{"valid", !problem}, {"applied", applied}, {"error", error_of(problem)}};
    return to_text(object);
}

std::string json_of_stats(const Pairs& stats) {
    return to_text(object_of(stats));
}

std::string json_of_verification(const Verification& verification) {
    Json object = object_of(verification, kVerificationFields);
    object["shown"] = Json::array();
    for (const Violation& violation : verification.shown)
        object["shown"].push_back(object_of(violation, kViolationFields));
    return to_text(object);
}

std::string json_of_vms(const std::vector<Vm>& vms) {
    Json object = {{"vms", Json::array()}, {"ended", nullptr}};
    for (const Vm& vm : vms) {
        if (vm.ended) {
            object["ended"] = json_of(vm);
        } else {
            object["vms"].push_back(json_of(vm));
        }
    }
    return to_text(object);
}

std::string json_of_mitigations(const MachineFacts& facts, const std::vector<BugState>& bugs) {
    Json object = {{"machine", machine_of(facts)}, {"flushes", Json::array()}};
    for (const FlushAccount& account : flush_accounts())
        object["flushes"].push_back(json_of(account, facts));
    object["bugs"] = array_of(bugs);
    return to_text(object);
}

std::string json_of_known_bugs(const std::vector<BugState>& bugs) {
    Json object = {{"flushes", Json::array()}, {"bugs", Json::array()}};
    for (const FlushAccount& account : flush_accounts()) {
        object["flushes"].push_back({{"flush", account.name}, {"where", account.where}});
    }
    for (const BugState& bug : bugs) {
        Json one = names_of(bug);
        for (std::size_t i = 0; i < kVectors; ++i)
            one["vectors"][kVectorNames[i].key] = json_of(bug.bug->ways[i]);
        object["bugs"].push_back(std::move(one));
    }
    return to_text(object);
}

std::string json_of_sci_profiles(const SciProfileList& list) {
    Json object = {{"profiles", array_of(list.profiles)}};
    add_other(object, list.other);
    return to_text(object);
}

std::string json_of_sci_needs(const std::vector<SciProfile>& profiles) {
    Json object = {{"profiles", Json::array()}};
    for (const SciProfile& profile : profiles) {
        Json one = summary_of(profile);
        one["calls"] = array_of(profile.calls());
        object["profiles"].push_back(std::move(one));
    }
    return to_text(object);
}

std::string json_of_sci_violations(const SciViolationLog& log) {
    Json object = {{"violations", array_of(log.violations)}};
    add_other(object, log.other);
    return to_text(object);
}

std::string json_of_netns(const NetnsList& list) {
    Json object = {{"namespaces", array_of(list.namespaces)}};
    add_other(object, list.other);
    return to_text(object);
}

std::string json_of_netns(const NetnsState& state, const NetnsTouchLog& log) {
    Json object = json_of(state);
    object["touches"] = Json::array();
    for (const NetnsTouch& touch : log.touches)
        if (touch.owner == state.inum) object["touches"].push_back(json_of(touch));
    return to_text(object);
}

std::string json_of_netns_switched(const Text& name, unsigned value) {
    return to_text({{"name", value_of(name)}, {"isolate", value}});
}

std::string json_of_xom(const Xom& xom) {
    Json object = object_of(xom, kXomFields);
    object["readers"] = array_of(xom.readers);
    add_other(object, xom.other);
    return to_text(object);
}

std::string json_of_profile_written(const std::string& file, const SciProfile& profile) {
    Json object = {{"file", file}};
    object.update(summary_of(profile));
    return to_text(object);
}

std::string json_of_import(const SciProfile* profile, const std::optional<PolicyProblem>& problem) {
    Json object = {{"imported", profile != nullptr}};
    if (profile) object.update(summary_of(*profile));
    object["error"] = error_of(problem);
    return to_text(object);
}

std::string json_of_interval(const Interval& interval) {
    Json object = {{"seconds", interval.seconds}, {"vms", Json::array()}, {"ended", Json::array()}};
    for (const VmChange& change : interval.vms) {
        Json vm = json_of(change.vm);
        vm["appeared"] = change.appeared;
        vm["per_second"] = rates_of(change.vm, interval.seconds);
        object["vms"].push_back(std::move(vm));
    }
    for (const Vm& vm : interval.ended) {
        object["ended"].push_back(
            {{"vm", value_of(vm.id)}, {"pid", value_of(vm.pid)}, {"comm", value_of(vm.comm)}});
    }
    return to_text(object);
}

}  // namespace asi::ctl
