// SPDX-License-Identifier: GPL-2.0-only
// One line of a policy's text:
//
//	CLASS KIND[:CACHE] ACCESS ACTION[,log|,nolog]
#ifndef ASI_ENGINE_POLICY_RULE_H
#define ASI_ENGINE_POLICY_RULE_H

#include "../text/lines.h"
#include "policy.h"
#include "result.h"

namespace asi {

/// A rule as it is written: a class or a kind may be "*".
struct Rule {
    static constexpr unsigned kAll = ~0U;

    unsigned cls = 0;     ///< or kAll
    unsigned kind = 0;    ///< or kAll
    Text cache;           ///< empty: the rule is for the kind
    unsigned access = 0;  ///< a set, bit by bit
    Verdict verdict;

    [[nodiscard]] bool covers_class(unsigned c) const { return cls == kAll || cls == c; }
    [[nodiscard]] bool covers_kind(unsigned k) const { return kind == kAll || kind == k; }
    [[nodiscard]] bool covers_access(unsigned a) const { return (access >> a & 1) != 0; }
};

enum class LineType : u8 {
    kNothing,
    kDefault,  ///< the word "default": back to the built-in policy
    kRule,
};

/// Understands the line that @lines stands on.  @rule is filled for kRule; its texts
/// point into the line.  kInvalid after a complaint to @report.
Status parse_line(const Lines& lines, const Report& report, LineType& type, Rule& rule);

}  // namespace asi

#endif  // ASI_ENGINE_POLICY_RULE_H
