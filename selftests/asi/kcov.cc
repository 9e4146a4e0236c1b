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
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "tools/minivm/snippet_vm.h"

namespace {

constexpr std::size_t kPlaces = 1 << 20;

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

}  // namespace

int main() {
    const int kcov = must(::open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC), "kcov");
    must(::ioctl(kcov, KCOV_INIT_TRACE, kPlaces), "KCOV_INIT_TRACE");
    void* shared = ::mmap(nullptr, kPlaces * sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                          MAP_SHARED, kcov, 0);
    if (shared == MAP_FAILED) fail("mmap");
    auto* places = static_cast<std::uint64_t*>(shared);
    const asi::Kvm kvm;
    const asi::SnippetVm vm(kvm, asi::Irqchip::kNone, asi::CpuMode::kReal, 1);
    vm.load_code(kCode);
    const asi::Vcpu& vcpu = *vm.vcpus().front();

    must(::ioctl(kcov, KCOV_ENABLE, KCOV_TRACE_PC), "KCOV_ENABLE");
    __atomic_store_n(places, 0, __ATOMIC_RELAXED);
    const int error = vcpu.enter();
    const std::uint64_t count = __atomic_load_n(places, __ATOMIC_RELAXED);
    must(::ioctl(kcov, KCOV_DISABLE, 0), "KCOV_DISABLE");

    if (error != 0 || vcpu.state().exit_reason != KVM_EXIT_IO) {
        std::fprintf(stderr, "KVM_RUN: error %d, %s\n", error,
                     asi::describe_exit(vcpu.state()).c_str());
        return 1;
    }
    const std::set<std::uint64_t> distinct(places + 1, places + 1 + count);
    for (const std::uint64_t place : distinct)
        std::printf("0x%llx\n", static_cast<unsigned long long>(place));
    std::fprintf(stderr, "%llu\n", static_cast<unsigned long long>(count));
}
