// SPDX-License-Identifier: GPL-2.0-only
// Counting what became of VM exits.
//
// One thread writes, others read: each counter is stored whole, and an entry is
// marked used only after its identity is complete.
#include "account.h"

#include "reason_names.h"

namespace {

using u32 = asi_u32;
using u64 = asi_u64;

u64 read(const u64& counter) {
    return __atomic_load_n(&counter, __ATOMIC_RELAXED);
}
void add(u64& counter, u64 n) {
    __atomic_store_n(&counter, read(counter) + n, __ATOMIC_RELAXED);
}

template <typename Slot>
bool is_used(const Slot& slot) {
    return __atomic_load_n(&slot.used, __ATOMIC_ACQUIRE) != 0;
}
template <typename Slot>
void publish(Slot& slot) {
    __atomic_store_n(&slot.used, 1, __ATOMIC_RELEASE);
}

/// The counters of @code, or those for what found no room.
kvm_asi_reason& reason_of(kvm_asi_account& a, u32 code) {
    for (kvm_asi_reason& reason : a.reason) {
        if (!is_used(reason)) {
            reason.code = code;
            publish(reason);
            return reason;
        }
        if (reason.code == code) return reason;
    }
    a.other.used = 1;
    return a.other;
}

bool is_same_cache(const asi_fault_info& a, const asi_fault_info& b) {
    for (unsigned i = 0; i < sizeof(a.cache); ++i) {
        if (a.cache[i] != b.cache[i]) return false;
        if (a.cache[i] == '\0') break;
    }
    return true;
}

bool is_same(const asi_leave& a, const asi_leave& b) {
    return a.how == b.how && a.fault.ip == b.fault.ip && a.fault.kind == b.fault.kind &&
           a.fault.access == b.fault.access && is_same_cache(a.fault, b.fault);
}

void add_cause(kvm_asi_account& a, u32 code, const asi_leave& leave, u64 count) {
    for (kvm_asi_cause& cause : a.cause) {
        if (!is_used(cause)) {
            cause.leave = leave;
            cause.code = code;
            cause.count = count;
            publish(cause);
            return;
        }
        if (cause.code == code && is_same(cause.leave, leave)) {
            add(cause.count, count);
            return;
        }
    }
    add(a.causes_dropped, count);
}

/// The part of @leave that tells it from others.
asi_leave identity_of(const asi_leave& leave) {
    asi_leave identity = {};
    identity.how = leave.how;
    if (leave.how != ASI_LEAVE_FAULT) return identity;
    identity.fault.ip = leave.fault.ip;
    identity.fault.kind = leave.fault.kind;
    identity.fault.access = leave.fault.access;
    for (unsigned i = 0; i + 1 < sizeof(identity.fault.cache) && leave.fault.cache[i] != '\0'; ++i)
        identity.fault.cache[i] = leave.fault.cache[i];
    return identity;
}

template <unsigned kCount>
constexpr bool is_sorted(const ReasonName (&names)[kCount]) {
    for (unsigned i = 1; i < kCount; ++i)
        if (names[i - 1].code >= names[i].code) return false;
    return true;
}
static_assert(is_sorted(kSvmNames) && is_sorted(kVmxNames));

template <unsigned kCount>
const char* find_name(const ReasonName (&names)[kCount], u32 code) {
    unsigned low = 0, high = kCount;
    while (low < high) {
        const unsigned middle = (low + high) / 2;
        if (names[middle].code == code) return names[middle].name;
        if (names[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return nullptr;
}

}  // namespace

void kvm_asi_account_exit(kvm_asi_account* a, asi_u32 code, kvm_asi_outcome outcome,
                          const asi_leave* leave) {
    if (static_cast<u32>(outcome) >= KVM_ASI_NR_OUTCOMES) {
        asi_port_bug("kvm: unknown outcome of an exit", static_cast<u32>(outcome));
        return;
    }
    kvm_asi_reason& reason = reason_of(*a, code);
    // What found no room has no code to be known by.
    a->last[outcome] = &reason == &a->other ? nullptr : &reason;
    add(a->total[outcome], 1);
    add(reason.count[outcome], 1);
    if (!leave) return;
    if (outcome == KVM_ASI_FIRST_TOUCH) add(a->left_first_touch, 1);
    if (outcome != KVM_ASI_USER && leave->how == ASI_LEAVE_SCHED) add(a->left_switched, 1);
    add_cause(*a, code, identity_of(*leave), 1);
}

namespace {

void add_direct(kvm_asi_account& to, const u64 (&counts)[KVM_ASI_DIRECT], kvm_asi_outcome outcome) {
    for (u32 code = 0; code < KVM_ASI_DIRECT; ++code) {
        const u64 count = read(counts[code]);
        if (count == 0) continue;
        add(to.total[outcome], count);
        add(reason_of(to, code).count[outcome], count);
    }
}

}  // namespace

void kvm_asi_account_add(kvm_asi_account* to, const kvm_asi_account* from) {
    for (unsigned i = 0; i < KVM_ASI_NR_OUTCOMES; ++i) add(to->total[i], read(from->total[i]));
    add(to->left_first_touch, read(from->left_first_touch));
    add(to->left_switched, read(from->left_switched));
    add(to->left_no_page, read(from->left_no_page));
    for (unsigned i = 0; i < ASI_NR_FLUSHES; ++i) add(to->flushed[i], read(from->flushed[i]));
    add_direct(*to, from->inside, KVM_ASI_INSIDE);
    for (const kvm_asi_reason& reason : from->reason) {
        if (!is_used(reason)) break;
        kvm_asi_reason& sum = reason_of(*to, reason.code);
        for (unsigned i = 0; i < KVM_ASI_NR_OUTCOMES; ++i) add(sum.count[i], read(reason.count[i]));
    }
    for (unsigned i = 0; i < KVM_ASI_NR_OUTCOMES; ++i)
        add(to->other.count[i], read(from->other.count[i]));
    if (is_used(from->other)) to->other.used = 1;
    for (const kvm_asi_cause& cause : from->cause) {
        if (!is_used(cause)) break;
        add_cause(*to, cause.code, cause.leave, read(cause.count));
    }
    add(to->causes_dropped, read(from->causes_dropped));
}

const char* kvm_asi_reason_name(kvm_asi_vendor vendor, asi_u32 code) {
    return vendor == KVM_ASI_SVM ? find_name(kSvmNames, code) : find_name(kVmxNames, code);
}

const char* kvm_asi_flush_name(asi_flush which) {
    constexpr const char* kNames[] = {"l1d", "buffers", "ibpb"};
    static_assert(sizeof(kNames) / sizeof(kNames[0]) == ASI_NR_FLUSHES);
    return static_cast<u32>(which) < ASI_NR_FLUSHES ? kNames[which] : nullptr;
}

u64 kvm_asi_account_avoided(const kvm_asi_account* a, asi_flush which) {
    u64 entries = 0;
    for (const u64& count : a->total) entries += read(count);
    const u64 done = read(a->flushed[which]);
    // The exit of the latest entry is not counted yet.
    return done < entries ? entries - done : 0;
}

const char* kvm_asi_leave_name(asi_leave_how how) {
    switch (how) {
        case ASI_LEAVE_FAULT:
            return "fault";
        case ASI_LEAVE_SCHED:
            return "sched";
        case ASI_LEAVE_FLUSH:
            return "flush";
        default:
            return "other";
    }
}
