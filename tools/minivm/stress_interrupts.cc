// SPDX-License-Identifier: GPL-2.0-only
#include "stress_interrupts.h"

#include "layout.h"

namespace asi::stress {
namespace {

// [intel/vol3]: figure 6-9.
struct Frame {
    volatile uint64_t rip;
    uint64_t cs, rflags, rsp, ss;
};

extern "C" const uint8_t sleeping[];

/// Between sti and hlt no interrupt comes. Where an emulator loses that shadow, as QEMU does when
/// it enters a nested guest, one may, and nothing would end the hlt: so wake() skips it.
void wake(Frame* frame) {
    if (frame->rip == reinterpret_cast<uint64_t>(sleeping)) frame->rip = frame->rip + 1;
}

__attribute__((interrupt)) void on_timer(Frame* frame) {
    wake(frame);
    VcpuState& vcpu = me();
    vcpu.timer_ticks = vcpu.timer_ticks + 1;
    apic_write(kEoi, 0);
}

__attribute__((interrupt)) void on_pit(Frame* frame) {
    wake(frame);
    VcpuState& vcpu = me();
    vcpu.pit_ticks = vcpu.pit_ticks + 1;
    apic_write(kEoi, 0);
}

__attribute__((interrupt)) void on_ipi(Frame* frame) {
    wake(frame);
    VcpuState& vcpu = me();
    // EOI first: a sender that has its answer may send the next IPI at once.
    apic_write(kEoi, 0);
    for (unsigned from = 0; from < kMaxVcpus; ++from)
        if (vcpu.answered[from] != vcpu.post[from]) vcpu.answered[from] = vcpu.post[from];
}

template <unsigned Number>
__attribute__((interrupt)) void on_event(Frame* frame) {
    wake(frame);
    VcpuState& vcpu = me();
    apic_write(kEoi, 0);
    vcpu.events[Number] = vcpu.events[Number] + 1;
}

extern "C" const uint8_t unexpected_handlers[];
constexpr unsigned kUnexpectedHandlerSize = 16;

extern "C" [[noreturn]] void on_unexpected(const uint64_t* stack) {
    VcpuState& vcpu = me();
    uint64_t cr2;
    asm volatile("mov %%cr2, %0" : "=r"(cr2));
    vcpu.wrong = kUnexpected + stack[0];
    vcpu.where = cr2;
    vcpu.expected = stack[1];
    vcpu.found = stack[2];
    end(1);
}

// [intel/vol3]: 6.14.1, 64-bit interrupt gate; the selector of enter_long_mode().
template <typename Handler>
void set_gate(unsigned vector, Handler handler) {
    const auto address = reinterpret_cast<uint64_t>(handler);
    store<uint64_t>(kIdtAddress + vector * 16,
                    (address & 0xffff) | 0x10ull << 16 | 0x8eull << 40 | (address >> 16) << 48);
    store<uint64_t>(kIdtAddress + vector * 16 + 8, 0);
}

// [intel/ioapic]: 3.1, index and window; 3.2.4, edge triggered, fixed, physical.
void set_redirection(unsigned pin, unsigned vector, unsigned destination) {
    for (unsigned half = 0; half < 2; ++half) {
        const uint32_t value = half == 0 ? destination << 24 : vector;
        store<uint32_t>(kIoApicAddress, 0x11 + 2 * pin - half);
        store<uint32_t>(kIoApicAddress + 0x10, value);
        check(kPit, kIoApicAddress + pin, value, load<uint32_t>(kIoApicAddress + 0x10));
    }
}

}  // namespace

uint32_t apic_read(uint32_t offset) {
    return machine().x2apic ? read_msr(0x800 + offset / 16)
                            : load<uint32_t>(kLocalApicAddress + offset);
}

void apic_write(uint32_t offset, uint32_t value) {
    if (machine().x2apic)
        write_msr(0x800 + offset / 16, value);
    else
        store<uint32_t>(kLocalApicAddress + offset, value);
}

void send_ipi(uint32_t destination, uint32_t command) {
    if (machine().x2apic) {
        write_msr(0x800 + kIcr / 16, uint64_t{destination} << 32 | command);
        return;
    }
    // An interrupt handler writes no ICR, so nothing comes between the halves.
    while (apic_read(kIcr) & kDelivering) exit_once();
    apic_write(kIcrHigh, destination << 24);
    apic_write(kIcr, command);
}

void set_up_gates() {
    for (unsigned vector = 0; vector < 256; ++vector) {
        switch (vector) {
            case kTimerVector:
                set_gate(vector, on_timer);
                break;
            case kIpiVector:
                set_gate(vector, on_ipi);
                break;
            case kPitVector:
                set_gate(vector, on_pit);
                break;
            case kEventVector:
                set_gate(vector, on_event<0>);
                break;
            case kEventVector + 0x10:
                set_gate(vector, on_event<1>);
                break;
            case kEventVector + 0x20:
                set_gate(vector, on_event<2>);
                break;
            case kEventVector + 0x30:
                set_gate(vector, on_event<3>);
                break;
            default:
                set_gate(vector, unexpected_handlers + vector * kUnexpectedHandlerSize);
                break;
        }
    }
}

void set_up_apic() {
    if (machine().x2apic) write_msr(kApicBaseMsr, read_msr(kApicBaseMsr) | 3 << 10);
    apic_write(kSpurious, 0x1ff);
    apic_write(kDivide, 0xb);  // by 1
    // The 8259s have no vectors: nobody has set them up.
    apic_write(kLvtLine0, kMasked);
    apic_write(kLvtTimer, kMasked | kTimerVector);
}

void set_up_board() {
    set_redirection(kLinePin, kEventVector, 0);
    set_redirection(kPitPin, kPitVector, 0);
    out8(0x43, 0x34);  // channel 0, both bytes, rate generator
    out8(0x40, kPitReload & 0xff);
    out8(0x40, kPitReload >> 8);
}

}  // namespace asi::stress

asm(".globl sleep_once\n"
    ".text\n"
    "sleep_once:\n"
    "sti\n"
    "sleeping:\n"
    "hlt\n"
    "cli\n"
    "ret\n"
    ".balign 16\n"
    "unexpected_handlers:\n"
    "vector = 0\n"
    ".rept 256\n"
    ".balign 16\n"
    "push $vector\n"
    "jmp 1f\n"
    "vector = vector + 1\n"
    ".endr\n"
    "1:\n"
    "cld\n"
    "mov %rsp, %rdi\n"
    "and $-16, %rsp\n"
    "call on_unexpected\n");
