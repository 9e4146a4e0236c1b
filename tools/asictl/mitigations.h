// SPDX-License-Identifier: GPL-2.0-only
//
// Who is protected from what on this machine: the table of mitigation_table.h, read with what
// the kernel says of the processor, of isolation and of sibling threads.
#ifndef ASICTL_MITIGATIONS_H
#define ASICTL_MITIGATIONS_H

#include <array>
#include <string>
#include <vector>

#include "mitigation_table.h"
#include "model.h"

namespace asi::ctl {

/// What the kernel's files say.
struct MachineFacts {
    VulnerabilityTexts vulnerabilities;
    std::optional<Status> status;  ///< absent: the kernel has no isolation
    Text flush_mode;               ///< /sys/kernel/asi/kvm/flush
    Text smt_control;
    Flag smt_active;
    std::optional<std::vector<Vm>> vms;  ///< absent: debugfs cannot be read

    [[nodiscard]] bool guests_isolated() const;
    [[nodiscard]] bool calls_isolated() const;  ///< of processes that ask for it
};

enum class State {
    kNotReported,  ///< this kernel has no file of it
    kNotAffected,
    kNoWay,
    kMitigated,
    kPartly,
    kOpen,
    kUnknown,
};
/// In JSON: "not_reported", ...
[[nodiscard]] const char* name_of(State state);

/// What a mitigated or partly mitigated way owes that to.
enum class By { kNobody, kKernel, kIsolation, kNoSibling };
/// In JSON: "kernel", ...; null for kNobody.
[[nodiscard]] const char* name_of(By by);

struct WayState {
    State state = State::kUnknown;
    By by = By::kNobody;
    std::string why;
};

struct BugState {
    std::string file;
    const Bug* bug = nullptr;  ///< null: unknown to asictl
    Text says;                 ///< absent: not reported by this kernel
    std::array<WayState, kVectors> ways;

    [[nodiscard]] bool affected() const;  ///< as far as it is known
};

/// Those of the table, then those that only the kernel knows.
[[nodiscard]] std::vector<BugState> assess(const MachineFacts& facts);

/// Over all virtual machines, of one kind; absent where the kernel does not count it.
struct FlushSum {
    Number done;
    Number avoided;
};
[[nodiscard]] FlushSum sum_flushes(const MachineFacts& facts, const std::string& name);

}  // namespace asi::ctl

#endif  // ASICTL_MITIGATIONS_H
