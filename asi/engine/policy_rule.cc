// SPDX-License-Identifier: GPL-2.0-only
#include "policy_rule.h"

#include <optional>

namespace asi {

namespace {

/// Reads the words of one line, left to right.
class RuleParser {
  public:
    explicit RuleParser(const LineWords& words) : words_(words) {}

    Status parse(LineType& type, Rule& rule) {
        const Text first = words_.next();
        type = LineType::kNothing;
        if (first.is_empty()) return Status::kOk;
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
    [[nodiscard]] Complaint complain() const { return words_.complain(); }

    [[nodiscard]] Status nothing_more() const {
        return words_.nothing_more() ? Status::kOk : Status::kInvalid;
    }

    Status parse_class(Text word, Rule& rule) const {
        if (word == Text("*")) {
            rule.cls = Rule::kAll;
        } else if (const auto cls = find_name(asi_class_name, word)) {
            rule.cls = *cls;
        } else {
            return complain().say("unknown class ").quote(word).is(Status::kInvalid);
        }
        return Status::kOk;
    }

    Status parse_kind(Rule& rule) {
        Text word;
        if (!words_.require("kind", word)) return Status::kInvalid;
        const std::size_t colon = word.find(':');
        const Text name = word.first(colon);
        if (name == Text("*")) {
            rule.kind = Rule::kAll;
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
        if (!words_.require("access", word)) return Status::kInvalid;
        const auto access = words_.read_letters("access", word, asi_access_name, ASI_NR_ACCESSES);
        if (!access) return Status::kInvalid;
        rule.access = *access;
        return Status::kOk;
    }

    Status parse_action(Rule& rule) {
        Text word;
        if (!words_.require("action", word)) return Status::kInvalid;
        const std::size_t comma = word.find(',');
        const Text name = word.first(comma);
        const auto found = find_name(asi_action_name, name);
        if (!found)
            return complain()
                .say("unknown action ")
                .quote(name)
                .say_choices(asi_action_name, ASI_NR_ACTIONS)
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
        if (rule.cls != Rule::kAll && !may_grow(rule.cls))
            return complain()
                .say("class ")
                .quote(Text(asi_class_name(rule.cls)))
                .say(" has nothing that could grow")
                .is(Status::kInvalid);
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
            if (rule.covers_kind(kind) && is_never_safe_to_map(kind))
                return complain()
                    .say("'grow' is never safe for kind ")
                    .quote(Text(asi_kind_name(kind)))
                    .say(rule.kind == Rule::kAll ? ", which '*' includes" : "")
                    .is(Status::kInvalid);
        return Status::kOk;
    }

    LineWords words_;
};

}  // namespace

Status parse_line(const Lines& lines, const Report& report, LineType& type, Rule& rule) {
    rule = {};
    return RuleParser({lines.line(), lines.number(), report}).parse(type, rule);
}

}  // namespace asi
