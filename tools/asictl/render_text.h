// SPDX-License-Identifier: GPL-2.0-only
//
// Output for people.  Plain ASCII; nothing here is a stable interface, scripts
// use --json.
#ifndef ASICTL_RENDER_TEXT_H
#define ASICTL_RENDER_TEXT_H

#include <string>
#include <vector>

#include "mitigations.h"
#include "model.h"
#include "sci_profile.h"

namespace asi::ctl {

[[nodiscard]] std::string text_of_status(const Status& status);
[[nodiscard]] std::string text_of_domains(const std::vector<Domain>& domains);
[[nodiscard]] std::string text_of_faults(const FaultLog& log);
[[nodiscard]] std::string text_of_stats(const Pairs& stats);
[[nodiscard]] std::string text_of_verification(const Verification& verification);
[[nodiscard]] std::string text_of_vms(const std::vector<Vm>& vms);
/// All bugs, a line each.
[[nodiscard]] std::string text_of_mitigations(const MachineFacts& facts,
                                              const std::vector<BugState>& bugs);
/// These bugs with all that is to be said of them.
[[nodiscard]] std::string text_of_bugs(const MachineFacts& facts,
                                       const std::vector<BugState>& bugs);
/// The same without what is only so on this machine.
[[nodiscard]] std::string text_of_known_bugs(const std::vector<BugState>& bugs);
[[nodiscard]] std::string text_of_sci_profiles(const SciProfileList& list);
[[nodiscard]] std::string text_of_sci_needs(const std::vector<SciProfile>& profiles);
[[nodiscard]] std::string text_of_sci_violations(const SciViolationLog& log);
[[nodiscard]] std::string text_of_netns(const NetnsList& list);
/// One namespace with all that is to be said of it.
[[nodiscard]] std::string text_of_netns(const NetnsState& state, const NetnsTouchLog& log);
[[nodiscard]] std::string text_of_xom(const Xom& xom);
/// "profile web: 3 calls, 12 text pages", as a line
[[nodiscard]] std::string summary_of(const SciProfile& profile);

/// How a cause of leaving is put: the exit that was handled, the memory that
/// was touched, and the place in the kernel that touched it.
[[nodiscard]] std::string during(const LeaveCause& cause);
[[nodiscard]] std::string kind_and_cache(const Text& kind, const Text& cache);
[[nodiscard]] std::string place(const Text& symbol, const Address& ip);

}  // namespace asi::ctl

#endif  // ASICTL_RENDER_TEXT_H
