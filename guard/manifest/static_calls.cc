// SPDX-License-Identifier: GPL-2.0-only
#include "static_calls.h"

#include <fnmatch.h>

#include <sstream>

namespace guard {
namespace {

/// Keys, and what the kernel's source may make them: functions by pattern, and all those
/// that structures of operations hold.
struct Row {
    const char* keys;
    const char* functions;
    const char* structures;
};

constexpr Row kRows[] = {
    {"cond_resched", "__cond_resched __static_call_return0", ""},
    {"might_resched", "__cond_resched __static_call_return0", ""},
    {"preempt_schedule", "preempt_schedule preempt_schedule_thunk", ""},
    {"preempt_schedule_notrace", "preempt_schedule_notrace preempt_schedule_notrace_thunk", ""},
    {"irqentry_exit_cond_resched", "raw_irqentry_exit_cond_resched", ""},
    {"pv_sched_clock",
     "native_sched_clock kvm_sched_clock_read xen_sched_clock vmware_sched_clock "
     "read_hv_sched_clock_* vmware_sched_clock",
     ""},
    {"pv_steal_clock", "native_steal_clock kvm_steal_clock vmware_steal_clock xen_steal_clock", ""},
    {"x86_idle", "default_idle mwait_idle tdx_halt", ""},
    {"bpf_arch_pred_flush", "bpf_arch_ibpb", ""},
    {"apic_call_*",
     "native_apic_* kvm_guest_apic_eoi_write hv_apic_* apic_* x2apic_* native_x2apic_* "
     "default_send_* physflat_* flat_* __x2apic_*",
     "apic_*"},
    {"x86_pmu_*",
     "x86_pmu_* x86_* intel_* amd_* p4_* p6_* core_* nhm_* hsw_* glp_* tnt_* icl_* spr_* cmt_* "
     "adl_* mtl_* arl_* lnl_* zhaoxin_* knc_* __intel_* collect_* snb_* ivb_* bdw_* skl_* gnr_* "
     "__static_call_return0",
     "intel_pmu core_pmu amd_pmu p4_pmu p6_pmu knc_pmu zhaoxin_pmu"},
    {"amd_pmu_*", "amd_pmu_* amd_brs_*", ""},
    {"intel_pmu_*", "icl_* adl_* intel_* x86_perf_event_* ", ""},
    {"perf_snapshot_branch_stack", "intel_pmu_snapshot_* amd_pmu_*", ""},
    {"amd_pstate_*", "pstate_* cppc_* msr_* shmem_* amd_pstate_*", ""},
    {"__perf_guest_*", "kvm_guest_* kvm_guest_state kvm_guest_get_ip kvm_handle_intel_pt_intr", ""},
    {"kvm_x86_*", "__static_call_return0",
     "svm_x86_ops vt_x86_ops vmx_x86_ops intel_pmu_ops amd_pmu_ops kvm_x86_ops"},
    {"fgraph_func",
     "ftrace_graph_func ftrace_graph_entry_stub trace_graph_entry* "
     "trace_graph_* irqsoff_graph_* wakeup_graph_* profile_graph_*",
     ""},
    {"fgraph_retfunc",
     "ftrace_stub_graph trace_graph_* irqsoff_graph_* wakeup_graph_* "
     "profile_graph_*",
     ""},
};

/// Functions that hook tracepoints without a trace event.
constexpr char kProbes[] =
    "probe_* *_probe ftrace_syscall_enter ftrace_syscall_exit perf_syscall_enter "
    "perf_syscall_exit blk_add_trace_* ftrace_graph_probe_* ";

constexpr char kPvOps[] =
    "kvm_flush_tlb_multi kvm_io_delay native_* hyperv_flush_tlb_multi tlb_remove_table "
    "paravirt_* __native_* xen_*";

// Of struct trace_event_call and struct trace_event_class.
constexpr u64 kClassOfEvent = 16;
constexpr u64 kProbesOfClass[] = {8, 16};

}  // namespace

StaticCallTargets::StaticCallTargets(const KernelImage& image) : image_(image) {
    add_functions(pv_ops_, kPvOps);
}

void StaticCallTargets::add_functions(Targets& targets, const std::string& patterns) const {
    std::istringstream words(patterns);
    for (std::string pattern; words >> pattern;) {
        if (pattern.find('*') == std::string::npos) {
            if (const auto address = image_.find(pattern)) targets.insert(*address);
            continue;
        }
        for (const Symbol& symbol : image_.symbols())
            if (symbol.is_function && fnmatch(pattern.c_str(), symbol.name.c_str(), 0) == 0)
                targets.insert(symbol.address);
    }
}

void StaticCallTargets::add_members(Targets& targets, u64 address, u64 size) const {
    for (u64 at = address; at + 8 <= address + size && image_.has(at, 8); at += 8)
        if (image_.relocation_at(at) == RelocationKind::kAdd64 &&
            image_.function_at(image_.read64(at)))
            targets.insert(image_.read64(at));
}

void StaticCallTargets::add_tracepoint(Targets& targets, const std::string& event) const {
    add_functions(targets, "__traceiter_" + event);
    const auto call = image_.find("event_" + event);
    if (!call || !image_.has(*call, kClassOfEvent + 8)) return;
    const u64 event_class = image_.read64(*call + kClassOfEvent);
    for (const u64 member : kProbesOfClass)
        if (image_.has(event_class + member, 8)) add_members(targets, event_class + member, 8);
}

Targets StaticCallTargets::of(const std::string& name) const {
    Targets targets;
    if (name.starts_with("tp_func_")) {
        static const Targets probes = [this] {
            Targets found;
            add_functions(found, kProbes);
            return found;
        }();
        targets = probes;
        add_tracepoint(targets, name.substr(8));
        return targets;
    }
    for (const Row& row : kRows) {
        if (fnmatch(row.keys, name.c_str(), 0) != 0) continue;
        add_functions(targets, row.functions);
        std::istringstream structures(row.structures);
        for (std::string pattern; structures >> pattern;)
            for (const Symbol& symbol : image_.symbols())
                if (!symbol.is_function && symbol.size &&
                    fnmatch(pattern.c_str(), symbol.name.c_str(), 0) == 0)
                    add_members(targets, symbol.address, symbol.size);
    }
    return targets;
}

}  // namespace guard
