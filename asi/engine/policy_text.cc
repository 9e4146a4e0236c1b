// SPDX-License-Identifier: GPL-2.0-only
// The policy as an administrator reads and writes it:
//
//	CLASS KIND[:CACHE] ACCESS ACTION[,log|,nolog]
#include <optional>

#include "complaint.h"
#include "policy.h"
#include "result.h"
#include "text.h"
#include "words.h"

namespace asi {

namespace {

constexpr unsigned kAll = ~0U;  ///< "*"

/// One line of text, understood.
struct Rule {
    unsigned cls = 0;   ///< or kAll
    unsigned kind = 0;  ///< or kAll
    Text cache;         ///< empty: the rule is for the kind
    bool access[ASI_NR_ACCESSES] = {};
    Verdict verdict;

    [[nodiscard]] bool covers_class(unsigned c) const { return cls == kAll || cls == c; }
    [[nodiscard]] bool covers_kind(unsigned k) const { return kind == kAll || kind == k; }
};

/// Cuts a text into rules.
class Lines {
  public:
    explicit Lines(Text text) : rest_(text) {}

    [[nodiscard]] bool next() {
        if (is_finished_) return false;
        std::size_t end = 0;
        while (end < rest_.size && rest_[end] != '\n' && rest_[end] != ';' && rest_[end] != '#')
            ++end;
        line_ = rest_.first(end);
        if (end < rest_.size && rest_[end] == '#') end += rest_.from(end).find('\n');
        is_finished_ = end == rest_.size;
        rest_ = rest_.from(is_finished_ ? end : end + 1);
        ++number_;
        return true;
    }
    /// Without its comment.
    [[nodiscard]] Text line() const { return line_; }
    [[nodiscard]] unsigned number() const { return number_; }

  private:
    Text rest_;
    Text line_;
    unsigned number_ = 0;
    bool is_finished_ = false;
};

/// The value whose name is @word, or nothing.
std::optional<unsigned> find_name(const char* (*name_of)(unsigned), Text word) {
    for (unsigned i = 0; const char* name = name_of(i); ++i)
        if (Text(name) == word) return i;
    return std::nullopt;
}

enum class LineType : u8 { kNothing, kDefault, kRule };

/// Reads the words of one line, left to right.
class RuleParser {
  public:
    RuleParser(Text line, unsigned number, asi_policy_error* error)
        : rest_(line), number_(number), error_(error) {}

    Status parse(LineType& type, Rule& rule) {
        const Text first = next_word(rest_);
        type = LineType::kNothing;
        if (first.is_empty()) return Status::kOk;
        previous_ = first;
        if (first == Text("default")) {
            type = LineType::kDefault;
            return nothing_more();
        }
        type = LineType::kRule;
        if (Status s = parse_class(first, rule); s != Status::kOk) return s;
        if (Status s = parse_kind(rule); s != Status::kOk) return s;
        if (Status s = parse_access(rule); s != Status::kOk) return s;
        if (Status s = parse_action(rule); s != Status::kOk) return s;
        return nothing_more();
    }

  private:
    [[nodiscard]] Complaint<asi_policy_error> complain() const { return {error_, number_}; }

    /// The next word, which is a @what; kInvalid when the line ends here.
    Status require(const char* what, Text& word) {
        word = next_word(rest_);
        if (word.is_empty())
            return complain()
                .say("missing ")
                .say(what)
                .say(" after ")
                .quote(previous_)
                .is(Status::kInvalid);
        previous_ = word;
        return Status::kOk;
    }

    Status nothing_more() {
        const Text word = next_word(rest_);
        if (word.is_empty()) return Status::kOk;
        return complain()
            .say("unexpected ")
            .quote(word)
            .say(" after ")
            .quote(previous_)
            .is(Status::kInvalid);
    }

    Status parse_class(Text word, Rule& rule) const {
        if (word == Text("*")) {
            rule.cls = kAll;
        } else if (const auto cls = find_name(asi_class_name, word)) {
            rule.cls = *cls;
        } else {
            return complain().say("unknown class ").quote(word).is(Status::kInvalid);
        }
        return Status::kOk;
    }

    Status parse_kind(Rule& rule) {
        Text word;
        if (Status s = require("kind", word); s != Status::kOk) return s;
        const std::size_t colon = word.find(':');
        const Text name = word.first(colon);
        if (name == Text("*")) {
            rule.kind = kAll;
        } else if (const auto kind = find_name(asi_kind_name, name)) {
            rule.kind = *kind;
        } else {
            return complain().say("unknown kind ").quote(name).is(Status::kInvalid);
        }
        if (colon == word.size) return Status::kOk;
        if (rule.kind != ASI_KIND_SLAB)
            return complain()
                .say("only slab takes a cache name, not ")
                .quote(name)
                .is(Status::kInvalid);
        return parse_cache(word.from(colon + 1), rule);
    }

    Status parse_cache(Text name, Rule& rule) const {
        if (name.is_empty()) return complain().say("empty cache name").is(Status::kInvalid);
        if (name.size >= ASI_CACHE_NAME_LEN)
            return complain()
                .say("cache name ")
                .quote(name)
                .say(" is longer than ")
                .number(ASI_CACHE_NAME_LEN - 1)
                .say(" characters")
                .is(Status::kInvalid);
        for (std::size_t i = 0; i < name.size; ++i)
            if (!is_printable(name[i]))
                return complain()
                    .say("cache name ")
                    .quote(name)
                    .say(" has an unprintable character")
                    .is(Status::kInvalid);
        rule.cache = name;
        return Status::kOk;
    }

    Status parse_access(Rule& rule) {
        Text word;
        if (Status s = require("access", word); s != Status::kOk) return s;
        for (std::size_t i = 0; i < word.size; ++i) {
            const auto access = find_name(asi_access_name, word.from(i).first(1));
            if (!access)
                return complain()
                    .say("unknown access ")
                    .quote(word)
                    .say(" (use r, w, x)")
                    .is(Status::kInvalid);
            if (rule.access[*access])
                return complain()
                    .say("access ")
                    .quote(word)
                    .say(" repeats a letter")
                    .is(Status::kInvalid);
            rule.access[*access] = true;
        }
        return Status::kOk;
    }

    Status parse_action(Rule& rule) {
        Text word;
        if (Status s = require("action", word); s != Status::kOk) return s;
        const std::size_t comma = word.find(',');
        const Text name = word.first(comma);
        const auto found = find_name(asi_action_name, name);
        if (!found)
            return complain()
                .say("unknown action ")
                .quote(name)
                .say(" (use grow, exit, deny)")
                .is(Status::kInvalid);
        const auto action = static_cast<asi_action>(*found);
        bool is_logged = logs_by_default(action);
        if (comma < word.size) {
            const Text option = word.from(comma + 1);
            if (!(option == Text("log")) && !(option == Text("nolog")))
                return complain()
                    .say("unknown option ")
                    .quote(option)
                    .say(" (use log, nolog)")
                    .is(Status::kInvalid);
            is_logged = option == Text("log");
        }
        rule.verdict = Verdict(action, is_logged);
        return action == ASI_ACTION_GROW ? check_growth(rule) : Status::kOk;
    }

    Status check_growth(const Rule& rule) const {
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
            if (rule.covers_kind(kind) && is_never_safe_to_map(kind))
                return complain()
                    .say("'grow' is never safe for kind ")
                    .quote(Text(asi_kind_name(kind)))
                    .say(rule.kind == kAll ? ", which '*' includes" : "")
                    .is(Status::kInvalid);
        return Status::kOk;
    }

    Text rest_;
    Text previous_;  ///< last word read, for messages
    unsigned number_;
    asi_policy_error* error_;
};

Text cache_name(const asi_cache_rule& rule) {
    std::size_t length = 0;
    while (length < sizeof(rule.cache) && rule.cache[length] != '\0') ++length;
    return {rule.cache, length};
}

asi_cache_rule* find_cache_rule(asi_policy& p, unsigned cls, Text name) {
    for (unsigned i = 0; i < p.cache_rules; ++i)
        if (p.cache[i].cls == cls && cache_name(p.cache[i]) == name) return &p.cache[i];
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

    /// False when @rule does not fit any more.
    [[nodiscard]] bool add(const Rule& rule) {
        for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls) {
            if (!rule.covers_class(cls) || is_known(cls, rule.cache)) continue;
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
Status check(const asi_policy& p, Text text, asi_policy_error* error) {
    CacheRuleCounter counter(p);
    for (Lines lines(text); lines.next();) {
        Rule rule;
        LineType type;
        const Status status = RuleParser(lines.line(), lines.number(), error).parse(type, rule);
        if (status != Status::kOk) return status;
        if (type == LineType::kDefault) counter.reset(kDefaultPolicy);
        if (type == LineType::kRule && !rule.cache.is_empty() && !counter.add(rule))
            return Complaint<asi_policy_error>(error, lines.number())
                .say("more than ")
                .number(ASI_POLICY_CACHE_RULES)
                .say(" cache rules")
                .is(Status::kTooBig);
    }
    return Status::kOk;
}

void set(unsigned char (&verdicts)[ASI_NR_ACCESSES], const Rule& rule) {
    for (unsigned access = 0; access < ASI_NR_ACCESSES; ++access)
        if (rule.access[access]) verdicts[access] = rule.verdict.code();
}

void apply(asi_policy& p, const Rule& rule) {
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls) {
        if (!rule.covers_class(cls)) continue;
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
            for (std::size_t i = 0; i < rule.cache.size; ++i) cache_rule->cache[i] = rule.cache[i];
        }
        set(cache_rule->verdict, rule);
    }
}

/// "r w x" with equal verdicts share a line.
void format_verdicts(Writer& out, unsigned cls, const char* kind, Text cache,
                     const unsigned char (&verdicts)[ASI_NR_ACCESSES]) {
    bool is_done[ASI_NR_ACCESSES] = {};
    for (unsigned first = 0; first < ASI_NR_ACCESSES; ++first) {
        const Verdict verdict(verdicts[first]);
        if (is_done[first] || !verdict.is_rule()) continue;
        out.put(asi_class_name(cls)).put(' ').put(kind);
        if (!cache.is_empty()) out.put(':').put(cache);
        out.put(' ');
        for (unsigned access = first; access < ASI_NR_ACCESSES; ++access) {
            if (Verdict(verdicts[access]) != verdict) continue;
            out.put(asi_access_name(access));
            is_done[access] = true;
        }
        out.put(' ').put(asi_action_name(verdict.action()));
        if (verdict.is_logged() != logs_by_default(verdict.action()))
            out.put(verdict.is_logged() ? ",log" : ",nolog");
        out.put('\n');
    }
}

}  // namespace

}  // namespace asi

int asi_policy_parse(asi_policy* p, const char* text, asi_size len, asi_policy_error* err) {
    using namespace asi;
    if (err) {
        err->line = 0;
        err->message[0] = '\0';
    }
    const Status status = check(*p, Text(text, len), err);
    if (status != Status::kOk) return to_errno(status);
    for (Lines lines(Text(text, len)); lines.next();) {
        Rule rule;
        LineType type;
        // check() has accepted the same line.
        if (RuleParser(lines.line(), lines.number(), nullptr).parse(type, rule) != Status::kOk)
            break;
        if (type == LineType::kDefault) *p = kDefaultPolicy;
        if (type == LineType::kRule) apply(*p, rule);
    }
    return 0;
}

asi_size asi_policy_format(const asi_policy* p, char* buf, asi_size len) {
    using namespace asi;
    Writer out(buf, len);
    // Whatever this text is read on top of, nothing of that remains.
    out.put("default\n");
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls)
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
            format_verdicts(out, cls, asi_kind_name(kind), {}, p->verdict[cls][kind]);
    for (unsigned i = 0; i < p->cache_rules && i < ASI_POLICY_CACHE_RULES; ++i)
        format_verdicts(out, p->cache[i].cls, asi_kind_name(ASI_KIND_SLAB), cache_name(p->cache[i]),
                        p->cache[i].verdict);
    return out.finish();
}
