// SPDX-License-Identifier: GPL-2.0-only
//
// What the kernel's files say, as plain data.  Every value is optional: a
// kernel older or newer than this tool may leave one out, and "not said" must
// not turn into 0.  What a parser does not know it keeps in `other`.
#ifndef ASICTL_MODEL_H
#define ASICTL_MODEL_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Apart from namespace asi, which is the engine's: its policy code is linked
/// into the same program and has a Status and a Table of its own.
namespace asi::ctl {

using Number = std::optional<std::uint64_t>;
using Text = std::optional<std::string>;  ///< "-" in a kernel file is no text
using Flag = std::optional<bool>;

/// Shown in hexadecimal, and a string in JSON: readers that keep numbers as
/// doubles would round a kernel address.
struct Address {
    Number value;
    bool operator==(const Address&) const = default;
};

using Pair = std::pair<std::string, std::string>;
using Pairs = std::vector<Pair>;

/// /sys/kernel/asi/status
struct Status {
    Text state;
    Text reason;
    Flag pti;
    Flag pcid;
    Number levels;
    Flag global_bit;
    Flag kvm;
    Flag sci;
    Flag netns;
    Text smt;  ///< asi_smt=
    Number smt_threads;
    Text xom;  ///< the backend of execute-only text
    Text xom_reason;
    Number domains;
    Number enters;
    Number exits;
    Number faults;
    Number grows;
    Number denies;
    Number cr3_writes;
    Pairs other;
};

struct KindBytes {
    Text kind;
    Number bytes;
    Pairs other;
};

/// One block of debugfs asi/domains
struct Domain {
    Number id;
    Text class_name;
    Number pid;
    Text comm;
    Number tables;
    Number reserve;
    Number owned_bytes;
    Number reachable_bytes;
    Number ram_bytes;
    std::vector<KindBytes> kinds;
    Pairs other;
};

/// One line of debugfs asi/faults
struct Fault {
    Text class_name;
    Number count;
    Text kind;
    Text cache;
    Text access;
    Text action;
    Flag critical;
    Address ip;
    Text symbol;
    Address address;
    Number pid;
    Number cpu;
    Number first_ns;
    Number last_ns;
    Pairs other;
};

struct FaultTotals {
    std::string class_name;
    Number total;
    Number dropped;
};

struct FaultLog {
    std::vector<Fault> records;
    std::vector<FaultTotals> totals;
    Pairs other;
};

/// One rule of debugfs asi/policy; `text` alone is set when it has a form this
/// tool does not know.
struct PolicyRule {
    std::string text;
    Text class_name;
    Text kind;
    Text cache;
    Text access;
    Text action;
    Flag log;
};

/// One violation in debugfs asi/verify
struct Violation {
    Number domain;
    Address address;
    Address entry;
    Text what;
};

/// debugfs asi/verify
struct Verification {
    Number domains;
    Number leaves;
    Number violations;             ///< counted
    std::vector<Violation> shown;  ///< listed, maybe fewer
    Pairs other;                   ///< lines of another form
};

struct ExitReason {
    Text reason;
    Number code;
    Number inside;
    Number left;
    Number user;
    Number first_touch;
    Pairs other;
};

struct LeaveCause {
    Text reason;
    Number code;
    Text how;
    Text kind;
    Text cache;
    Text access;
    Address ip;
    Text symbol;
    Number count;
    Pairs other;
};

/// Flushes of one kind, such as "l1d": how many there were and how many were not needed
struct Flush {
    Text name;
    Number done;
    Number avoided;
    Pairs other;
};

struct ExitCounts {
    Number inside;
    Number left;
    Number user;
    Number first_touch;
    Number first_touch_left;
    Pairs other;
};

/// One block of debugfs asi/kvm
struct Vm {
    bool ended = false;  ///< the sum over VMs that are gone, not one VM
    Number id;
    Number pid;
    Text comm;
    Number vcpus;
    Text vendor;
    ExitCounts exits;
    std::vector<Flush> flushes;  ///< empty: the kernel does not count them
    std::vector<ExitReason> reasons;
    std::vector<LeaveCause> causes;
    Number causes_dropped;
    Pairs other;
};

/// One line of debugfs asi/sci/profiles
struct SciProfileState {
    Text name;
    Flag builtin;
    Number calls;
    Number learned_pages;
    Number tasks;
    Number mapped_pages;
    Number refused;
    Pairs other;
};

struct SciProfileList {
    std::vector<SciProfileState> profiles;
    Pairs other;  ///< lines of another form
};

/// One line of debugfs asi/sci/violations
struct SciViolation {
    Number count;
    Number pid;
    Text comm;
    Number call;
    Text kind;
    Text access;
    Address address;
    Address ip;
    Text symbol;
    Text action;
    Text reason;
    Pairs other;
};

struct SciViolationLog {
    std::vector<SciViolation> violations;
    Pairs other;  ///< lines of another form
};

/// One line of debugfs asi/netns/namespaces
struct NetnsState {
    Number inum;
    Flag isolated;
    Flag dying;
    Number granules;
    Number free_pieces;
    Number table_pages;
    Number sockets_before;
    Number tcp_private_bytes;
    Number tcp_spilled_bytes;
    Number unix_private_bytes;
    Number unix_spilled_bytes;
    Number udp_private_bytes;
    Number udp_spilled_bytes;
    Number raw_private_bytes;
    Number raw_spilled_bytes;
    Number packet_private_bytes;
    Number packet_spilled_bytes;
    Number other_private_bytes;
    Number other_spilled_bytes;
    Number not_private_sends;
    Number border_bytes;
    Number border_refused;
    Number exhausted;
    Number refused;
    Number admitted;
    Pairs other;
    Text name;  ///< in /run/netns, which the kernel does not know
};

struct NetnsList {
    std::vector<NetnsState> namespaces;
    Pairs other;  ///< lines of another form
};

/// One line of debugfs asi/netns/refused
struct NetnsTouch {
    Text action;
    Number owner;
    Number acting;
    Text context;
    Number pid;
    Text comm;
    Text access;
    Address address;
    Address ip;
    Text symbol;
    Pairs other;
};

struct NetnsTouchLog {
    std::vector<NetnsTouch> touches;
    Pairs other;  ///< lines of another form
};

/// A function that wanted to read text.
struct XomReader {
    Number refused;
    Number logged;
    Text symbol;
    Pairs other;
};

/// /sys/kernel/asi/xom
struct Xom {
    Text backend;
    Text reason;  ///< why text can be read
    Text action;
    Number kernel_pages;
    Number kernel_pages_large;
    Number module_pages;
    Number ftrace_pages;
    Number probe_pages;
    Number other_pages;
    Number windows;
    Number refused;
    Number logged;
    Number aliases_refused;
    std::vector<XomReader> readers;
    Pairs other;
};

}  // namespace asi::ctl

#endif  // ASICTL_MODEL_H
