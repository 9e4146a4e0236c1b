// SPDX-License-Identifier: GPL-2.0-only
#include "churn.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <random>
#include <thread>

#include "guest_code.h"
#include "snippet_vm.h"

namespace asi {
namespace {

constexpr uint64_t kExitsPerVcpu = 100;
constexpr double kTimeoutSeconds = 60;

/// One machine's whole life. The irqchip is there for what its own clean-up may break.
void live_once(const Kvm& kvm, unsigned smp) {
    const SnippetVm vm(kvm, Irqchip::kInKernel, CpuMode::kLong, smp);
    vm.load_code(find_operation("cpuid").code);
    for (const auto& vcpu : vm.vcpus()) vm.start_operation(*vcpu, kExitsPerVcpu, 0);
    VcpuThreads threads(vm.vcpus(), [&vm](Vcpu& vcpu) {
        const SnippetResult result = run_until_end(vcpu);
        if (result.end == SnippetEnd::kStopped)
            throw Error(ExitStatus::kTimeout, "timeout: the snippet did not end in time");
        if (result.end != SnippetEnd::kDebugPort || vm.operations_done(vcpu) != kExitsPerVcpu)
            throw Error(ExitStatus::kGuestFailed,
                        "the guest lost its way\n" + describe_registers(vcpu));
        return BodyEnd::kThisVcpu;
    });
    threads.wait(kTimeoutSeconds);
    threads.stop();
}

[[noreturn]] void live_for_ever(unsigned smp) {
    try {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const Kvm kvm;
        for (;;) live_once(kvm, smp);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "minivm: %s\n", error.what());
    }
    ::_exit(static_cast<int>(ExitStatus::kGuestFailed));
}

void kill_one_child(unsigned smp, unsigned delay_microseconds) {
    const pid_t child = ::fork();
    if (child < 0) throw system_error("fork", errno);
    if (child == 0) live_for_ever(smp);
    std::this_thread::sleep_for(std::chrono::microseconds(delay_microseconds));
    ::kill(child, SIGKILL);
    int status = 0;
    if (::waitpid(child, &status, 0) != child) throw system_error("waitpid", errno);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        throw Error(ExitStatus::kGuestFailed, "a child ended before it was killed");
}

}  // namespace

ExitStatus run_churn(const ChurnOptions& options) {
    const Kvm kvm;
    std::mt19937_64 random(options.seed);
    std::uniform_int_distribution<unsigned> delay(0, options.kill_window_ms * 1000);
    for (uint64_t i = 0; i < options.count; ++i) {
        if (options.kill)
            kill_one_child(options.smp, delay(random));
        else
            live_once(kvm, options.smp);
    }
    std::printf("%s=%" PRIu64 " vcpus=%u\n", options.kill ? "killed" : "destroyed", options.count,
                options.smp);
    return ExitStatus::kOk;
}

}  // namespace asi
