// SPDX-License-Identifier: GPL-2.0-only
// A policy from text, all or nothing: the text is checked as a whole before the first
// rule is applied.
#include "policy_rule.h"

namespace asi {

namespace {

Lines lines_of(Text text) {
    return Lines(text, Lines::End::kNewlineOrSemicolon);
}

asi_cache_rule* find_cache_rule(asi_policy& p, unsigned cls, Text name) {
    for (unsigned i = 0; i < p.cache_rules; ++i)
        if (p.cache[i].cls == cls && text_in(p.cache[i].cache) == name) return &p.cache[i];
    return nullptr;
}

/// Counts the cache rules a text adds, before anything is changed. Keeps
/// references, not names: a second policy would not fit the kernel's stack.
class CacheRuleCounter {
  public:
    explicit CacheRuleCounter(const asi_policy& base) { reset(base); }

    void reset(const asi_policy& base) {
        base_ = &base;
        added_ = 0;
    }

    /// False when there is no room for @rule.
    [[nodiscard]] bool add(const Rule& rule) {
        for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls) {
            if (!rule.covers_class(cls) || is_known(cls, rule.cache)) continue;
            if (rule.verdict.action() == ASI_ACTION_GROW && !may_grow(cls)) continue;
            if (base_->cache_rules + added_ >= ASI_POLICY_CACHE_RULES) return false;
            name_[added_] = rule.cache.data;
            size_[added_] = static_cast<u8>(rule.cache.size);
            cls_[added_++] = static_cast<u8>(cls);
        }
        return true;
    }

  private:
    [[nodiscard]] bool is_known(unsigned cls, Text name) const {
        for (unsigned i = 0; i < added_; ++i)
            if (cls_[i] == cls && Text(name_[i], size_[i]) == name) return true;
        return find_cache_rule(const_cast<asi_policy&>(*base_), cls, name) != nullptr;
    }

    const asi_policy* base_;
    unsigned added_;
    const char* name_[ASI_POLICY_CACHE_RULES];
    u8 size_[ASI_POLICY_CACHE_RULES];
    u8 cls_[ASI_POLICY_CACHE_RULES];
};

/// Everything that can be wrong with @text is found here.
Status check(const asi_policy& p, Text text, const Report& report) {
    CacheRuleCounter counter(p);
    for (Lines lines = lines_of(text); lines.next();) {
        Rule rule;
        LineType type;
        const Status status = parse_line(lines, report, type, rule);
        if (status != Status::kOk) return status;
        if (type == LineType::kDefault) counter.reset(kDefaultPolicy);
        if (type == LineType::kRule && !rule.cache.is_empty() && !counter.add(rule))
            return Complaint(report, lines.number())
                .say("more than ")
                .number(ASI_POLICY_CACHE_RULES)
                .say(" cache rules")
                .is(Status::kTooBig);
    }
    return Status::kOk;
}

void set(unsigned char (&verdicts)[ASI_NR_ACCESSES], const Rule& rule) {
    for (unsigned access = 0; access < ASI_NR_ACCESSES; ++access)
        if (rule.covers_access(access)) verdicts[access] = rule.verdict.code();
}

void apply(asi_policy& p, const Rule& rule) {
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls) {
        if (!rule.covers_class(cls)) continue;
        // The parser has refused such a rule that names the class.
        if (rule.verdict.action() == ASI_ACTION_GROW && !may_grow(cls)) continue;
        if (rule.cache.is_empty()) {
            for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
                if (rule.covers_kind(kind)) set(p.verdict[cls][kind], rule);
            continue;
        }
        asi_cache_rule* cache_rule = find_cache_rule(p, cls, rule.cache);
        if (!cache_rule) {
            cache_rule = &p.cache[p.cache_rules++];
            *cache_rule = {};
            cache_rule->cls = static_cast<u8>(cls);
            // The parser has checked that the name fits.
            static_cast<void>(copy_text(rule.cache, cache_rule->cache));
        }
        set(cache_rule->verdict, rule);
    }
}

}  // namespace

}  // namespace asi

int asi_policy_parse(asi_policy* p, const char* text, asi_size len, asi_policy_error* err) {
    using namespace asi;
    const Report report(err);
    report.clear();
    const Status status = check(*p, Text(text, len), report);
    if (status != Status::kOk) return to_errno(status);
    for (Lines lines = lines_of(Text(text, len)); lines.next();) {
        Rule rule;
        LineType type;
        // check() has accepted the same line.
        if (parse_line(lines, report, type, rule) != Status::kOk) break;
        if (type == LineType::kDefault) *p = kDefaultPolicy;
        if (type == LineType::kRule) apply(*p, rule);
    }
    return 0;
}
