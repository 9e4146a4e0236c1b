// SPDX-License-Identifier: GPL-2.0-only
// What the policy's table and its text form have in common.
#ifndef ASI_ENGINE_POLICY_H
#define ASI_ENGINE_POLICY_H

#include <asi/engine.h>

#include "entry.h"

namespace asi {

/// One decision, in the encoding that struct asi_policy stores. Zero, which
/// zeroed storage holds, means "no rule".
class Verdict {
  public:
    constexpr Verdict() = default;
    constexpr Verdict(asi_action action, bool is_logged)
        : code_(static_cast<u8>(1 + 2 * action + (is_logged ? 1 : 0))) {}
    /// From storage; a byte that encodes nothing counts as no rule.
    constexpr explicit Verdict(u8 code) : code_(code <= 2 * ASI_NR_ACTIONS ? code : u8{0}) {}

    [[nodiscard]] constexpr u8 code() const { return code_; }
    [[nodiscard]] constexpr bool is_rule() const { return code_ != 0; }
    /// Only when is_rule().
    [[nodiscard]] constexpr asi_action action() const {
        return static_cast<asi_action>((code_ - 1) / 2);
    }
    [[nodiscard]] constexpr bool is_logged() const { return (code_ - 1) % 2 != 0; }

    constexpr bool operator==(const Verdict&) const = default;

  private:
    u8 code_ = 0;
};

/// What a rule means that says neither ",log" nor ",nolog": an operator wants
/// to see what leaves, not what stays.
constexpr bool logs_by_default(asi_action action) {
    return action != ASI_ACTION_GROW;
}

/// Mapping one of these lets in what isolation is there to keep out, or (free
/// pages, page tables, user addresses, private payload) breaks a promise of the core.
constexpr bool is_never_safe_to_map(unsigned kind) {
    switch (kind) {
        case ASI_KIND_UNKNOWN:
        case ASI_KIND_FREE_PAGE:
        case ASI_KIND_PAGE_TABLE:
        case ASI_KIND_OTHER_STACK:
        case ASI_KIND_USER_ADDRESS:
        case ASI_KIND_PRIVATE:
            return true;
        default:
            return false;
    }
}

/// Does the class have page tables in which something could be mapped? Those of
/// namespaces show all of the kernel from the beginning.
constexpr bool may_grow(unsigned cls) {
    return cls != ASI_CLASS_XOM && cls != ASI_CLASS_NETNS;
}

extern const asi_policy kDefaultPolicy;

}  // namespace asi

#endif  // ASI_ENGINE_POLICY_H
