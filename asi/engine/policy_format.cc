// SPDX-License-Identifier: GPL-2.0-only
// A policy as text that reads back as the same policy.
#include "../text/writer.h"
#include "policy.h"

namespace asi {

namespace {

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

using Verdicts = unsigned char[ASI_NR_ACCESSES];

/// Is it the same for all kinds?
bool is_uniform(const Verdicts (&kinds)[ASI_NR_KINDS]) {
    for (const Verdicts& kind : kinds)
        for (unsigned access = 0; access < ASI_NR_ACCESSES; ++access)
            if (kind[access] != kinds[0][access]) return false;
    return true;
}

}  // namespace

}  // namespace asi

asi_size asi_policy_format(const asi_policy* p, char* buf, asi_size len) {
    using namespace asi;
    Writer out(buf, len);
    // Whatever this text is read on top of, nothing of that remains.
    out.put("default\n");
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls) {
        if (is_uniform(p->verdict[cls])) {
            format_verdicts(out, cls, "*", {}, p->verdict[cls][0]);
            continue;
        }
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
            format_verdicts(out, cls, asi_kind_name(kind), {}, p->verdict[cls][kind]);
    }
    for (unsigned i = 0; i < p->cache_rules && i < ASI_POLICY_CACHE_RULES; ++i)
        format_verdicts(out, p->cache[i].cls, asi_kind_name(ASI_KIND_SLAB),
                        text_in(p->cache[i].cache), p->cache[i].verdict);
    return out.finish();
}
