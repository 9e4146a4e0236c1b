// SPDX-License-Identifier: GPL-2.0-only
// The built-in policy, the names, and the decision.
#include "policy.h"

namespace asi {

namespace {

constexpr const char* kClassNames[] = {"kvm", "test", "sci", "xom", "netns"};
constexpr const char* kKindNames[] = {
    "unknown",     "entry_text",   "kernel_text",  "module",     "rodata",     "data",
    "percpu",      "cpu_entry",    "irq_stack",    "fixmap",     "own_stack",  "other_stack",
    "own_task",    "slab",         "user_page",    "page_cache", "page_table", "free_page",
    "kernel_page", "reserved",     "text_alias",   "vmalloc",    "vmemmap",    "device",
    "shadow",      "user_address", "guest_memory", "own_table",  "other_task", "object",
    "private",
};
constexpr const char* kAccessNames[] = {"r", "w", "x"};
constexpr const char* kActionNames[] = {"grow", "exit", "deny"};

template <unsigned kCount>
constexpr const char* name_in(const char* const (&names)[kCount], unsigned index) {
    return index < kCount ? names[index] : nullptr;
}

static_assert(sizeof(kClassNames) / sizeof(char*) == ASI_NR_CLASSES);
static_assert(sizeof(kKindNames) / sizeof(char*) == ASI_NR_KINDS);
static_assert(sizeof(kAccessNames) / sizeof(char*) == ASI_NR_ACCESSES);
static_assert(sizeof(kActionNames) / sizeof(char*) == ASI_NR_ACTIONS);

constexpr Verdict kGrow(ASI_ACTION_GROW, false);
constexpr Verdict kExit(ASI_ACTION_EXIT, true);
constexpr Verdict kDeny(ASI_ACTION_DENY, true);

/// Which accesses every class may bring in: kernel memory that holds no tenant's
/// secrets, or only the running task's own.
struct BaseKind {
    asi_kind kind;
    bool read, write, execute;
};
constexpr BaseKind kBaseKinds[] = {
    {ASI_KIND_ENTRY_TEXT, true, false, true}, {ASI_KIND_KERNEL_TEXT, true, false, true},
    {ASI_KIND_MODULE, true, true, true},      {ASI_KIND_RODATA, true, false, false},
    {ASI_KIND_DATA, true, true, false},       {ASI_KIND_PERCPU, true, true, false},
    {ASI_KIND_CPU_ENTRY, true, true, false},  {ASI_KIND_IRQ_STACK, true, true, false},
    {ASI_KIND_FIXMAP, true, true, false},     {ASI_KIND_OWN_STACK, true, true, false},
    {ASI_KIND_OWN_TASK, true, true, false},   {ASI_KIND_SHADOW, true, true, false},
    {ASI_KIND_OBJECT, true, true, false},     {ASI_KIND_GUEST_MEMORY, true, true, false},
    {ASI_KIND_VMEMMAP, true, true, false},
};

/// What a virtual machine's domain brings in beside.  Tables are read, never
/// written: a fault that changes them happens outside.
constexpr BaseKind kKvmKinds[] = {
    {ASI_KIND_OWN_TABLE, true, false, false},
    {ASI_KIND_OTHER_TASK, true, true, false},
};

/// What a system call brings in: the kernel's own data, whoever it works for.  Not
/// here: other stacks, page tables, processes' pages, free pages; and text as data.
constexpr BaseKind kSciKinds[] = {
    {ASI_KIND_ENTRY_TEXT, false, false, true},    {ASI_KIND_KERNEL_TEXT, false, false, true},
    {ASI_KIND_SLAB, true, true, false},           {ASI_KIND_KERNEL_PAGE, true, true, false},
    {ASI_KIND_PAGE_CACHE, true, true, false},     {ASI_KIND_RESERVED, true, true, false},
    {ASI_KIND_VMALLOC, true, true, false},        {ASI_KIND_OTHER_TASK, true, true, false},
    {ASI_KIND_GUEST_MEMORY, false, false, false},
};

/// The kernel's book-keeping that asi/x86 allocates apart from everything else:
/// timers of sleeping tasks, scheduling domains, interrupt routes, eventfds; and
/// that of queues of work and of groups of tasks, which the kernel keeps apart itself.
constexpr const char* kSharedCaches[] = {
    "asi_sleeper",   "asi_poller",    "asi_shared-64",  "asi_shared-256",
    "asi_shared-1k", "asi_shared-4k", "pool_workqueue", "task_group",
};

/// The allocator's descriptors, which hardened user copies consult: layout of
/// objects, no content.  And what the scheduler charges a process's time to.
constexpr const char* kReadOnlyCaches[] = {"kmem_cache", "signal_cache"};

constexpr void add_cache_rule(asi_policy& p, const char* name, bool may_write) {
    asi_cache_rule& rule = p.cache[p.cache_rules++];
    for (unsigned i = 0; name[i] != '\0'; ++i) rule.cache[i] = name[i];
    rule.cls = ASI_CLASS_KVM;
    rule.verdict[ASI_ACCESS_READ] = kGrow.code();
    if (may_write) rule.verdict[ASI_ACCESS_WRITE] = kGrow.code();
}

constexpr asi_policy make_default() {
    asi_policy p = {};
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls) {
        // A virtual machine carries on after any surprise; a test must notice it, and
        // a system call's surprise is an attack, as is another namespace's payload.
        const Verdict other = cls == ASI_CLASS_KVM ? kExit : kDeny;
        for (auto& kind : p.verdict[cls]) {
            kind[ASI_ACCESS_READ] = other.code();
            kind[ASI_ACCESS_WRITE] = other.code();
            // No instruction was ever meant to be fetched from there.
            kind[ASI_ACCESS_EXEC] = kDeny.code();
        }
        // Text as data, or payload, is nothing to bring in: it is refused, or read outside
        // of that.
        if (!may_grow(cls)) continue;
        for (const BaseKind& base : kBaseKinds) {
            auto& kind = p.verdict[cls][base.kind];
            kind[ASI_ACCESS_READ] = (base.read ? kGrow : kDeny).code();
            kind[ASI_ACCESS_WRITE] = (base.write ? kGrow : kDeny).code();
            kind[ASI_ACCESS_EXEC] = (base.execute ? kGrow : kDeny).code();
        }
    }
    for (const BaseKind& more : kKvmKinds) {
        auto& kind = p.verdict[ASI_CLASS_KVM][more.kind];
        if (more.read) kind[ASI_ACCESS_READ] = kGrow.code();
        if (more.write) kind[ASI_ACCESS_WRITE] = kGrow.code();
    }
    for (const BaseKind& more : kSciKinds) {
        auto& kind = p.verdict[ASI_CLASS_SCI][more.kind];
        kind[ASI_ACCESS_READ] = (more.read ? kGrow : kDeny).code();
        kind[ASI_ACCESS_WRITE] = (more.write ? kGrow : kDeny).code();
        kind[ASI_ACCESS_EXEC] = (more.execute ? kGrow : kDeny).code();
    }
    for (const char* name : kSharedCaches) add_cache_rule(p, name, true);
    for (const char* name : kReadOnlyCaches) add_cache_rule(p, name, false);
    return p;
}

constexpr bool grows_only_safe_kinds(const asi_policy& p) {
    for (unsigned cls = 0; cls < ASI_NR_CLASSES; ++cls)
        for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind)
            for (const unsigned char code : p.verdict[cls][kind])
                if ((is_never_safe_to_map(kind) || !may_grow(cls)) &&
                    Verdict(code).action() == ASI_ACTION_GROW)
                    return false;
    return true;
}
static_assert(grows_only_safe_kinds(make_default()));

bool is_same_name(const char (&rule)[ASI_CACHE_NAME_LEN], const char* cache) {
    for (unsigned i = 0; i < ASI_CACHE_NAME_LEN; ++i) {
        if (rule[i] != cache[i]) return false;
        if (rule[i] == '\0') return true;
    }
    return false;
}

}  // namespace

constinit const asi_policy kDefaultPolicy = make_default();

}  // namespace asi

using asi::Verdict;

void asi_policy_default(asi_policy* p) {
    *p = asi::kDefaultPolicy;
}

asi_verdict asi_policy_decide(const asi_policy* p, asi_class cls, asi_kind kind, const char* cache,
                              asi_access access) {
    Verdict verdict;
    if (cls < ASI_NR_CLASSES && access < ASI_NR_ACCESSES) {
        if (kind >= ASI_NR_KINDS) kind = ASI_KIND_UNKNOWN;
        verdict = Verdict(p->verdict[cls][kind][access]);
        if (kind == ASI_KIND_SLAB && cache) {
            for (unsigned i = 0; i < p->cache_rules && i < ASI_POLICY_CACHE_RULES; ++i) {
                const asi_cache_rule& rule = p->cache[i];
                if (rule.cls != cls || !asi::is_same_name(rule.cache, cache)) continue;
                const Verdict special(rule.verdict[access]);
                if (special.is_rule()) verdict = special;
                break;
            }
        }
    }
    // A policy nobody filled in: leaving is always possible and always safe.
    if (!verdict.is_rule()) verdict = asi::kExit;
    return {static_cast<asi::u8>(verdict.action()), verdict.is_logged() ? asi::u8{1} : asi::u8{0}};
}

const char* asi_class_name(unsigned int cls) {
    return asi::name_in(asi::kClassNames, cls);
}

const char* asi_kind_name(unsigned int kind) {
    return asi::name_in(asi::kKindNames, kind);
}

const char* asi_action_name(unsigned int action) {
    return asi::name_in(asi::kActionNames, action);
}

const char* asi_access_name(unsigned int access) {
    return asi::name_in(asi::kAccessNames, access);
}
