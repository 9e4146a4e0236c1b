// SPDX-License-Identifier: GPL-2.0-only
#include "kvm.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "error.h"
#include "kvm_stats.h"

namespace asi {
namespace {

// Three pages below the APIC window that no guest memory may use: Intel needs them to run real
// mode code on CPUs without unrestricted guest.
constexpr uint64_t kIdentityMapAddress = 0xfffbc000;
constexpr uint64_t kTssAddress = 0xfffbd000;

void ignore_signal(int) {}

// The kernel's header declares kvm_cpuid2 with a flexible array whose C++ reading has another
// offset, and so other ioctl numbers, than the ABI.
constexpr uint32_t kMaxCpuidEntries = 256;
struct CpuidBuffer {
    uint32_t count;
    uint32_t padding;
    kvm_cpuid_entry2 entries[kMaxCpuidEntries];
};
constexpr size_t kCpuidHeaderSize = offsetof(CpuidBuffer, entries);
static_assert(kCpuidHeaderSize == 8);
constexpr unsigned long kGetSupportedCpuid =
    _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, kCpuidHeaderSize);
constexpr unsigned long kSetCpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, kCpuidHeaderSize);

}  // namespace

Kvm::Kvm() : fd_(::open("/dev/kvm", O_RDWR | O_CLOEXEC)) {
    if (!fd_.valid())
        throw Error(ExitStatus::kNoKvm, std::string("no usable /dev/kvm: ") + std::strerror(errno));
    const int version = ::ioctl(fd_.get(), KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        throw Error(ExitStatus::kNoKvm, "no usable /dev/kvm: it does not speak KVM API 12");
    run_size_ = checked("KVM_GET_VCPU_MMAP_SIZE", ::ioctl(fd_.get(), KVM_GET_VCPU_MMAP_SIZE, 0));
}

int Kvm::extension(unsigned capability) const {
    return ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, capability);
}

CpuidTable Kvm::supported_cpuid() const {
    CpuidBuffer buffer{};
    buffer.count = kMaxCpuidEntries;
    checked("KVM_GET_SUPPORTED_CPUID", ::ioctl(fd_.get(), kGetSupportedCpuid, &buffer));
    return {buffer.entries, buffer.entries + buffer.count};
}

Vm::Vm(const Kvm& kvm, Irqchip irqchip)
    : fd_(checked("KVM_CREATE_VM", ::ioctl(kvm.fd(), KVM_CREATE_VM, 0))), irqchip_(irqchip) {
    checked("KVM_SET_TSS_ADDR", ::ioctl(fd(), KVM_SET_TSS_ADDR, kTssAddress));
    uint64_t identity_map = kIdentityMapAddress;
    checked("KVM_SET_IDENTITY_MAP_ADDR", ::ioctl(fd(), KVM_SET_IDENTITY_MAP_ADDR, &identity_map));
    // Without this a guest gets the rate that was measured when KVM was loaded. Where the kernel
    // has refined its measurement since, and the CPU can't scale the TSC, KVM then leaves the vCPU
    // with a frozen TSC, and timers never fire. Older kernels don't know the ioctl for a VM.
    constexpr unsigned long kSameRateAsHost = 0;
    (void)::ioctl(fd(), KVM_SET_TSC_KHZ, kSameRateAsHost);
    if (irqchip == Irqchip::kNone) return;

    checked("KVM_CREATE_IRQCHIP", ::ioctl(fd(), KVM_CREATE_IRQCHIP, 0));
    // The dummy speaker keeps port 0x61 in the kernel: Linux polls it to calibrate its clocks.
    kvm_pit_config pit{};
    pit.flags = KVM_PIT_SPEAKER_DUMMY;
    checked("KVM_CREATE_PIT2", ::ioctl(fd(), KVM_CREATE_PIT2, &pit));
}

void Vm::add_memory(const GuestMemory& memory) {
    kvm_userspace_memory_region region{};
    region.slot = slots_++;
    region.guest_phys_addr = memory.base();
    region.memory_size = memory.size();
    region.userspace_addr = reinterpret_cast<uint64_t>(memory.host_address());
    set_slot(region);
}

void Vm::set_slot(const kvm_userspace_memory_region& region) const {
    checked("KVM_SET_USER_MEMORY_REGION", ::ioctl(fd(), KVM_SET_USER_MEMORY_REGION, &region));
}

void Vm::set_irq_line(unsigned gsi, bool level) const {
    kvm_irq_level line{};
    line.irq = gsi;
    line.level = level;
    checked("KVM_IRQ_LINE", ::ioctl(fd(), KVM_IRQ_LINE, &line));
}

Vcpu::Vcpu(const Kvm& kvm, const Vm& vm, unsigned index)
    : index_(index),
      fd_(checked("KVM_CREATE_VCPU", ::ioctl(vm.fd(), KVM_CREATE_VCPU, index))),
      run_size_(kvm.run_size()) {
    void* run = ::mmap(nullptr, run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd(), 0);
    if (run == MAP_FAILED) throw system_error("mapping a vCPU's run page", errno);
    run_ = static_cast<kvm_run*>(run);
}

Vcpu::~Vcpu() {
    ::munmap(run_, run_size_);
}

bool Vcpu::run() {
    for (;;) {
        if (stop_requested_.load()) return false;
        if (::ioctl(fd(), KVM_RUN, 0) == 0) return true;
        // EAGAIN: an application processor left "waiting for SIPI" without running yet.
        if (errno != EINTR && errno != EAGAIN) throw system_error("KVM_RUN", errno);
    }
}

int Vcpu::enter() const {
    return ::ioctl(fd(), KVM_RUN, 0) == 0 ? 0 : errno;
}

void Vcpu::complete_exit() {
    run_->immediate_exit = 1;
    const int result = ::ioctl(fd(), KVM_RUN, 0);
    const int error = errno;
    run_->immediate_exit = stop_requested_.load() ? 1 : 0;
    if (result == 0 || error != EINTR) throw system_error("completing an exit", error);
}

void Vcpu::request_stop() {
    stop_requested_.store(true);
    run_->immediate_exit = 1;
}

void Vcpu::set_cpuid(const CpuidTable& table) const {
    CpuidBuffer buffer{};
    buffer.count = table.size();
    std::copy(table.begin(), table.end(), buffer.entries);
    checked("KVM_SET_CPUID2", ::ioctl(fd(), kSetCpuid2, &buffer));
}

void Vcpu::set_runnable() const {
    kvm_mp_state state{};
    state.mp_state = KVM_MP_STATE_RUNNABLE;
    checked("KVM_SET_MP_STATE", ::ioctl(fd(), KVM_SET_MP_STATE, &state));
}

kvm_regs Vcpu::regs() const {
    kvm_regs regs{};
    checked("KVM_GET_REGS", ::ioctl(fd(), KVM_GET_REGS, &regs));
    return regs;
}

void Vcpu::set_regs(const kvm_regs& regs) const {
    checked("KVM_SET_REGS", ::ioctl(fd(), KVM_SET_REGS, &regs));
}

kvm_sregs Vcpu::sregs() const {
    kvm_sregs sregs{};
    checked("KVM_GET_SREGS", ::ioctl(fd(), KVM_GET_SREGS, &sregs));
    return sregs;
}

void Vcpu::set_sregs(const kvm_sregs& sregs) const {
    checked("KVM_SET_SREGS", ::ioctl(fd(), KVM_SET_SREGS, &sregs));
}

uint64_t Vcpu::exit_count() const {
    return statistic("exits").value_or(0);
}

std::optional<uint64_t> Vcpu::statistic(std::string_view name) const {
    return read_kvm_statistic(fd(), name);
}

int kick_signal() {
    return SIGRTMIN;
}

void install_kick_handler() {
    struct sigaction action {};
    action.sa_handler = ignore_signal;
    ::sigaction(kick_signal(), &action, nullptr);
}

}  // namespace asi
