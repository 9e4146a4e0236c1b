// SPDX-License-Identifier: GPL-2.0-only
#include "attack.h"

#include <fcntl.h>
#include <guard/abi.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <span>

#include "cpu_setup.h"
#include "guard.h"
#include "kvm.h"
#include "layout.h"
#include "platform.h"

#define ATTACK(name) extern "C" const uint8_t attack_##name[], attack_##name##_end[]
ATTACK(hypercall);
ATTACK(write);
ATTACK(alias);
ATTACK(movs_mmio);
ATTACK(rep_ins);
ATTACK(emulated_write);
ATTACK(emulated_cmpxchg);
ATTACK(walk);
ATTACK(emulated_walk);
ATTACK(event);
ATTACK(cr0_wp);
ATTACK(cr4_smep);
ATTACK(cr4_smap);
ATTACK(efer_nx);
ATTACK(lstar);
ATTACK(star);
ATTACK(sysenter_eip);
ATTACK(sysenter_esp);
ATTACK(lidt);
ATTACK(legal);
ATTACK(steal_time);
ATTACK(kvmclock);
ATTACK(wall_clock);
#undef ATTACK

namespace asi {
namespace {

constexpr size_t kPageSize = 4096;
constexpr uint64_t kTarget = 0x100000;
constexpr uint64_t kLockedBytes = 2 * kPageSize;
constexpr size_t kMemorySize = 2 << 20;
constexpr uint8_t kPattern = 0x5a;
/// Canonical, and no address that anything has.
constexpr uint64_t kValue = 0x0000123456789abc;
constexpr unsigned kBreakpoint = 3;

enum class End { kDebugPort, kShutdown, kStopped };

struct Shot {
    std::span<const uint8_t> code;
    uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0;
};

class Target {
  public:
    explicit Target(const AttackOptions& options)
        : memory_(0, kMemorySize, options.backing), vm_(kvm_, Irqchip::kInKernel) {
        vm_.add_memory(memory_);
        write_long_mode_tables(memory_);
        if (options.guarded) offer_guard(vm_, {});
        vcpu_ = std::make_unique<Vcpu>(kvm_, vm_, 0);
        vcpu_->set_cpuid(cpuid_for(kvm_, kvm_.supported_cpuid(), 0, 1));
        enter_long_mode(*vcpu_);
        vcpu_->set_runnable();
        protect();
        std::ranges::fill(page(), kPattern);
        write_interrupt_gate(memory_, kBreakpoint, kSnippetAddress);
    }

    /// A top-level table, whose entries no processor has used.
    void write_table() const {
        std::ranges::fill(page(), 0);
        memory_.put(kTarget, memory_.get<uint64_t>(kPageTableAddress) & ~uint64_t{0x60});
    }

    std::span<uint8_t> page() const { return memory_.at(kTarget, kLockedBytes); }
    const Vm& vm() const { return vm_; }
    Vcpu& vcpu() { return *vcpu_; }
    const GuestMemory& memory() const { return memory_; }

    End run(const Shot& shot) {
        memory_.write(kSnippetAddress, shot.code.data(), shot.code.size());
        kvm_regs regs{};
        regs.rip = kSnippetAddress;
        regs.rflags = 2;
        regs.rsp = kStackAddress + kStackStride;
        regs.rax = shot.rax;
        regs.rbx = shot.rbx;
        regs.rcx = shot.rcx;
        regs.rdx = shot.rdx;
        regs.rsi = shot.rsi;
        regs.r14 = kTarget;
        regs.r15 = kValue;
        vcpu_->set_regs(regs);
        return run_on();
    }

    /// The hypercall's answer.
    int64_t call(uint64_t operation, uint64_t first = 0, uint64_t second = 0, uint64_t third = 0) {
        const Shot shot{{attack_hypercall, attack_hypercall_end}, KVM_HC_GUARD, operation, first,
                        second, third};
        if (run(shot) != End::kDebugPort)
            throw Error(ExitStatus::kGuestFailed, "the hypercall did not return");
        return static_cast<int64_t>(vcpu_->regs().r15);
    }

    uint64_t msr(uint32_t index) const {
        alignas(kvm_msrs) uint8_t buffer[sizeof(kvm_msrs) + sizeof(kvm_msr_entry)] = {};
        kvm_msr_entry entry{};
        entry.index = index;
        reinterpret_cast<kvm_msrs*>(buffer)->nmsrs = 1;
        std::memcpy(buffer + sizeof(kvm_msrs), &entry, sizeof(entry));
        if (::ioctl(vcpu_->fd(), KVM_GET_MSRS, buffer) != 1)
            throw system_error("KVM_GET_MSRS", errno);
        std::memcpy(&entry, buffer + sizeof(kvm_msrs), sizeof(entry));
        return entry.data;
    }

  private:
    /// What a kernel has on, and an attacker wants off.
    void protect() {
        kvm_sregs sregs = vcpu_->sregs();
        sregs.cr0 |= 1u << 16;
        sregs.cr4 |= 1u << 20 | 1u << 21;
        sregs.efer |= 1u << 11;
        vcpu_->set_sregs(sregs);
    }

    End run_on() {
        kvm_run& run = vcpu_->state();
        while (vcpu_->run()) {
            switch (run.exit_reason) {
                case KVM_EXIT_IO: {
                    auto* data = reinterpret_cast<uint8_t*>(&run) + run.io.data_offset;
                    if (run.io.direction == KVM_EXIT_IO_OUT) {
                        if (run.io.port == kDebugPort) return complete();
                    } else {
                        std::memset(data, 0xff, size_t{run.io.size} * run.io.count);
                    }
                    break;
                }
                case KVM_EXIT_MMIO:
                    if (run.mmio.phys_addr < kMemorySize) mmio_to_memory_ = true;
                    handle_absent_mmio(run);
                    break;
                case KVM_EXIT_SHUTDOWN:
                    return End::kShutdown;
                case KVM_EXIT_SYSTEM_EVENT:
                    if (run.system_event.data[0] == GUARD_EVENT) return End::kStopped;
                    [[fallthrough]];
                default:
                    throw Error(ExitStatus::kGuestFailed,
                                describe_exit(run) + "\n" + describe_registers(*vcpu_));
            }
        }
        return End::kStopped;
    }

    End complete() {
        vcpu_->complete_exit();
        if (mmio_to_memory_) throw Error(ExitStatus::kGuestFailed, "memory became MMIO");
        return End::kDebugPort;
    }

    Kvm kvm_;
    GuestMemory memory_;
    Vm vm_;
    std::unique_ptr<Vcpu> vcpu_;
    bool mmio_to_memory_ = false;
};

// --- what the VMM does ----------------------------------------------------------------------

sigjmp_buf bus_error;

void on_bus_error(int) {
    siglongjmp(bus_error, 1);
}

/// False: the kernel sent SIGBUS.
bool can_write(uint8_t* where) {
    struct sigaction action {};
    action.sa_handler = on_bus_error;
    ::sigaction(SIGBUS, &action, nullptr);
    if (sigsetjmp(bus_error, 1) != 0) return false;
    *static_cast<volatile uint8_t*>(where) = 0;
    return true;
}

void vmm_store(Target& target) {
    (void)can_write(target.page().data());
}

/// As a debugger or a second VMM process would.
void vmm_writev(Target& target) {
    uint8_t zero = 0;
    const iovec from{&zero, 1}, to{target.page().data(), 1};
    (void)::process_vm_writev(::getpid(), &from, 1, &to, 1, 0);
}

void vmm_child(Target& target) {
    const pid_t child = ::fork();
    if (child == 0) _exit(can_write(target.page().data()) ? 0 : 1);
    (void)::waitpid(child, nullptr, 0);
}

/// Into memory without passing its mapping's rights: the way of a ptracer.
void vmm_proc_mem(Target& target) {
    const UniqueFd file(::open("/proc/self/mem", O_RDWR | O_CLOEXEC));
    const uint8_t zero = 0;
    (void)::pwrite(file.get(), &zero, 1, reinterpret_cast<off_t>(target.page().data()));
}

/// A device that reads a disk.
void vmm_read(Target& target) {
    const UniqueFd file(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    (void)::read(file.get(), target.page().data(), 1);
}

bool set_slot(const Target& target, uint64_t where, uint64_t size) {
    kvm_userspace_memory_region region{};
    region.guest_phys_addr = where;
    region.memory_size = size;
    region.userspace_addr = reinterpret_cast<uint64_t>(target.memory().host_address());
    return ::ioctl(target.vm().fd(), KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

// --- attacks --------------------------------------------------------------------------------

using Judge = std::function<bool(Target&, End)>;

/// The locked pages are not as they were: what the guest's return tells is not asked.
bool is_changed(const Target& target) {
    return std::ranges::any_of(target.page(), [](uint8_t byte) { return byte != kPattern; });
}
bool page_changed(Target& target, End) {
    return is_changed(target);
}
/// Of a page table: an accessed bit.
bool table_changed(Target& target, End) {
    return (target.memory().get<uint64_t>(kTarget) & 0x20) != 0;
}

struct Attack {
    const char* name;
    std::span<const uint8_t> code;
    Judge is_reached;
    std::function<void(Target&)> by_vmm = nullptr;
    bool is_table = false;
};

#define CODE(name) {attack_##name, attack_##name##_end}

Judge msr_is_value(uint32_t index) {
    return [index](Target& target, End) { return target.msr(index) == kValue; };
}

const std::vector<Attack>& attacks() {
    static const std::vector<Attack> all = {
        {"write", CODE(write), page_changed},
        {"alias", CODE(alias), page_changed},
        {"movs_mmio", CODE(movs_mmio), page_changed},
        {"rep_ins", CODE(rep_ins), page_changed},
        {"emulated_write", CODE(emulated_write), page_changed},
        {"emulated_cmpxchg", CODE(emulated_cmpxchg), page_changed},
        {"walk", CODE(walk), table_changed, nullptr, true},
        {"emulated_walk", CODE(emulated_walk), table_changed, nullptr, true},
        {"event", CODE(event), page_changed},
        {"steal_time", CODE(steal_time), page_changed},
        {"kvmclock", CODE(kvmclock), page_changed},
        {"wall_clock", CODE(wall_clock), page_changed},
        {"cr0_wp", CODE(cr0_wp),
         [](Target& target, End) { return (target.vcpu().sregs().cr0 >> 16 & 1) == 0; }},
        {"cr4_smep", CODE(cr4_smep),
         [](Target& target, End) { return (target.vcpu().sregs().cr4 >> 20 & 1) == 0; }},
        {"cr4_smap", CODE(cr4_smap),
         [](Target& target, End) { return (target.vcpu().sregs().cr4 >> 21 & 1) == 0; }},
        {"efer_nx", CODE(efer_nx),
         [](Target& target, End) { return (target.vcpu().sregs().efer >> 11 & 1) == 0; }},
        {"lstar", CODE(lstar), msr_is_value(0xc0000082)},
        {"star", CODE(star), msr_is_value(0xc0000081)},
        {"sysenter_eip", CODE(sysenter_eip), msr_is_value(0x176)},
        {"sysenter_esp", CODE(sysenter_esp), msr_is_value(0x175)},
        {"lidt", CODE(lidt),
         [](Target& target, End) { return target.vcpu().sregs().idt.base == kValue; }},
        {"vmm_store", {}, page_changed, vmm_store},
        {"vmm_writev", {}, page_changed, vmm_writev},
        {"vmm_child", {}, page_changed, vmm_child},
        {"vmm_proc_mem", {}, page_changed, vmm_proc_mem},
        {"vmm_read", {}, page_changed, vmm_read},
        {"slot_delete", {}, [](Target& target, End) { return set_slot(target, 0, 0); }},
        {"slot_move", {},
         [](Target& target, End) { return set_slot(target, 4ull << 30, kMemorySize); }},
        // No attack: what has to work all the same.
        {"legal", CODE(legal),
         [](Target& target, End end) { return end == End::kDebugPort && !is_changed(target); }},
    };
    return all;
}

#undef CODE

const Attack& find_attack(const std::string& name) {
    return *std::ranges::find_if(attacks(),
                                 [&name](const Attack& attack) { return name == attack.name; });
}

void lock(Target& target) {
    if (const int64_t error = target.call(GUARD_OP_LOCK, kTarget, kLockedBytes, 0); error != 0)
        throw Error(ExitStatus::kGuestFailed, "LOCK: error " + std::to_string(error));
    if (const int64_t error = target.call(GUARD_OP_PIN); error != 0)
        throw Error(ExitStatus::kGuestFailed, "PIN: error " + std::to_string(error));
}

const char* describe(End end) {
    switch (end) {
        case End::kShutdown:
            return "the guest died of a fault";
        case End::kStopped:
            return "the VMM was told";
        default:
            return "the guest went on";
    }
}

}  // namespace

std::vector<std::string> attack_names() {
    std::vector<std::string> names;
    for (const Attack& attack : attacks()) names.emplace_back(attack.name);
    return names;
}

ExitStatus run_attack(const AttackOptions& options) {
    const Attack& attack = find_attack(options.name);
    Target target(options);
    if (attack.is_table) target.write_table();
    if (options.guarded) lock(target);
    End end = End::kDebugPort;
    if (!attack.code.empty()) end = target.run({attack.code});
    if (attack.by_vmm) attack.by_vmm(target);
    const bool reached = attack.is_reached(target, end);
    std::printf("%s: %s, %s\n", attack.name, reached ? "reached" : "stopped", describe(end));
    std::fputs(guard_report().c_str(), stdout);
    return ExitStatus::kOk;
}

}  // namespace asi
