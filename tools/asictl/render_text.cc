// SPDX-License-Identifier: GPL-2.0-only
#include "render_text.h"

#include <algorithm>

#include "fields.h"
#include "order.h"
#include "syscalls.h"
#include "table.h"

namespace asi::ctl {
namespace {

using enum Table::Align;

std::string format(const Number& value) {
    return format_number(value);
}
std::string format(const Text& value) {
    return format_text(value);
}
std::string format(const Flag& value) {
    return format_flag(value);
}

std::string count_of(const Number& number, const std::string& noun) {
    return format(number) + " " + noun + (number == 1u ? "" : "s");
}

std::string other_line(const Pairs& other, const std::string& indent) {
    return other.empty() ? "" : indent + "other: " + format_pairs(other) + "\n";
}

std::string domain_table(const std::vector<Domain>& domains) {
    Table table({{"DOMAIN", kRight},
                 {"CLASS"},
                 {"PID", kRight},
                 {"COMM"},
                 {"REACHABLE", kRight},
                 {"OF RAM", kRight},
                 {"OWNED", kRight},
                 {"TABLES", kRight},
                 {"RESERVE", kRight},
                 {"OTHER"}});
    for (const Domain& d : domains) {
        table.add_row({format(d.id), format(d.class_name), format(d.pid), format(d.comm),
                       format_size(d.reachable_bytes),
                       format_percent(percent(d.reachable_bytes, d.ram_bytes)),
                       format_size(d.owned_bytes), format(d.tables), format(d.reserve),
                       format_pairs(d.other)});
    }
    return table.to_string();
}

std::string kind_table(const Domain& domain) {
    Table table(
        {{"KIND"}, {"SIZE", kRight}, {"OF REACHABLE", kRight}, {"OF RAM", kRight}, {"OTHER"}},
        "  ");
    for (const KindBytes& k : domain.kinds) {
        table.add_row({format(k.kind), format_size(k.bytes),
                       format_percent(percent(k.bytes, domain.reachable_bytes)),
                       format_percent(percent(k.bytes, domain.ram_bytes)), format_pairs(k.other)});
    }
    return table.to_string();
}

std::string totals_lines(const FaultLog& log) {
    std::string out;
    for (const FaultTotals& totals : log.totals) {
        out += printable(totals.class_name) + ": " + format(totals.total) + " faults in all";
        if (totals.dropped.value_or(0) != 0)
            out += ", " + format(totals.dropped) + " not listed (no room in the log)";
        out += '\n';
    }
    return out;
}

std::string vm_name(const Vm& vm) {
    return vm.ended ? "ended" : format(vm.id);
}

std::string vm_table(const std::vector<Vm>& vms) {
    Table table({{"VM", kRight},
                 {"PID", kRight},
                 {"COMM"},
                 {"VENDOR"},
                 {"VCPUS", kRight},
                 {"EXITS", kRight},
                 {"INSIDE", kRight},
                 {"LEFT", kRight},
                 {"INSIDE%", kRight},
                 {"FIRST TOUCH", kRight},
                 {"(LEFT)", kRight},
                 {"USER", kRight},
                 {"FLUSHES", kRight},
                 {"AVOIDED", kRight},
                 {"OTHER"}});
    const bool any_flushes =
        std::any_of(vms.begin(), vms.end(), [](const Vm& vm) { return !vm.flushes.empty(); });
    const auto flushes = [&](const Number& count) { return any_flushes ? format(count) : ""; };
    for (const Vm& vm : vms) {
        const ExitCounts& e = vm.exits;
        Pairs other = vm.other;
        other.insert(other.end(), e.other.begin(), e.other.end());
        table.add_row({vm_name(vm), format(vm.pid), format(vm.comm), format(vm.vendor),
                       format(vm.vcpus), std::to_string(total_exits(e)), format(e.inside),
                       format(e.left), format_percent(inside_percent(e.inside, e.left)),
                       format(e.first_touch), format(e.first_touch_left), format(e.user),
                       flushes(flushes_done(vm)), flushes(flushes_avoided(vm)),
                       format_pairs(other)});
    }
    return table.to_string();
}

std::string reason_table(const Vm& vm) {
    Table table({{"EXIT REASON"},
                 {"CODE", kRight},
                 {"EXITS", kRight},
                 {"INSIDE", kRight},
                 {"LEFT", kRight},
                 {"INSIDE%", kRight},
                 {"FIRST TOUCH", kRight},
                 {"USER", kRight},
                 {"OTHER"}},
                "  ");
    for (const ExitReason& r : vm.reasons) {
        table.add_row({format(r.reason), format_hex(r.code), std::to_string(total_exits(r)),
                       format(r.inside), format(r.left),
                       format_percent(inside_percent(r.inside, r.left)), format(r.first_touch),
                       format(r.user), format_pairs(r.other)});
    }
    return table.to_string();
}

std::string flush_table(const Vm& vm) {
    Table table({{"FLUSH"}, {"DONE", kRight}, {"AVOIDED", kRight}, {"AVOIDED%", kRight}, {"OTHER"}},
                "  ");
    for (const Flush& f : vm.flushes) {
        table.add_row({format(f.name), format(f.done), format(f.avoided),
                       format_percent(avoided_percent(f.done, f.avoided)), format_pairs(f.other)});
    }
    return table.to_string();
}

std::string cause_table(const Vm& vm) {
    Table table(
        {{"COUNT", kRight}, {"LEFT BY"}, {"DURING"}, {"KIND"}, {"ACCESS"}, {"WHERE"}, {"OTHER"}},
        "  ");
    for (const LeaveCause& c : vm.causes) {
        table.add_row({format(c.count), format(c.how), during(c), kind_and_cache(c.kind, c.cache),
                       format(c.access), place(c.symbol, c.ip), format_pairs(c.other)});
    }
    return table.to_string();
}

std::string vm_details(const Vm& vm) {
    std::string out;
    if (!vm.reasons.empty()) out += '\n' + reason_table(vm);
    if (!vm.causes.empty()) out += '\n' + cause_table(vm);
    if (vm.causes_dropped.value_or(0) != 0)
        out += "  " + format(vm.causes_dropped) + " departures had causes that found no room\n";
    if (!vm.flushes.empty()) out += '\n' + flush_table(vm);
    if (out.empty()) return out;
    return (vm.ended ? "\nVMs that ended:" : "\nVM " + vm_name(vm) + ":") + out;
}

std::string needs_table(const SciProfile& profile) {
    Table table({{"CALL"}, {"NR", kRight}, {"TEXT PAGES", kRight}, {"DATA"}}, "  ");
    for (const CallNeeds& needs : profile.calls()) {
        std::string data;
        for (const auto& [kind, access] : needs.data)
            data += (data.empty() ? "" : " ") + kind + ":" + access;
        table.add_row({call_name(needs.number), std::to_string(needs.number),
                       std::to_string(needs.text_pages), data.empty() ? "-" : data});
    }
    return table.empty() ? "" : table.to_string();
}

std::string isolation_line(const MachineFacts& facts) {
    if (!facts.status) return "not in this kernel";
    if (facts.status->state != "on") {
        return format(facts.status->state) +
               (facts.status->reason ? " (" + format(facts.status->reason) + ")" : "");
    }
    return std::string("on; virtual machines ") +
           (facts.guests_isolated() ? "are isolated, asi_flush=" + format(facts.flush_mode)
                                    : "are not isolated") +
           "; system calls " +
           (facts.calls_isolated() ? "of processes that ask are isolated" : "are not isolated");
}

std::string sibling_line(const MachineFacts& facts) {
    if (!facts.smt_active) return "not known";
    return std::string(*facts.smt_active ? "run" : "do not run") +
           " (SMT control: " + format(facts.smt_control) + ")" +
           (facts.guests_isolated() && *facts.smt_active
                ? "; beside guests, asi_smt=" + format(facts.status->smt)
                : "");
}

std::string flush_account_table(const MachineFacts& facts) {
    Table table({{"FLUSH"}, {"DONE", kRight}, {"AVOIDED", kRight}, {"COUNTED"}}, "  ");
    for (const FlushAccount& account : flush_accounts()) {
        const FlushSum sum = sum_flushes(facts, account.name);
        table.add_row(
            {account.name, format(sum.done), format(sum.avoided), std::string(account.where)});
    }
    return table.to_string();
}

/// One word for a way of a bug.
std::string brief(const WayState& way) {
    switch (way.state) {
        case State::kMitigated:
            return way.by == By::kNoSibling ? "no sibling" : name_of(way.by);
        case State::kPartly:
            return "partly";
        case State::kOpen:
            return "OPEN";
        case State::kUnknown:
            return "?";
        default:
            return "-";
    }
}

std::string says_of(const BugState& bug) {
    if (!bug.says) return "not reported by this kernel";
    return (bug.bug ? "" : "unknown to asictl: ") + printable(*bug.says);
}

std::string bug_table(const std::vector<BugState>& bugs) {
    Table table({{"BUG"},
                 {"USER-KERNEL"},
                 {"USER-USER"},
                 {"GUEST-HOST"},
                 {"GUEST-GUEST"},
                 {"SIBLING"},
                 {"THE KERNEL SAYS"}});
    for (const BugState& bug : bugs) {
        std::vector<std::string> row = {printable(bug.file)};
        for (const WayState& way : bug.ways) row.push_back(brief(way));
        row.push_back(says_of(bug));
        table.add_row(std::move(row));
    }
    return table.to_string();
}

std::string state_in_words(const WayState& way) {
    std::string words = name_of(way.state);
    std::replace(words.begin(), words.end(), '_', ' ');
    if (way.by == By::kNoSibling) return words;
    return way.by == By::kNobody ? words : words + " by " + name_of(way.by);
}

/// Empty where isolation does not do this flush, or its count cannot be read.
std::string count_of_flush(const MachineFacts& facts, const Way& way) {
    if (!way.flush || !facts.guests_isolated()) return "";
    const FlushSum sum = sum_flushes(facts, way.flush);
    return sum.done ? format(sum.done) + " times " + way.flush + " by isolation" : "";
}

std::string known_lines(const Way& way, const std::string& counted = "") {
    if (!way.kernel) return std::string("    no way: ") + way.remains + '\n';
    Table table({{""}, {""}}, "    ");
    table.add_row({"the kernel alone", way.kernel});
    table.add_row({"isolation changes", way.isolation});
    table.add_row({"flushed", way.flushed});
    if (!counted.empty()) table.add_row({"so far", counted});
    table.add_row({"remains", way.remains});
    return table.to_string();
}

std::string bug_heading(const BugState& bug) {
    const std::string file = printable(bug.file);
    if (!bug.bug) return file + '\n';
    return file + ": " + bug.bug->name + ", " + bug.bug->cves + "\n  leaks: " + bug.bug->leaks +
           '\n';
}

std::string bug_details(const MachineFacts& facts, const BugState& bug) {
    std::string out = bug_heading(bug) + "  the kernel says: " + says_of(bug) + '\n';
    for (std::size_t i = 0; i < kVectors; ++i) {
        const WayState& way = bug.ways[i];
        out += std::string("  ") + kVectorNames[i].name + ": " + state_in_words(way);
        if (!way.why.empty() && way.state != State::kNoWay && way.state != State::kNotAffected)
            out += " (" + printable(way.why) + ")";
        out += '\n';
        if (!bug.bug) continue;
        const Way& known = bug.bug->ways[i];
        out += known_lines(known, count_of_flush(facts, known));
    }
    return out;
}

/// Name or number.
std::string format_call(const Number& call) {
    return call && *call <= ~0U ? call_name(static_cast<unsigned>(*call)) : format(call);
}

}  // namespace

std::string text_of_status(const Status& status) {
    Table table({{""}, {""}});
    for (const auto& field : kStatusFields) {
        std::string value = std::visit(
            [&](auto member) -> std::string {
                if constexpr (requires { format(status.*member); }) return format(status.*member);
                return "";
            },
            field.member);
        table.add_row({field.key, std::move(value)});
    }
    for (const auto& [key, value] : status.other) table.add_row({printable(key), printable(value)});
    return table.to_string();
}

std::string text_of_domains(const std::vector<Domain>& domains) {
    if (domains.empty()) return "no domains\n";
    std::string out = domain_table(domains);
    for (const Domain& domain : domains) {
        if (domain.kinds.empty()) continue;
        out += "\ndomain " + format(domain.id) + ", reachable memory by kind:\n";
        out += kind_table(domain);
    }
    return out;
}

std::string text_of_faults(const FaultLog& log) {
    Table table({{"COUNT", kRight},
                 {"CLASS"},
                 {"KIND"},
                 {"ACCESS"},
                 {"ACTION"},
                 {"CRITICAL"},
                 {"WHERE"},
                 {"ADDRESS"},
                 {"PID", kRight},
                 {"CPU", kRight},
                 {"FIRST", kRight},
                 {"LAST", kRight},
                 {"OTHER"}});
    for (const Fault& f : log.records) {
        table.add_row({format(f.count), format(f.class_name), kind_and_cache(f.kind, f.cache),
                       format(f.access), format(f.action),
                       f.critical ? (*f.critical ? "yes" : "no") : "-", place(f.symbol, f.ip),
                       format_hex(f.address.value), format(f.pid), format(f.cpu),
                       format_uptime(f.first_ns), format_uptime(f.last_ns), format_pairs(f.other)});
    }
    std::string out = table.empty() ? "no faults logged\n" : table.to_string();
    const std::string totals = totals_lines(log);
    if (!totals.empty()) out += '\n' + totals;
    return out + other_line(log.other, "");
}

std::string text_of_stats(const Pairs& stats) {
    Table table({{""}, {"", kRight}});
    for (const auto& [name, value] : stats) table.add_row({printable(name), printable(value)});
    return table.to_string();
}

std::string text_of_verification(const Verification& verification) {
    Table table({{"DOMAIN", kRight}, {"ADDRESS"}, {"ENTRY"}, {"WHAT"}});
    for (const Violation& v : verification.shown) {
        table.add_row({format(v.domain), format_hex(v.address.value), format_hex(v.entry.value),
                       format(v.what)});
    }
    std::string out = table.empty() ? "" : table.to_string() + '\n';
    out += count_of(verification.domains, "domain") + ", " +
           count_of(verification.leaves, "mapping") + " checked: ";
    if (verification.violations == 0u) return out + "no violation\n";
    out += count_of(verification.violations, "violation");
    if (verification.violations > verification.shown.size())
        out += ", " + std::to_string(verification.shown.size()) + " of them shown";
    return out + '\n';
}

std::string text_of_vms(const std::vector<Vm>& vms) {
    if (vms.empty()) return "no VMs\n";
    std::string out = vm_table(vms);
    for (const Vm& vm : vms) out += vm_details(vm);
    return out;
}

std::string text_of_mitigations(const MachineFacts& facts, const std::vector<BugState>& bugs) {
    std::string out = "isolation: " + isolation_line(facts) + '\n';
    out += "sibling threads: " + sibling_line(facts) + "\n\n" + bug_table(bugs);
    out +=
        "\n"
        "kernel, isolation: mitigated by that; partly, OPEN: something, all remains;\n"
        "-: not affected, or no such way.  asictl mitigations BUG says why.\n";
    if (!facts.guests_isolated()) return out;
    out += "\nFlushes before isolated guests";
    if (!facts.vms) return out + ": not shown, debugfs cannot be read\n";
    return out + ", by isolation; the kernel counts none of its own:\n" +
           flush_account_table(facts);
}

std::string text_of_bugs(const MachineFacts& facts, const std::vector<BugState>& bugs) {
    std::string out;
    for (const BugState& bug : bugs) out += (out.empty() ? "" : "\n") + bug_details(facts, bug);
    return out;
}

std::string text_of_known_bugs(const std::vector<BugState>& bugs) {
    std::string out;
    for (const BugState& bug : bugs) {
        out += (out.empty() ? "" : "\n") + bug_heading(bug);
        for (std::size_t i = 0; i < kVectors; ++i)
            out += std::string("  ") + kVectorNames[i].name + ":\n" + known_lines(bug.bug->ways[i]);
    }
    return out;
}

std::string text_of_sci_profiles(const SciProfileList& list) {
    Table table({{"PROFILE"},
                 {"BUILT IN"},
                 {"CALLS", kRight},
                 {"LEARNED PAGES", kRight},
                 {"TASKS", kRight},
                 {"MAPPED PAGES", kRight},
                 {"REFUSED", kRight},
                 {"OTHER"}});
    for (const SciProfileState& p : list.profiles) {
        const std::string builtin = p.builtin ? (*p.builtin ? "yes" : "no") : "-";
        table.add_row({format(p.name), builtin, format(p.calls), format(p.learned_pages),
                       format(p.tasks), format(p.mapped_pages), format(p.refused),
                       format_pairs(p.other)});
    }
    return (table.empty() ? "no profiles\n" : table.to_string()) + other_line(list.other, "");
}

std::string summary_of(const SciProfile& profile) {
    return "profile " + profile.name() + ": " + count_of(profile.calls().size(), "call") + ", " +
           count_of(profile.text_pages(), "text page") + "\n";
}

std::string text_of_sci_needs(const std::vector<SciProfile>& profiles) {
    if (profiles.empty()) return "no profiles\n";
    std::string out;
    for (const SciProfile& profile : profiles) {
        if (!out.empty()) out += '\n';
        out += summary_of(profile) + needs_table(profile);
    }
    return out;
}

std::string text_of_sci_violations(const SciViolationLog& log) {
    Table table({{"COUNT", kRight},
                 {"ACTION"},
                 {"CALL"},
                 {"KIND"},
                 {"ACCESS"},
                 {"ADDRESS"},
                 {"WHERE"},
                 {"REASON"},
                 {"PID", kRight},
                 {"COMM"},
                 {"OTHER"}});
    for (const SciViolation& v : log.violations) {
        table.add_row({format(v.count), format(v.action), format_call(v.call), format(v.kind),
                       format(v.access), format_hex(v.address.value), place(v.symbol, v.ip),
                       format(v.reason), format(v.pid), format(v.comm), format_pairs(v.other)});
    }
    return (table.empty() ? "no violations\n" : table.to_string()) + other_line(log.other, "");
}

namespace {

std::string yes_or_no(const Flag& flag) {
    return flag ? (*flag ? "yes" : "no") : "-";
}

/// What is ordinary memory in every isolated namespace.
constexpr const char* kNotPrivate =
    "not private: packets that come from outside; what is sent with MSG_ZEROCOPY, sendfile or\n"
    "splice, or by packet sockets' rings; sockets with kTLS or of MPTCP, and those that a\n"
    "kernel service or sockmap uses; answers of ICMP; the last byte of MSG_OOB; data with SYN;\n"
    "keys; headers; the processes' own pages\n";

struct Protocol {
    const char* name;
    Number NetnsState::*made;
    Number NetnsState::*spilled;
};

constexpr Protocol kProtocols[] = {
    {"TCP", &NetnsState::tcp_private_bytes, &NetnsState::tcp_spilled_bytes},
    {"UNIX sockets", &NetnsState::unix_private_bytes, &NetnsState::unix_spilled_bytes},
    {"UDP", &NetnsState::udp_private_bytes, &NetnsState::udp_spilled_bytes},
    {"raw sockets", &NetnsState::raw_private_bytes, &NetnsState::raw_spilled_bytes},
    {"packet sockets", &NetnsState::packet_private_bytes, &NetnsState::packet_spilled_bytes},
};

/// Of those that the kernel tells; unknown, where it tells none.
Number sum(const NetnsState& n, Number NetnsState::*Protocol::*what) {
    Number total;
    for (const Protocol& protocol : kProtocols)
        if (const Number bytes = n.*(protocol.*what)) total = total.value_or(0) + *bytes;
    return total;
}

}  // namespace

std::string text_of_netns(const NetnsList& list) {
    Table table({{"NAMESPACE", kRight},
                 {"NAME"},
                 {"ISOLATED"},
                 {"GRANULES", kRight},
                 {"PRIVATE BYTES", kRight},
                 {"SPILLED BYTES", kRight},
                 {"BORDER BYTES", kRight},
                 {"EXHAUSTED", kRight},
                 {"REFUSED", kRight},
                 {"OTHER"}});
    for (const NetnsState& n : list.namespaces) {
        const std::string isolated = n.dying == true ? "ended" : yes_or_no(n.isolated);
        table.add_row({format(n.inum), format(n.name), isolated, format(n.granules),
                       format(sum(n, &Protocol::made)), format(sum(n, &Protocol::spilled)),
                       format(n.border_bytes), format(n.exhausted), format(n.refused),
                       format_pairs(n.other)});
    }
    return (table.empty() ? "no namespace was isolated\n" : table.to_string()) +
           other_line(list.other, "");
}

std::string text_of_netns(const NetnsState& n, const NetnsTouchLog& log) {
    Table facts({{""}, {""}});
    const auto fact = [&](const char* what, const std::string& value) {
        facts.add_row({what, value});
    };
    fact("namespace", format(n.inum));
    fact("name", format(n.name));
    fact("isolated", n.dying == true ? "ended" : yes_or_no(n.isolated));
    fact("granules of 64 KiB", format(n.granules));
    fact("free pieces of 32 KiB", format(n.free_pieces));
    fact("pages of tables", format(n.table_pages));
    fact("sockets before it was isolated", format(n.sockets_before));
    for (const Protocol& protocol : kProtocols)
        fact((std::string("bytes sent by ") + protocol.name).c_str(),
             format(n.*protocol.made) + " private, " + format(n.*protocol.spilled) + " not");
    fact("sends that were not private", format(n.not_private_sends));
    fact("bytes copied at the border", format(n.border_bytes));
    fact("packets refused there", format(n.border_refused));
    fact("times without memory", format(n.exhausted));
    fact("touches refused", format(n.refused));
    fact("touches admitted", format(n.admitted));
    Table table({{"ACTION"},
                 {"ACTING", kRight},
                 {"CONTEXT"},
                 {"ACCESS"},
                 {"ADDRESS"},
                 {"WHERE"},
                 {"PID", kRight},
                 {"COMM"}});
    for (const NetnsTouch& t : log.touches) {
        if (t.owner != n.inum) continue;
        table.add_row({format(t.action), format(t.acting), format(t.context), format(t.access),
                       format_hex(t.address.value), place(t.symbol, t.ip), format(t.pid),
                       format(t.comm)});
    }
    return facts.to_string() + other_line(n.other, "") + "\n" + kNotPrivate +
           (table.empty() ? "" : "\n" + table.to_string());
}

std::string text_of_xom(const Xom& xom) {
    Table facts({{""}, {""}});
    const auto fact = [&](const char* what, const std::string& value) {
        facts.add_row({what, value});
    };
    fact("backend", format(xom.backend));
    if (xom.backend == "off") {
        fact("why text can be read", format(xom.reason));
    } else {
        fact("action on a read", format(xom.action));
        fact("keyed pages of the kernel's text", format(xom.kernel_pages));
        fact("of these, in entries of 2 MiB", format(xom.kernel_pages_large));
        fact("keyed pages of modules' text", format(xom.module_pages));
        fact("keyed pages of ftrace's trampolines", format(xom.ftrace_pages));
        fact("keyed pages of probes' slots", format(xom.probe_pages));
        fact("keyed pages of BPF's packs and thunks", format(xom.other_pages));
    }
    fact("windows opened, to copy text", format(xom.windows));
    fact("reads refused", format(xom.refused));
    fact("reads logged and let through", format(xom.logged));
    fact("second addresses refused", format(xom.aliases_refused));
    Table readers({{"READER"}, {"REFUSED", kRight}, {"LOGGED", kRight}, {"OTHER"}});
    for (const XomReader& r : xom.readers)
        readers.add_row(
            {format(r.symbol), format(r.refused), format(r.logged), format_pairs(r.other)});
    return facts.to_string() + other_line(xom.other, "") +
           (readers.empty() ? "" : "\n" + readers.to_string());
}

std::string during(const LeaveCause& cause) {
    const bool has_name = cause.reason && cause.reason != "unnamed";
    return has_name ? format(cause.reason) : format_hex(cause.code);
}

std::string kind_and_cache(const Text& kind, const Text& cache) {
    return cache ? format_text(kind) + ":" + printable(*cache) : format_text(kind);
}

std::string place(const Text& symbol, const Address& ip) {
    if (symbol) return printable(*symbol);
    // Address 0 is nowhere.
    return ip.value == 0u ? format_text(std::nullopt) : format_hex(ip.value);
}

}  // namespace asi::ctl
