// SPDX-License-Identifier: GPL-2.0-only
//
// Output for programs.  Keys are stable: they may be added to, never renamed
// or dropped.  asictl(8) describes them.
#ifndef ASICTL_RENDER_JSON_H
#define ASICTL_RENDER_JSON_H

#include <optional>
#include <string>
#include <vector>

#include "interval.h"
#include "mitigations.h"
#include "model.h"
#include "parse.h"
#include "sci_profile.h"

namespace asi::ctl {

[[nodiscard]] std::string json_of_status(const Status& status);
[[nodiscard]] std::string json_of_domains(const std::vector<Domain>& domains);
[[nodiscard]] std::string json_of_faults(const FaultLog& log);
[[nodiscard]] std::string json_of_cleared();
[[nodiscard]] std::string json_of_policy(const std::string& source, const std::string& text);
[[nodiscard]] std::string json_of_policy_result(bool applied,
                                                const std::optional<PolicyProblem>& problem);
[[nodiscard]] std::string json_of_stats(const Pairs& stats);
[[nodiscard]] std::string json_of_verification(const Verification& verification);
[[nodiscard]] std::string json_of_vms(const std::vector<Vm>& vms);
[[nodiscard]] std::string json_of_mitigations(const MachineFacts& facts,
                                              const std::vector<BugState>& bugs);
/// What is the same on every machine.
[[nodiscard]] std::string json_of_known_bugs(const std::vector<BugState>& bugs);
[[nodiscard]] std::string json_of_sci_profiles(const SciProfileList& list);
[[nodiscard]] std::string json_of_sci_needs(const std::vector<SciProfile>& profiles);
[[nodiscard]] std::string json_of_sci_violations(const SciViolationLog& log);
[[nodiscard]] std::string json_of_netns(const NetnsList& list);
[[nodiscard]] std::string json_of_netns(const NetnsState& state, const NetnsTouchLog& log);
[[nodiscard]] std::string json_of_netns_switched(const Text& name, unsigned value);
[[nodiscard]] std::string json_of_xom(const Xom& xom);
[[nodiscard]] std::string json_of_profile_written(const std::string& file,
                                                  const SciProfile& profile);
/// @profile: null when it was not imported, and @problem says why.
[[nodiscard]] std::string json_of_import(const SciProfile* profile,
                                         const std::optional<PolicyProblem>& problem);
[[nodiscard]] std::string json_of_interval(const Interval& interval);

}  // namespace asi::ctl

#endif  // ASICTL_RENDER_JSON_H
