// SPDX-License-Identifier: GPL-2.0-only
//
// The guest of the stress tests. Each vCPU does random operations that leave the guest, and checks
// each answer and its memory; what is wrong it writes into its VcpuState, and 1 to the debug port.
// Freestanding, no variables: all vCPUs run it at once.
#include "layout.h"
#include "stress_interrupts.h"

namespace asi::stress {
namespace {

constexpr uint32_t kMtrrBaseMsr = 0x200;
constexpr uint32_t kMtrrs = 8;
constexpr uint32_t kWallClockMsr = 0x4b564d00;
constexpr unsigned kPagesPerVisit = 8;

void do_cpuid(VcpuState& vcpu) {
    uint32_t found[4];
    asm volatile("cpuid"
                 : "=a"(found[0]), "=b"(found[1]), "=c"(found[2]), "=d"(found[3])
                 : "a"(kCpuidLeaf), "c"(0)
                 : "memory");
    for (unsigned i = 0; i < 4; ++i)
        check(kCpuid, i, cpuid_word(machine().seed, vcpu.index, i), found[i]);
}

void do_msr(VcpuState& vcpu, uint64_t random) {
    const uint32_t msr = kMtrrBaseMsr + 2 * (random % kMtrrs);
    const uint64_t value = (random & 0x7ffff000) | 6;  // write-back
    write_msr(msr, value);
    check(kMsr, msr, value, read_msr(msr));
    const uint64_t base = kLocalApicAddress | 1 << 11 | (machine().x2apic ? 1 << 10 : 0) |
                          (vcpu.index == 0 ? 1 << 8 : 0);
    check(kMsr, kApicBaseMsr, base, read_msr(kApicBaseMsr));
    check(kMsr, kApicId, machine().x2apic ? vcpu.index : vcpu.index << 24, apic_read(kApicId));
}

void do_port(uint64_t random) {
    const uint32_t value = random;
    uint32_t found;
    asm volatile("outl %0, %1" ::"a"(value), "Nd"(static_cast<uint16_t>(kSumPort)) : "memory");
    asm volatile("inl %1, %0" : "=a"(found) : "Nd"(static_cast<uint16_t>(kSumPort)) : "memory");
    check(kPort, kSumPort, static_cast<uint32_t>(mix(value)), found);
}

void do_string(uint64_t random) {
    uint32_t words[kStringLength];
    for (unsigned i = 0; i < kStringLength; ++i) words[i] = random + i;
    const uint32_t* from = words;
    uint64_t count = kStringLength;
    asm volatile("rep outsl"
                 : "+S"(from), "+c"(count)
                 : "d"(static_cast<uint16_t>(kStringPort))
                 : "memory");
    uint32_t* to = words;
    count = kStringLength;
    asm volatile("rep insl"
                 : "+D"(to), "+c"(count)
                 : "d"(static_cast<uint16_t>(kStringPort))
                 : "memory");
    for (unsigned i = 0; i < kStringLength; ++i)
        check(kString, i, static_cast<uint32_t>(~(random + i)), words[i]);
}

template <typename T>
void access_device(uint64_t offset, uint64_t value) {
    store<T>(kDeviceAddress + offset, value);
    check(kDevice, offset, static_cast<T>(device_answer(offset, static_cast<T>(value))),
          load<T>(kDeviceAddress + offset));
}

void do_device(VcpuState& vcpu, uint64_t random) {
    const uint64_t offset = vcpu.index * kPageSize + random % 512 * 8;
    switch (random >> 10 & 3) {
        case 0:
            return access_device<uint8_t>(offset, random >> 12);
        case 1:
            return access_device<uint16_t>(offset, random >> 12);
        case 2:
            return access_device<uint32_t>(offset, random >> 12);
        default:
            return access_device<uint64_t>(offset, random);
    }
}

/// Halts until a tick has come. Periods are long: with short ones, a slow machine would run nothing
/// but their handlers.
void do_halt(VcpuState& vcpu, uint64_t random) {
    const uint64_t before = vcpu.timer_ticks;
    const bool periodic = (random >> 40 & 7) == 0;
    const uint32_t count = periodic ? 20000000 : 200000 + random % 400000;  // ns
    asm volatile("cli" ::: "memory");
    apic_write(kLvtTimer, (periodic ? kPeriodic : 0) | kTimerVector);
    apic_write(kInitialCount, count);
    const uint32_t left = apic_read(kCurrentCount);
    if (left > count) check(kHalt, kCurrentCount, count, left);
    while (vcpu.timer_ticks == before) sleep_once();
    asm volatile("sti" ::: "memory");
    apic_write(kInitialCount, 0);
    apic_write(kLvtTimer, kMasked | kTimerVector);
}

void check_page(uint64_t address, uint64_t page, uint32_t version, bool copy) {
    uint64_t copied[2];
    if (copy) copy_words(copied, address, 2);
    for (unsigned i = 0; i < kWords; ++i) {
        const uint64_t found =
            copy && i < 2 ? copied[i] : load<uint64_t>(address + kWordOffsets[i]);
        if (found == 0 && machine().lossy[page / kPagesPerPiece]) continue;
        check(kMemory, address + kWordOffsets[i], word_of(machine(), page, version, i), found);
    }
}

constexpr uint64_t kNoPage = ~0ull;

/// A page that this vCPU writes, or none.
uint64_t own_page(const VcpuState& vcpu, uint64_t random) {
    const uint64_t pages = uint64_t{machine().pieces} * kPagesPerPiece;
    const uint64_t page = random % pages;
    const uint64_t own = page + vcpu.index - page_owner(page, machine().vcpus);
    return own < pages ? own : kNoPage;
}

void visit_page(const VcpuState& vcpu, uint64_t random) {
    const uint64_t page = own_page(vcpu, random);
    if (page == kNoPage) return;
    auto* versions = reinterpret_cast<uint32_t*>(kVersionsAddress);
    const uint64_t window = random >> 20 & 1 ? kAliasAddress : kPiecesAddress;
    check_page(window + page * kPageSize, page, versions[page], random >> 21 & 1);
    if (random >> 22 & 1) return;
    const uint32_t version = versions[page] + 1;
    const uint64_t other = random >> 23 & 1 ? kAliasAddress : kPiecesAddress;
    for (unsigned i = 0; i < kWords; ++i)
        store<uint64_t>(other + page * kPageSize + kWordOffsets[i],
                        word_of(machine(), page, version, i));
    versions[page] = version;
}

/// A page that is there costs little, so each operation visits many.
void do_memory(const VcpuState& vcpu, uint64_t random) {
    random |= 1;
    for (unsigned i = 0; i < kPagesPerVisit; ++i) visit_page(vcpu, next_random(random));
}

/// KVM reads and writes guest memory by itself, without the VMM: MSR_KVM_WALL_CLOCK_NEW.
void do_clock(const VcpuState& vcpu, uint64_t random) {
    const uint64_t page = own_page(vcpu, random);
    if (page == kNoPage) return;
    const uint64_t address = kPiecesAddress + page * kPageSize + kClockOffset;
    const auto before = load<uint32_t>(address);
    write_msr(kWallClockMsr, address);
    const auto after = load<uint32_t>(address);
    if (machine().lossy[page / kPagesPerPiece] && after <= 2) return;
    check(kClock, address, before + 2, after);
}

void yield_to(uint64_t vcpu) {
    // KVM_HC_SCHED_YIELD, the instruction of either vendor: KVM patches in the right one.
    uint64_t rax = 11;
    asm volatile("vmmcall" : "+a"(rax) : "b"(vcpu) : "memory");
}

void await_answer(VcpuState& vcpu, uint64_t to, uint64_t number, uint64_t random) {
    const VcpuState& other = state_of(to);
    for (unsigned i = 0; other.answered[vcpu.index] != number && !machine().stop; ++i) {
        if (random & 1 && i % 16 == 15)
            yield_to(to);
        else
            exit_once();
    }
}

void post(VcpuState& vcpu, uint64_t to) {
    VcpuState& other = state_of(to);
    other.post[vcpu.index] = other.post[vcpu.index] + 1;
    asm volatile("mfence" ::: "memory");
}

void do_ipi(VcpuState& vcpu, uint64_t random) {
    const uint64_t to = random % machine().vcpus;
    if (!state_of(to).ready) return;
    post(vcpu, to);
    send_ipi(to, kIpiVector);
    await_answer(vcpu, to, state_of(to).post[vcpu.index], random >> 8);
}

void do_broadcast(VcpuState& vcpu, uint64_t random) {
    uint32_t sent = 0;
    for (uint64_t to = 0; to < machine().vcpus; ++to) {
        if (to == vcpu.index || !state_of(to).ready) continue;
        post(vcpu, to);
        sent |= 1u << to;
    }
    send_ipi(0, kAllButSelf | kIpiVector);
    for (uint64_t to = 0; to < machine().vcpus; ++to)
        if (sent >> to & 1) await_answer(vcpu, to, state_of(to).post[vcpu.index], random);
}

void do_doorbell(VcpuState& vcpu, uint64_t random) {
    if (random >> 1 & 1)
        asm volatile("outw %0, %1" ::"a"(static_cast<uint16_t>(random & 1)),
                     "Nd"(static_cast<uint16_t>(kDoorbellPort))
                     : "memory");
    else
        store<uint32_t>(kDoorbellAddress, random & 1);
    vcpu.doorbells = vcpu.doorbells + 1;
}

/// The first vCPU only: reading takes two accesses.
void do_pit(const VcpuState& vcpu) {
    if (vcpu.index != 0) return;
    out8(0x43, 0);  // latch channel 0
    uint32_t count = in8(0x40);
    count |= in8(0x40) << 8;
    if (count > kPitReload) check(kPit, 0x40, kPitReload, count);
}

void do_one(VcpuState& vcpu, Operation operation, uint64_t random) {
    switch (operation) {
        case kCpuid:
            return do_cpuid(vcpu);
        case kMsr:
            return do_msr(vcpu, random);
        case kPort:
            return do_port(random);
        case kString:
            return do_string(random);
        case kDevice:
            return do_device(vcpu, random);
        case kHalt:
            return do_halt(vcpu, random);
        case kMemory:
            return do_memory(vcpu, random);
        case kIpi:
            return do_ipi(vcpu, random);
        case kBroadcast:
            return do_broadcast(vcpu, random);
        case kDoorbell:
            return do_doorbell(vcpu, random);
        case kPit:
            return do_pit(vcpu);
        case kClock:
            return do_clock(vcpu, random);
        default:
            return;
    }
}

}  // namespace

extern "C" [[noreturn]] void run_vcpu() {
    VcpuState& vcpu = me();
    set_up_gates();
    set_up_apic();
    if (vcpu.index == 0 && machine().operations >> kPit & 1) set_up_board();
    asm volatile("sti" ::: "memory");
    vcpu.ready = 1;

    uint64_t random = mix(machine().seed + vcpu.index) | 1;
    for (uint64_t done = 0; machine().limit == 0 || done < machine().limit; ++done) {
        if (machine().stop) break;
        const auto operation = static_cast<Operation>(next_random(random) % kOperations);
        if (!(machine().operations >> operation & 1)) continue;
        // Operations that wait for other vCPUs come less often.
        if ((operation == kHalt || operation == kBroadcast) && random >> 60 & 3) continue;
        do_one(vcpu, operation, next_random(random));
        vcpu.done[operation] = vcpu.done[operation] + 1;
    }
    end(0);
}

}  // namespace asi::stress

asm(".pushsection .start, \"ax\"\n"
    "jmp run_vcpu\n"
    ".popsection\n");
