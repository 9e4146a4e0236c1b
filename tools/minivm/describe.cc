// SPDX-License-Identifier: GPL-2.0-only
#include <cstdarg>
#include <cstdio>

#include "kvm.h"

namespace asi {
namespace {

__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...) {
    char buffer[512];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(buffer, sizeof(buffer), pattern, arguments);
    va_end(arguments);
    return buffer;
}

const char* exit_name(uint32_t reason) {
    switch (reason) {
        case KVM_EXIT_UNKNOWN:
            return "unknown hardware exit";
        case KVM_EXIT_EXCEPTION:
            return "exception";
        case KVM_EXIT_IO:
            return "port access";
        case KVM_EXIT_HLT:
            return "hlt";
        case KVM_EXIT_MMIO:
            return "mmio";
        case KVM_EXIT_SHUTDOWN:
            return "triple fault";
        case KVM_EXIT_FAIL_ENTRY:
            return "entry failure";
        case KVM_EXIT_INTERNAL_ERROR:
            return "KVM internal error";
        case KVM_EXIT_SYSTEM_EVENT:
            return "system event";
        default:
            return "exit";
    }
}

std::string describe_segment(const char* name, const kvm_segment& segment) {
    return format("%s=%04x base=%016llx limit=%08x type=%x l=%d db=%d dpl=%d\n", name,
                  segment.selector, segment.base, segment.limit, segment.type, segment.l,
                  segment.db, segment.dpl);
}

}  // namespace

std::string describe_exit(const kvm_run& run) {
    std::string text = format("%s (reason %u)", exit_name(run.exit_reason), run.exit_reason);
    switch (run.exit_reason) {
        case KVM_EXIT_UNKNOWN:
            return text + format(", hardware reason %#llx", run.hw.hardware_exit_reason);
        case KVM_EXIT_FAIL_ENTRY:
            return text +
                   format(", hardware reason %#llx", run.fail_entry.hardware_entry_failure_reason);
        case KVM_EXIT_INTERNAL_ERROR:
            text += format(", suberror %u", run.internal.suberror);
            for (uint32_t i = 0; i < run.internal.ndata && i < 16; ++i)
                text += format(" %#llx", run.internal.data[i]);
            return text;
        case KVM_EXIT_MMIO:
            return text + format(", %s of %u bytes at %#llx", run.mmio.is_write ? "write" : "read",
                                 run.mmio.len, run.mmio.phys_addr);
        case KVM_EXIT_IO:
            return text + format(", %s %#x",
                                 run.io.direction == KVM_EXIT_IO_OUT ? "out to" : "in from",
                                 run.io.port);
        default:
            return text;
    }
}

std::string describe_registers(const Vcpu& vcpu) {
    const kvm_regs r = vcpu.regs();
    const kvm_sregs s = vcpu.sregs();
    std::string text = format("vcpu %u\n", vcpu.index());
    text += format("rip=%016llx rflags=%016llx\n", r.rip, r.rflags);
    text += format("rax=%016llx rbx=%016llx rcx=%016llx rdx=%016llx\n", r.rax, r.rbx, r.rcx, r.rdx);
    text += format("rsi=%016llx rdi=%016llx rsp=%016llx rbp=%016llx\n", r.rsi, r.rdi, r.rsp, r.rbp);
    text += format("r8 =%016llx r9 =%016llx r10=%016llx r11=%016llx\n", r.r8, r.r9, r.r10, r.r11);
    text += format("r12=%016llx r13=%016llx r14=%016llx r15=%016llx\n", r.r12, r.r13, r.r14, r.r15);
    text += format("cr0=%016llx cr2=%016llx cr3=%016llx cr4=%016llx\n", s.cr0, s.cr2, s.cr3, s.cr4);
    text += format("efer=%016llx gdt=%016llx idt=%016llx apic_base=%016llx\n", s.efer, s.gdt.base,
                   s.idt.base, s.apic_base);
    text += describe_segment("cs", s.cs);
    text += describe_segment("ss", s.ss);
    text += describe_segment("ds", s.ds);
    constexpr uint64_t kResetCodeBase = 0xffff0000;
    constexpr uint64_t kResetRip = 0xfff0;
    // [amd/vol2]: 15.14.3, the VMCB is undefined after a shutdown, so KVM resets the CPU.
    if (s.cs.base == kResetCodeBase && r.rip == kResetRip)
        text += "(reset state: what the registers held before is lost)\n";
    return text;
}

}  // namespace asi
