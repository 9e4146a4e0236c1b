// SPDX-License-Identifier: GPL-2.0-only
#include "mitigation_table.h"

#include <algorithm>

namespace asi::ctl {
namespace {

constexpr const char* kNothing = "nothing";

constexpr const char* kCallsNarrow =
    "isolated system calls (sci) speculate only on what their profile maps; other processes: "
    "nothing";
constexpr const char* kCallsRemain =
    "gadgets; in isolated calls they reach the kernel's data, which is mapped, and all behind "
    "gates";
constexpr const char* kExitsNarrow =
    "what runs inside speculates only on what the domain maps; what runs outside: nothing";
constexpr const char* kExitsRemain =
    "what the domain maps (kernel image and data, shared objects, this guest's own); code that "
    "runs outside, between leaving and the next entry";
constexpr const char* kGuestFlush =
    "by isolation, at a VM entry after something ran outside the domain on this CPU; "
    "asi_flush=always: at every entry; asi_flush=never: not at all";
constexpr const char* kVerwReplaced =
    "VERW only where something ran outside since the last entry; at other entries the kernel's "
    "is skipped";
constexpr const char* kBuffersRemain =
    "what code inside the domain loaded: kernel image and data, shared objects";
constexpr const char* kVerwToUser = "VERW on every return to user mode";
constexpr const char* kByKernelToUser = "by the kernel, at every return to user mode";
constexpr const char* kSiblingBuffers =
    "nothing while both threads run: nosmt, or core scheduling among tasks";
constexpr const char* kSiblingRemains =
    "all that the other thread handles, isolated guests or not; with asi_smt=stun no guest "
    "runs beside kernel code that reaches more than its domain, but beside programs and guests";
constexpr const char* kIbpbTasks =
    "IBPB when a CPU switches between processes: always, or for tasks that ask (prctl, seccomp)";
constexpr const char* kByKernelTasks = "by the kernel, at those switches";
constexpr const char* kIbpbTasksRemain = "processes that did not ask, where it is conditional";
constexpr const char* kIbpbVcpus = "IBPB when a CPU loads another vCPU than it ran last";
constexpr const char* kIbpbAdded =
    "IBPB also at a VM entry after another process's address space was loaded or another "
    "machine's domain was entered";
constexpr const char* kIbpbVcpusFlushed =
    "by the kernel at the switch; by isolation at the entry, but with asi_flush=never";
constexpr const char* kMicrocodeOnly = "new microcode does it, at each such instruction";

constexpr const char* kNoForeignTables =
    "it reads through the page tables of the thread itself, which map nothing of the other's";
constexpr const char* kOwnCode =
    "it happens in the victim's own code: a program guards what it indexes itself";
constexpr const char* kThroughHost = "only through the host: see guest to host";

constexpr Way no_way(const char* why) {
    return {nullptr, nullptr, nullptr, why, nullptr};
}

/// On the way to user mode by VERW, whoever left it in the buffers.
constexpr Way verw_to_user(Reader* says) {
    return {kVerwToUser, kNothing, kByKernelToUser, "nothing known, on the same thread", says};
}

constexpr Way verw_to_guest(const char* kernel, Reader* says, const char* remains) {
    return {kernel, kVerwReplaced, kGuestFlush, remains, says, Effect::kFlushes, "buffers"};
}

constexpr Way sibling_buffers(Reader* says) {
    return {kSiblingBuffers, kNothing, kNothing, kSiblingRemains, says};
}

constexpr Way task_barriers(Reader* says) {
    return {kIbpbTasks, kNothing, kByKernelTasks, kIbpbTasksRemain, says};
}

constexpr Way vcpu_barriers(Reader* says) {
    return {kIbpbVcpus,
            kIbpbAdded,
            kIbpbVcpusFlushed,
            "what IBPB does not clear on this processor",
            says,
            Effect::kAdds,
            "ibpb"};
}

constexpr Way microcode(const char* remains) {
    return {kMicrocodeOnly, kNothing, kNothing, remains, says_state};
}

constexpr Way narrowed(const char* kernel, Reader* says, const char* flushed = kNothing) {
    return {kernel, kExitsNarrow, flushed, kExitsRemain, says, Effect::kNarrows};
}

constexpr Way narrowed_calls(const char* kernel, Reader* says) {
    return {kernel, kCallsNarrow, kNothing, kCallsRemain, says, Effect::kCalls};
}

constexpr const char* kRsb = "the return stack by the kernel at every VM exit, isolated or not";
constexpr const char* kStibp =
    "STIBP: always, for tasks that ask, or by Enhanced IBRS; or core scheduling";
constexpr const char* kStibpRemains =
    "tasks that did not ask, where it is conditional; STIBP does not separate the data caches";

constexpr Bug kBugs[] = {
    {"meltdown",
     "Meltdown",
     "CVE-2017-5754",
     "all memory that the page tables of user mode map for the kernel",
     {{
         {"PTI: user mode runs on page tables without the kernel",
          "nothing: user mode never runs on a restricted root", kNothing,
          "what PTI leaves mapped: entry text, cpu_entry_area", says_state},
         {"PTI: the direct map, and with it other processes' memory, is not mapped in user mode",
          kNothing, kNothing, "nothing known", says_state},
         no_way("a guest's page tables do not map the host's memory"),
         no_way("a guest's page tables do not map another guest's memory"),
         no_way(kNoForeignTables),
     }}},
    {"spectre_v1",
     "Spectre variant 1 (bounds check bypass, SWAPGS)",
     "CVE-2017-5753, CVE-2019-1125",
     "what a mispredicted branch of the kernel can read",
     {{
         narrowed_calls("array_index_nospec() and barriers where they were found to be needed; "
                        "LFENCE after SWAPGS",
                        says_state),
         no_way(kOwnCode),
         narrowed("array_index_nospec() in KVM where it was found to be needed", says_state),
         no_way(kThroughHost),
         no_way("it works in the thread that runs the branch"),
     }}},
    {"spectre_v2",
     "Spectre variant 2 (branch target and history injection)",
     "CVE-2017-5715, CVE-2022-0001, CVE-2022-26373",
     "what code at a mispredicted branch target can read",
     {{
         narrowed_calls("retpolines or IBRS; the branch history is cleared at system calls",
                        says_user_branches),
         task_barriers(says_task_ibpb),
         narrowed("retpolines or IBRS; branch history and return stack are dealt with at VM exit",
                  says_host_branches, kRsb),
         vcpu_barriers(says_vcpu_ibpb),
         {kStibp, kNothing, kNothing, kStibpRemains, says_stibp},
     }}},
    {"spec_store_bypass",
     "Speculative Store Bypass (Spectre variant 4)",
     "CVE-2018-3639",
     "old contents of memory that was just overwritten, in the same address space",
     {{
         narrowed_calls("SSBD while a task runs that asked (prctl, seccomp), or always; checks of "
                        "BPF programs",
                        says_ssb),
         {"SSBD for tasks that ask (prctl, seccomp), or always", kNothing, kNothing,
          "sandboxes inside a process that did not ask", says_ssb},
         narrowed("as from user mode; a guest can use SSBD for itself", says_ssb),
         no_way("it works within one address space"),
         no_way("a thread forwards its stores to its own loads only"),
     }}},
    {"l1tf",
     "L1 Terminal Fault (Foreshadow)",
     "CVE-2018-3620, CVE-2018-3646",
     "what is in the L1 data cache, at a physical address that the attacker chooses",
     {{
         {"page-table entries that are not present name no memory (PTE inversion)",
          "nothing: a domain's own tables hold no entry that is neither present nor empty",
          kNothing, "nothing known", says_state},
         {"page-table entries that are not present name no memory (PTE inversion)", kNothing,
          kNothing, "nothing known", says_state},
         {"the L1 data cache is flushed at VM entry: always, or after code that may have loaded "
          "secrets",
          "the kernel's flush is off for isolated guests; flushed only where something ran "
          "outside since the last entry",
          kGuestFlush, "what code inside the domain loaded; what the sibling thread loads",
          says_vmx, Effect::kFlushes, "l1d"},
         {"the same: another guest's data is in the cache of the CPU that ran it",
          "the same: entering another machine's domain counts as having run outside", kGuestFlush,
          "what the sibling thread loads", says_vmx, Effect::kFlushes, "l1d"},
         {"nothing while both threads run: nosmt, or guests without EPT", kNothing, kNothing,
          kSiblingRemains, says_vmx_smt},
     }}},
    {"mds",
     "Microarchitectural Data Sampling",
     "CVE-2018-12126, CVE-2018-12127, CVE-2018-12130, CVE-2019-11091",
     "what loads and stores left in fill, load and store buffers",
     {{
         verw_to_user(says_state),
         verw_to_user(says_state),
         verw_to_guest("VERW before every VM entry", says_state, kBuffersRemain),
         verw_to_guest("the same", says_state, kBuffersRemain),
         sibling_buffers(says_smt),
     }}},
    {"tsx_async_abort",
     "TSX Asynchronous Abort",
     "CVE-2019-11135",
     "the same buffers as mds, from an aborted transaction",
     {{
         {"VERW on every return to user mode, or TSX is off", kNothing, kByKernelToUser,
          "nothing known, on the same thread", says_state},
         {"VERW on every return to user mode, or TSX is off", kNothing, kByKernelToUser,
          "nothing known, on the same thread", says_state},
         verw_to_guest("VERW before every VM entry, or TSX is off", says_state, kBuffersRemain),
         verw_to_guest("the same", says_state, kBuffersRemain),
         {"nothing while both threads run and TSX is on: nosmt", kNothing, kNothing,
          kSiblingRemains, says_smt},
     }}},
    {"mmio_stale_data",
     "Processor MMIO Stale Data",
     "CVE-2022-21123, CVE-2022-21125, CVE-2022-21166",
     "what is left in fill buffers, by access to device memory",
     {{
         {"VERW on every return to user mode, where mds or tsx_async_abort needs it, too; a "
          "process without device memory of its own cannot use it",
          kNothing, kByKernelToUser, "processes that have device memory mapped, elsewhere",
          says_state},
         {"the same", kNothing, kByKernelToUser,
          "processes that have device memory mapped, elsewhere", says_state},
         verw_to_guest("VERW before every VM entry; where neither mds, tsx_async_abort nor "
                       "reg_file_data_sampling needs it, only of guests with an assigned device",
                       says_state, kBuffersRemain),
         verw_to_guest("the same", says_state, kBuffersRemain),
         sibling_buffers(says_smt),
     }}},
    {"reg_file_data_sampling",
     "Register File Data Sampling",
     "CVE-2023-28746",
     "what is left in the register files of Atom cores",
     {{
         verw_to_user(says_state),
         verw_to_user(says_state),
         verw_to_guest("VERW before every VM entry", says_state,
                       "what code inside the domain left in registers"),
         verw_to_guest("the same", says_state, "what code inside the domain left in registers"),
         no_way("these cores have one thread"),
     }}},
    {"tsa",
     "Transient Scheduler Attacks",
     "CVE-2024-36350, CVE-2024-36357",
     "what timing tells of stores and of the L1 data cache, on AMD",
     {{
         verw_to_user(says_tsa_user),
         verw_to_user(says_tsa_user),
         verw_to_guest("VERW before every VMRUN", says_tsa_guest, kBuffersRemain),
         verw_to_guest("the same", says_tsa_guest, kBuffersRemain),
         {"VERW before a thread idles, when its part of the store queue goes to the other",
          kNothing, "by the kernel, before idling", "nothing known", says_state},
     }}},
    {"itlb_multihit",
     "iTLB multihit",
     "CVE-2018-12207",
     "nothing: it stops the machine with a machine check",
     {{
         no_way("it takes control of page tables"),
         no_way("it takes control of page tables"),
         {"what a guest executes is mapped in pages of 4 KiB", kNothing, kNothing,
          "nothing known; it stops the machine, and does not leak", says_kvm},
         no_way("it stops the host with all guests: see guest to host"),
         no_way("it stops the machine, whatever the thread"),
     }}},
    {"srbds",
     "Special Register Buffer Data Sampling",
     "CVE-2020-0543",
     "results of RDRAND, RDSEED and EGETKEY, on any core",
     {{
         microcode("nothing known"),
         microcode("nothing known"),
         microcode("nothing known"),
         microcode("nothing known"),
         microcode("nothing known"),
     }}},
    {"retbleed",
     "Retbleed",
     "CVE-2022-29900, CVE-2022-29901",
     "what code at a mispredicted return can read",
     {{
         narrowed_calls("return thunks, IBRS, or IBPB at entry", says_state),
         task_barriers(says_task_ibpb),
         narrowed("the same, also at VM exit", says_state, kRsb),
         vcpu_barriers(says_vcpu_ibpb),
         {"on AMD STIBP, or nosmt", kNothing, kNothing, kStibpRemains, says_retbleed_smt},
     }}},
    {"spec_rstack_overflow",
     "Speculative Return Stack Overflow (Inception)",
     "CVE-2023-20569",
     "what code at a mispredicted return can read, on AMD",
     {{
         narrowed_calls("returns through a thunk that makes the prediction safe, or IBPB at entry",
                        says_srso_user),
         task_barriers(says_srso_tasks),
         narrowed("the same thunk, IBPB at VM exit, or reduced speculation", says_state,
                  "predictors by the kernel at every VM exit, where it does it by IBPB"),
         vcpu_barriers(says_srso_vcpus),
         no_way("not known to work from the other thread"),
     }}},
    {"gather_data_sampling",
     "Gather Data Sampling (Downfall)",
     "CVE-2022-40982",
     "what is left in vector registers of the same core",
     {{
         microcode("nothing known"),
         microcode("nothing known"),
         microcode("nothing known"),
         microcode("nothing known"),
         microcode("nothing known"),
     }}},
    {"indirect_target_selection",
     "Indirect Target Selection",
     "CVE-2024-28956",
     "what code at a mispredicted branch target can read, on Intel",
     {{
         narrowed_calls("indirect branches and returns through aligned thunks, or stuffing",
                        says_state),
         task_barriers(says_its_tasks),
         narrowed("the same; some processors are not affected here", says_kvm, kRsb),
         vcpu_barriers(says_its_vcpus),
         no_way("predictions do not cross threads beyond spectre_v2"),
     }}},
    {"vmscape",
     "VMSCAPE",
     "CVE-2025-40300",
     "memory of the user-space part of the virtual machine monitor",
     {{
         no_way("only a guest can do it"),
         no_way("only a guest can do it"),
         {"IBPB before the first return to user mode after a VM exit, or at every VM exit",
          "nothing: the monitor's user mode runs on its own tables, and the kernel's IBPB stays "
          "as it is",
          "by the kernel, before that return to user mode", "nothing known, on the same thread",
          says_state},
         no_way("through the other guest's monitor: before any user mode runs there is an IBPB"),
         {"STIBP: always, or by Enhanced IBRS", kNothing, kNothing,
          "the monitor, while a guest runs on the other thread without STIBP", says_stibp},
     }}},
};

constexpr FlushAccount kAccounts[] = {
    {"l1d", "right behind the write of FLUSH_CMD, or the loads, that clear the cache"},
    {"buffers",
     "right behind VERW, or after the exit, if the last instructions of VM entry executed it"},
    {"ibpb", "right behind the write of PRED_CMD"},
};

}  // namespace

std::span<const Bug> known_bugs() {
    return kBugs;
}

const Bug* find_bug(std::string_view file) {
    const auto found = std::find_if(std::begin(kBugs), std::end(kBugs),
                                    [&](const Bug& bug) { return file == bug.file; });
    return found == std::end(kBugs) ? nullptr : found;
}

std::span<const FlushAccount> flush_accounts() {
    return kAccounts;
}

}  // namespace asi::ctl
