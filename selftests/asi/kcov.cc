// SPDX-License-Identifier: GPL-2.0-only
//
// Runs a guest that exits many times, in real mode, while KCOV notes what this
// thread executes in the kernel.  Prints the address of each place once, and on the
// standard error output how many were noted.
//
// Source: Documentation/dev-tools/kcov.rst and include/uapi/linux/kcov.h of the kernel.
//
// usage: kcov
#include <fcntl.h>
#include <linux/kcov.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

namespace {

constexpr std::size_t kPlaces = 1 << 20;
constexpr std::size_t kMemory = 0x1000;

// mov $1000, %si; 1: xor %eax, %eax; cpuid; dec %si; jnz 1b; out %al, $0xf4
constexpr std::uint8_t kCode[] = {0xbe, 0xe8, 0x03, 0x66, 0x31, 0xc0, 0x0f,
                                  0xa2, 0x4e, 0x75, 0xf8, 0xe6, 0xf4};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int must(int result, const char* what) {
    if (result < 0) fail(what);
    return result;
}

void* must_map(std::size_t size, int flags, int fd) {
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (address == MAP_FAILED) fail("mmap");
    return address;
}

struct Vcpu {
    int fd;
    kvm_run* run;
};

Vcpu make_guest() {
    const int kvm = must(::open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    const int vm = must(::ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    void* memory = must_map(kMemory, MAP_SHARED | MAP_ANONYMOUS, -1);
    std::memcpy(memory, kCode, sizeof(kCode));
    kvm_userspace_memory_region region{};
    region.memory_size = kMemory;
    region.userspace_addr = reinterpret_cast<std::uint64_t>(memory);
    must(::ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    const int vcpu = must(::ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    const int size = must(::ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    kvm_sregs sregs;
    must(::ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    must(::ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    kvm_regs regs{};
    regs.rflags = 2;
    must(::ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
    return {vcpu, static_cast<kvm_run*>(must_map(size, MAP_SHARED, vcpu))};
}

}  // namespace

int main() {
    const int kcov = must(::open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC), "kcov");
    must(::ioctl(kcov, KCOV_INIT_TRACE, kPlaces), "KCOV_INIT_TRACE");
    auto* places =
        static_cast<std::uint64_t*>(must_map(kPlaces * sizeof(std::uint64_t), MAP_SHARED, kcov));
    const Vcpu vcpu = make_guest();

    must(::ioctl(kcov, KCOV_ENABLE, KCOV_TRACE_PC), "KCOV_ENABLE");
    __atomic_store_n(places, 0, __ATOMIC_RELAXED);
    const int result = ::ioctl(vcpu.fd, KVM_RUN, 0);
    const std::uint64_t count = __atomic_load_n(places, __ATOMIC_RELAXED);
    must(::ioctl(kcov, KCOV_DISABLE, 0), "KCOV_DISABLE");

    if (result < 0 || vcpu.run->exit_reason != KVM_EXIT_IO) {
        std::fprintf(stderr, "KVM_RUN: %d, exit reason %u\n", result, vcpu.run->exit_reason);
        return 1;
    }
    const std::set<std::uint64_t> distinct(places + 1, places + 1 + count);
    for (const std::uint64_t place : distinct)
        std::printf("0x%llx\n", static_cast<unsigned long long>(place));
    std::fprintf(stderr, "%llu\n", static_cast<unsigned long long>(count));
}
