// SPDX-License-Identifier: GPL-2.0-only
#include "cpu_setup.h"

#include <cpuid.h>

#include "layout.h"

namespace asi {
namespace {

// [linux] Documentation/arch/x86/boot.rst, 64-bit boot protocol: the selectors Linux expects.
constexpr uint16_t kCodeSelector = 0x10;
constexpr uint16_t kDataSelector = 0x18;
constexpr uint64_t kCodeDescriptor = 0x00af9b000000ffff;
constexpr uint64_t kDataDescriptor = 0x00cf93000000ffff;
constexpr unsigned kGdtEntries = 4;

constexpr uint64_t kCr0ProtectionEnable = 1ull << 0;
constexpr uint64_t kCr0ExtensionType = 1ull << 4;
constexpr uint64_t kCr0NumericError = 1ull << 5;
constexpr uint64_t kCr0WriteProtect = 1ull << 16;
constexpr uint64_t kCr0Paging = 1ull << 31;
constexpr uint64_t kCr4PhysicalAddressExtension = 1ull << 5;
constexpr uint64_t kEferLongModeEnable = 1ull << 8;
constexpr uint64_t kEferLongModeActive = 1ull << 10;

constexpr uint64_t kPresentWritable = 0x3;
constexpr uint64_t kLargePage = 1ull << 7;
constexpr uint64_t kPageSize = 4096;
constexpr uint64_t kLargePageSize = 2ull << 20;
constexpr unsigned kDirectories = 4;
constexpr unsigned kEntriesPerTable = 512;

unsigned bits_for(unsigned count) {
    unsigned bits = 0;
    while ((1u << bits) < count) ++bits;
    return bits;
}

/// Extended topology, leaves 0xb and 0x1f: one thread per core, `count` cores in one package.
/// [intel/vol2]: CPUID.
void fix_topology_leaf(kvm_cpuid_entry2& entry, unsigned index, unsigned count) {
    constexpr uint32_t kTypeSmt = 1;
    constexpr uint32_t kTypeCore = 2;
    entry.edx = index;
    entry.ecx = entry.index;
    if (entry.index == 0) {
        entry.eax = 0;
        entry.ebx = 1;
        entry.ecx |= kTypeSmt << 8;
    } else if (entry.index == 1) {
        entry.eax = bits_for(count);
        entry.ebx = count;
        entry.ecx |= kTypeCore << 8;
    } else {
        entry.eax = entry.ebx = 0;
    }
}

/// [intel/vol2]: CPUID; [amd/vol3]: appendix E.
void fix_entry(const Kvm& kvm, kvm_cpuid_entry2& entry, unsigned index, unsigned count) {
    constexpr uint32_t kHyperThreading = 1u << 28;
    constexpr uint32_t kTscDeadline = 1u << 24;
    constexpr uint32_t kHypervisor = 1u << 31;
    switch (entry.function) {
        case 0x1:
            entry.ebx = (entry.ebx & 0x0000ffff) | index << 24 | count << 16;
            entry.edx = count > 1 ? entry.edx | kHyperThreading : entry.edx & ~kHyperThreading;
            // KVM leaves both to the VMM. Without the second Linux looks for no kvmclock.
            if (kvm.extension(KVM_CAP_TSC_DEADLINE_TIMER)) entry.ecx |= kTscDeadline;
            entry.ecx |= kHypervisor;
            break;
        case 0x4: {
            const bool shared_by_package = (entry.eax >> 5 & 7) >= 3;
            entry.eax &= 0x00003fff;
            if (entry.eax == 0) break;
            const uint32_t core_ids = (1u << bits_for(count)) - 1;
            entry.eax |= core_ids << 26;
            if (shared_by_package) entry.eax |= core_ids << 14;
            break;
        }
        case 0xb:
        case 0x1f:
            fix_topology_leaf(entry, index, count);
            break;
        case 0x80000008:
            entry.ecx = (entry.ecx & ~0xf0ffu) | bits_for(count) << 12 | (count - 1);
            break;
        case 0x8000001e:
            entry.eax = index;
            entry.ebx = index;
            entry.ecx = 0;
            break;
        default:
            break;
    }
}

/// QEMU's TCG up to at least 7.2 does not intercept XSETBV for SVM guests: KVM never hears of the
/// guest's XCR0, and enters it with another one.
bool machine_loses_xcr0() {
    unsigned eax, signature[3];
    __cpuid(0x40000000, eax, signature[0], signature[1], signature[2]);
    return std::memcmp(signature, "TCGTCGTCGTCG", sizeof(signature)) == 0;
}

/// Takes away XSAVE and all that needs it, so that the guest keeps to FXSAVE. [intel/vol1]: 13.2.
void hide_xsave(kvm_cpuid_entry2& entry) {
    constexpr uint32_t kFma = 1u << 12;
    constexpr uint32_t kXsaveOsxsaveAvxF16c = 0xfu << 26;
    constexpr uint32_t kAvx2 = 1u << 5;
    constexpr uint32_t kAvx512 = 0xdc230000;
    constexpr uint32_t kPkuOspke = 3u << 3;
    constexpr uint32_t kVectorExtensions = 1u << 1 | 1u << 6 | 3u << 9 | 3u << 11 | 1u << 14;
    switch (entry.function) {
        case 0x1:
            entry.ecx &= ~(kFma | kXsaveOsxsaveAvxF16c);
            break;
        case 0x7:
            if (entry.index == 0) {
                entry.ebx &= ~(kAvx2 | kAvx512);
                entry.ecx &= ~(kPkuOspke | kVectorExtensions);
            }
            break;
        case 0xd:
            entry.eax = entry.ebx = entry.ecx = entry.edx = 0;
            break;
        default:
            break;
    }
}

kvm_segment make_segment(uint16_t selector, uint8_t type) {
    kvm_segment segment{};
    segment.selector = selector;
    segment.limit = 0xffffffff;
    segment.type = type;
    segment.present = 1;
    segment.s = 1;
    segment.g = 1;
    return segment;
}

}  // namespace

CpuidTable cpuid_for(const Kvm& kvm, const CpuidTable& supported, unsigned index, unsigned count) {
    CpuidTable table = supported;
    for (kvm_cpuid_entry2& entry : table) {
        fix_entry(kvm, entry, index, count);
        if (machine_loses_xcr0()) hide_xsave(entry);
    }
    return table;
}

void write_long_mode_tables(const GuestMemory& memory) {
    const uint64_t gdt[kGdtEntries] = {0, 0, kCodeDescriptor, kDataDescriptor};
    memory.put(kGdtAddress, gdt);

    const uint64_t pml4 = kPageTableAddress;
    const uint64_t pdpt = pml4 + kPageSize;
    const uint64_t directories = pdpt + kPageSize;
    memory.put(pml4, pdpt | kPresentWritable);
    for (uint64_t i = 0; i < kDirectories; ++i)
        memory.put(pdpt + i * 8, (directories + i * kPageSize) | kPresentWritable);
    for (uint64_t i = 0; i < kDirectories * kEntriesPerTable; ++i)
        memory.put(directories + i * 8, i * kLargePageSize | kLargePage | kPresentWritable);
}

void enter_long_mode(const Vcpu& vcpu) {
    kvm_sregs sregs = vcpu.sregs();
    sregs.cr3 = kPageTableAddress;
    sregs.cr4 = kCr4PhysicalAddressExtension;
    sregs.cr0 =
        kCr0ProtectionEnable | kCr0ExtensionType | kCr0NumericError | kCr0WriteProtect | kCr0Paging;
    sregs.efer = kEferLongModeEnable | kEferLongModeActive;
    sregs.cs = make_segment(kCodeSelector, 0xb);
    sregs.cs.l = 1;
    const kvm_segment data = make_segment(kDataSelector, 0x3);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.ds.db = sregs.es.db = sregs.ss.db = 1;
    sregs.gdt.base = kGdtAddress;
    sregs.gdt.limit = kGdtEntries * 8 - 1;
    sregs.idt.base = kIdtAddress;
    sregs.idt.limit = kPageSize - 1;
    vcpu.set_sregs(sregs);
}

void enter_real_mode(const Vcpu& vcpu) {
    kvm_sregs sregs = vcpu.sregs();
    for (kvm_segment* segment :
         {&sregs.cs, &sregs.ds, &sregs.es, &sregs.fs, &sregs.gs, &sregs.ss}) {
        segment->selector = 0;
        segment->base = 0;
    }
    vcpu.set_sregs(sregs);
}

void write_interrupt_gate(const GuestMemory& memory, unsigned vector, uint64_t handler) {
    // [intel/vol3]: 6.14.1, 64-bit interrupt gate.
    const uint64_t low = (handler & 0xffff) | uint64_t{kCodeSelector} << 16 | 0x8eull << 40 |
                         (handler >> 16 & 0xffff) << 48;
    memory.put(kIdtAddress + vector * 16, low);
    memory.put(kIdtAddress + vector * 16 + 8, handler >> 32);
}

}  // namespace asi
