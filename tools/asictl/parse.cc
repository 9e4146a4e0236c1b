// SPDX-License-Identifier: GPL-2.0-only
#include "parse.h"

#include <elf.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

#include "asi/text/lines.h"
#include "fields.h"
#include "kernel_text.h"

namespace asi::ctl {
namespace {

constexpr std::string_view kBlanks = " \t\r\f\v";

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Cuts the first word off @rest.
std::string_view next_word(std::string_view& rest) {
    rest = trim(rest);
    const auto end = std::min(rest.find_first_of(kBlanks), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest = trim(rest.substr(end));
    return word;
}

/// Trimmed lines, empty ones left out.
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (const auto line = trim(text.substr(0, end)); !line.empty()) lines.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

Pair key_and_rest(std::string_view line) {
    const std::string_view key = next_word(line);
    return {std::string(key), std::string(line)};
}

bool read_value(Number& out, std::string_view value) {
    out = parse_number(value);
    return out.has_value();
}

bool read_value(Address& out, std::string_view value) {
    return read_value(out.value, value);
}

bool read_value(Text& out, std::string_view value) {
    if (value.empty()) return false;
    if (value != "-") out = value;
    return true;
}

bool read_value(Flag& out, std::string_view value) {
    if (value == "on" || value == "1" || value == "yes") {
        out = true;
    } else if (value == "off" || value == "0" || value == "no") {
        out = false;
    } else {
        return false;
    }
    return true;
}

template <typename T, std::size_t N>
void assign(T& object, const Field<T> (&fields)[N], const Pair& pair) {
    const auto& [key, value] = pair;
    for (const Field<T>& field : fields) {
        if (key != field.key) continue;
        const bool understood = std::visit(
            [&](auto member) { return read_value(object.*member, value); }, field.member);
        if (understood) return;
        break;
    }
    object.other.push_back(pair);
}

template <typename T, std::size_t N>
bool is_key(std::string_view word, const Field<T> (&fields)[N]) {
    return std::any_of(std::begin(fields), std::end(fields),
                       [&](const Field<T>& field) { return word == field.key; });
}

/// A module's symbol is followed by its module: "svm_vcpu_run+0x1/0x2 [kvm_amd]".
bool is_module_suffix(std::string_view word) {
    return word.starts_with('[') && word.ends_with(']');
}

/// The next word without taking it.
std::string_view peek_word(std::string_view rest) {
    return next_word(rest);
}

template <typename T, std::size_t N>
void assign_line(T& object, const Field<T> (&fields)[N], std::string_view line) {
    while (!line.empty()) {
        const std::string_view key = next_word(line);
        std::string value(next_word(line));
        // A process may have blanks in its name ("CPU 0/KVM"): it ends where a
        // key that can follow it stands.
        while (!line.empty() && (key == "comm" ? !is_key(peek_word(line), fields)
                                               : is_module_suffix(peek_word(line))))
            value += ' ' + std::string(next_word(line));
        assign(object, fields, {std::string(key), value});
    }
}

template <typename T, std::size_t N>
T from_line(const Field<T> (&fields)[N], std::string_view line) {
    T object;
    assign_line(object, fields, line);
    return object;
}

void add_vm_line(Vm& vm, std::string_view line) {
    std::string_view rest = line;
    const std::string_view word = next_word(rest);
    if (word == "exits") {
        assign_line(vm.exits, kExitCountsFields, rest);
    } else if (word == "flush") {
        vm.flushes.push_back(from_line(kFlushFields, line));
    } else if (word == "reason") {
        vm.reasons.push_back(from_line(kExitReasonFields, line));
    } else if (word == "cause") {
        vm.causes.push_back(from_line(kLeaveCauseFields, rest));
    } else if (word == "vm" && peek_word(rest) == "ended") {
        vm.ended = true;
        next_word(rest);
        assign_line(vm, kVmFields, rest);
    } else {
        assign_line(vm, kVmFields, line);
    }
}

FaultTotals& totals_of(FaultLog& log, std::string_view class_name) {
    for (FaultTotals& totals : log.totals)
        if (totals.class_name == class_name) return totals;
    return log.totals.emplace_back(FaultTotals{std::string(class_name), {}, {}});
}

bool add_fault_totals(FaultLog& log, std::string_view line) {
    const std::string_view word = next_word(line);
    if (word != "total" && word != "dropped") return false;
    const std::string_view class_name = next_word(line);
    const Number number = parse_number(line);
    if (class_name.empty() || !number) return false;
    FaultTotals& totals = totals_of(log, class_name);
    (word == "total" ? totals.total : totals.dropped) = number;
    return true;
}

bool starts_with_word(std::string_view line, std::string_view word) {
    return peek_word(line) == word;
}

/// Each field in its place and nothing else; the last takes the rest of @line.
template <typename T, std::size_t N>
bool assign_exactly(T& object, const Field<T> (&fields)[N], std::string_view line) {
    for (const Field<T>& field : fields) {
        if (next_word(line) != field.key) return false;
        const std::string_view value = &field == &fields[N - 1] ? line : next_word(line);
        const bool understood = std::visit(
            [&](auto member) { return read_value(object.*member, value); }, field.member);
        if (!understood) return false;
    }
    return true;
}

bool add_verification_line(Verification& verification, std::string_view line) {
    if (verification.violations) return false;  // nothing follows the summary
    if (!starts_with_word(line, "violation"))
        return assign_exactly(verification, kVerificationFields, line);
    next_word(line);
    Violation violation;
    if (!assign_exactly(violation, kViolationFields, line)) return false;
    verification.shown.push_back(std::move(violation));
    return true;
}

PolicyRule parse_rule(std::string_view line) {
    PolicyRule rule;
    rule.text = line;
    const std::string_view class_name = next_word(line);
    const std::string_view target = next_word(line);
    const std::string_view access = next_word(line);
    const std::string_view action = next_word(line);
    if (action.empty() || !line.empty()) return rule;

    const auto colon = target.find(':');
    const auto comma = action.find(',');
    const std::string_view verb = action.substr(0, comma);
    if (comma == std::string_view::npos) {
        rule.log = verb != "grow";
    } else if (action.substr(comma) == ",log" || action.substr(comma) == ",nolog") {
        rule.log = action.substr(comma) == ",log";
    } else {
        return rule;
    }
    rule.class_name = class_name;
    rule.kind = target.substr(0, colon);
    if (colon != std::string_view::npos) rule.cache = target.substr(colon + 1);
    rule.access = access;
    rule.action = verb;
    return rule;
}

}  // namespace

Number parse_number(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Status parse_status(std::string_view text) {
    Status status;
    for (std::string_view line : lines_of(text)) assign(status, kStatusFields, key_and_rest(line));
    return status;
}

std::vector<Domain> parse_domains(std::string_view text) {
    std::vector<Domain> domains;
    for (std::string_view line : lines_of(text)) {
        if (domains.empty() || starts_with_word(line, "domain")) domains.emplace_back();
        if (starts_with_word(line, "kind")) {
            domains.back().kinds.push_back(from_line(kKindBytesFields, line));
        } else {
            assign_line(domains.back(), kDomainFields, line);
        }
    }
    return domains;
}

FaultLog parse_faults(std::string_view text) {
    FaultLog log;
    for (std::string_view line : lines_of(text)) {
        if (starts_with_word(line, "class")) {
            log.records.push_back(from_line(kFaultFields, line));
        } else if (!add_fault_totals(log, line)) {
            log.other.push_back(key_and_rest(line));
        }
    }
    return log;
}

Pairs parse_stats(std::string_view text) {
    Pairs stats;
    for (std::string_view line : lines_of(text)) stats.push_back(key_and_rest(line));
    return stats;
}

Verification parse_verification(std::string_view text) {
    Verification verification;
    for (std::string_view line : lines_of(text)) {
        if (!add_verification_line(verification, line))
            verification.other.push_back(key_and_rest(line));
    }
    return verification;
}

std::vector<Vm> parse_vms(std::string_view text) {
    std::vector<Vm> vms;
    for (std::string_view line : lines_of(text)) {
        if (vms.empty() || starts_with_word(line, "vm")) vms.emplace_back();
        add_vm_line(vms.back(), line);
    }
    return vms;
}

SciProfileList parse_sci_profiles(std::string_view text) {
    SciProfileList list;
    for (std::string_view line : lines_of(text)) {
        if (starts_with_word(line, "profile")) {
            list.profiles.push_back(from_line(kSciProfileFields, line));
        } else {
            list.other.push_back(key_and_rest(line));
        }
    }
    return list;
}

SciViolationLog parse_sci_violations(std::string_view text) {
    SciViolationLog log;
    for (std::string_view line : lines_of(text)) {
        std::string_view rest = line;
        if (next_word(rest) == "violation") {
            log.violations.push_back(from_line(kSciViolationFields, rest));
        } else {
            log.other.push_back(key_and_rest(line));
        }
    }
    return log;
}

NetnsList parse_netns(std::string_view text) {
    NetnsList list;
    for (std::string_view line : lines_of(text)) {
        if (starts_with_word(line, "namespace")) {
            list.namespaces.push_back(from_line(kNetnsFields, line));
        } else {
            list.other.push_back(key_and_rest(line));
        }
    }
    return list;
}

NetnsTouchLog parse_netns_touches(std::string_view text) {
    NetnsTouchLog log;
    for (std::string_view line : lines_of(text)) {
        std::string_view rest = line;
        if (next_word(rest) == "refused") {
            log.touches.push_back(from_line(kNetnsTouchFields, rest));
        } else {
            log.other.push_back(key_and_rest(line));
        }
    }
    return log;
}

Xom parse_xom(std::string_view text) {
    Xom xom;
    for (std::string_view line : lines_of(text)) {
        std::string_view rest = line;
        if (next_word(rest) == "reader") {
            xom.readers.push_back(from_line(kXomReaderFields, rest));
        } else {
            assign(xom, kXomFields, key_and_rest(line));
        }
    }
    return xom;
}

Text parse_build_id(std::string_view notes) {
    constexpr std::string_view kOwner("GNU", 4);  // with its NUL
    const auto take = [&](std::size_t size) {
        const std::string_view part = notes.substr(0, size);
        notes.remove_prefix(std::min((size + 3) & ~std::size_t{3}, notes.size()));
        return part;
    };
    Elf64_Nhdr head;
    while (notes.size() >= sizeof(head)) {
        std::memcpy(&head, take(sizeof(head)).data(), sizeof(head));
        const std::string_view owner = take(head.n_namesz), value = take(head.n_descsz);
        if (owner != kOwner || head.n_type != NT_GNU_BUILD_ID) continue;
        if (value.size() != head.n_descsz) break;
        std::string digits;
        for (const unsigned char byte : value) {
            digits += "0123456789abcdef"[byte >> 4];
            digits += "0123456789abcdef"[byte & 15];
        }
        return digits;
    }
    return std::nullopt;
}

std::vector<PolicyRule> parse_policy(std::string_view text) {
    std::vector<PolicyRule> rules;
    for (Lines lines(to_kernel_text(text), Lines::End::kNewlineOrSemicolon); lines.next();) {
        const std::string_view rule = trim(from_kernel_text(lines.line()));
        if (!rule.empty()) rules.push_back(parse_rule(rule));
    }
    return rules;
}

std::string PolicyProblem::to_string() const {
    return line ? "line " + std::to_string(*line) + ": " + message : message;
}

PolicyProblem parse_policy_error(std::string_view text) {
    const std::vector<std::string_view> lines = lines_of(text);
    if (lines.empty()) return {};
    std::string_view rest = lines.front();
    if (next_word(rest) == "line") {
        const auto colon = rest.find(':');
        if (colon != std::string_view::npos) {
            if (const Number number = parse_number(rest.substr(0, colon)))
                return {number, std::string(trim(rest.substr(colon + 1)))};
        }
    }
    return {std::nullopt, std::string(lines.front())};
}

}  // namespace asi::ctl
