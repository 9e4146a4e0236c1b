// SPDX-License-Identifier: GPL-2.0-only
//
// From the text of a kernel file to the structures of model.h.  No parser
// fails: a key it does not know, or a known one whose value it cannot read,
// ends up in `other` as it stood.
#ifndef ASICTL_PARSE_H
#define ASICTL_PARSE_H

#include <string>
#include <string_view>
#include <vector>

#include "model.h"

namespace asi::ctl {

/// Decimal or 0x-prefixed hexadecimal, whole string, up to 64 bits.
[[nodiscard]] Number parse_number(std::string_view text);

[[nodiscard]] Status parse_status(std::string_view text);
[[nodiscard]] std::vector<Domain> parse_domains(std::string_view text);
[[nodiscard]] FaultLog parse_faults(std::string_view text);
[[nodiscard]] Pairs parse_stats(std::string_view text);
/// A line with anything missing or added is in `other` as a whole.
[[nodiscard]] Verification parse_verification(std::string_view text);
[[nodiscard]] std::vector<Vm> parse_vms(std::string_view text);
[[nodiscard]] SciProfileList parse_sci_profiles(std::string_view text);
[[nodiscard]] SciViolationLog parse_sci_violations(std::string_view text);
[[nodiscard]] NetnsList parse_netns(std::string_view text);
[[nodiscard]] NetnsTouchLog parse_netns_touches(std::string_view text);
[[nodiscard]] Xom parse_xom(std::string_view text);

/// The GNU build id in ELF notes such as /sys/kernel/notes, in hexadecimal digits.
[[nodiscard]] Text parse_build_id(std::string_view notes);

/// Rules as the kernel prints them.  For showing only: whether a rule is valid
/// is for the engine's parser to say, see policy_text.h.
[[nodiscard]] std::vector<PolicyRule> parse_policy(std::string_view text);

/// What debugfs asi/policy_error and asi/sci/import_error say: "line 2: unknown kind 'slob'".
struct PolicyProblem {
    Number line;
    std::string message;

    [[nodiscard]] std::string to_string() const;
};
[[nodiscard]] PolicyProblem parse_policy_error(std::string_view text);

}  // namespace asi::ctl

#endif  // ASICTL_PARSE_H
