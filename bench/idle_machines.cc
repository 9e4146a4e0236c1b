// SPDX-License-Identifier: GPL-2.0-only
#include "idle_machines.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <stdexcept>

#include "tools/minivm/cpu_setup.h"
#include "tools/minivm/error.h"
#include "tools/minivm/guest_code.h"
#include "tools/minivm/layout.h"
#include "tools/minivm/snippet_vm.h"

namespace asi {
namespace {

constexpr uint8_t kHalt[] = {0xf4};
/// Of a nanosecond.
constexpr uint64_t kTicksAsleep = 2'000'000;

using Ready = std::function<void()>;

[[noreturn]] void wait_in_user_space(const Ready& ready) {
    const Kvm kvm;
    const SnippetVm vm(kvm, Irqchip::kNone, CpuMode::kReal, 1);
    vm.load_code(kHalt);
    if (run_until_end(*vm.vcpus().front()).end != SnippetEnd::kHlt)
        throw std::runtime_error("an idle guest did not halt");
    ready();
    for (;;) ::pause();
}

[[noreturn]] void sleep_inside(unsigned cpu, const Ready& ready) {
    stay_on(cpu);
    const Kvm kvm;
    const SnippetVm vm(kvm, Irqchip::kInKernel, CpuMode::kLong, 1);
    vm.load_code(find_operation("hlt_irq").code);
    write_interrupt_gate(vm.memory(), kTimerVector, kSnippetAddress + timer_handler_offset());
    vm.start_operation(*vm.vcpus().front(), 0, kTicksAsleep);
    ready();
    run_until_end(*vm.vcpus().front());
    throw std::runtime_error("a guest ended that sleeps again and again");
}

/// Returns when the process says that it is ready.
pid_t start(const std::function<void(const Ready&)>& live) {
    int ends[2];
    checked("pipe", ::pipe2(ends, O_CLOEXEC));
    const pid_t child = checked("fork", ::fork());
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(ends[0]);
        try {
            live([&] {
                checked("write", ::write(ends[1], "", 1));
                ::close(ends[1]);
            });
        } catch (const std::exception& error) {
            std::fprintf(stderr, "idle machine: %s\n", error.what());
        }
        ::_exit(1);
    }
    char byte;
    ::close(ends[1]);
    const bool is_ready = ::read(ends[0], &byte, 1) == 1;
    ::close(ends[0]);
    if (is_ready) return child;
    ::waitpid(child, nullptr, 0);
    throw std::runtime_error("an idle machine could not be made");
}

}  // namespace

void stay_on(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    checked("sched_setaffinity", ::sched_setaffinity(0, sizeof(set), &set));
}

IdleMachines::~IdleMachines() {
    for (const pid_t process : processes_) ::kill(process, SIGKILL);
    for (const pid_t process : processes_) ::waitpid(process, nullptr, 0);
}

void IdleMachines::grow_to(unsigned count) {
    while (processes_.size() < count) processes_.push_back(start(wait_in_user_space));
}

void IdleMachines::sleep_on(unsigned cpu) {
    processes_.push_back(start([cpu](const Ready& ready) { sleep_inside(cpu, ready); }));
}

}  // namespace asi
