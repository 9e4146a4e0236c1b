// SPDX-License-Identifier: GPL-2.0-only
#include "exits.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <vector>

#include "cpu_setup.h"
#include "guest_code.h"
#include "layout.h"
#include "snippet_vm.h"
#include "termination.h"

namespace asi {
namespace {

using namespace std::chrono_literals;
using Operand = GuestOperation::Operand;

constexpr uint64_t kPageSize = 4096;
constexpr uint64_t kFreshPagesAddress = 1ull << 30;

/// How often the operation runs in each of the three rounds. The first round faults in code,
/// stack and tables and is thrown away.
struct Rounds {
    uint64_t warm_up;
    uint64_t base;
    uint64_t long_run;

    uint64_t total() const { return warm_up + base + long_run; }
};

Rounds rounds_for(uint64_t count) {
    const uint64_t base = std::clamp<uint64_t>(count / 10, 1, 1000);
    return {base, base, base + count};
}

struct Reading {
    uint64_t nanoseconds;
    uint64_t kernel_exits;
    uint64_t user_exits;
};

struct Measurement {
    Reading base;
    Reading long_run;
};

uint64_t now_nanoseconds() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/// A migration in the middle of a round would be counted as exit time.
void pin_to_cpu(unsigned index) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(index % ::sysconf(_SC_NPROCESSORS_ONLN), &set);
    ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
}

SnippetVm make_vm(const Kvm& kvm, const GuestOperation& operation, unsigned smp,
                  Backing backing = Backing::kOnDemand) {
    const bool timer = operation.operand == Operand::kTimerTicks;
    SnippetVm vm(kvm, timer ? Irqchip::kInKernel : Irqchip::kNone, CpuMode::kLong, smp, backing);
    vm.load_code(operation.code);
    if (timer)
        write_interrupt_gate(vm.memory(), kTimerVector, kSnippetAddress + timer_handler_offset());
    return vm;
}

uint64_t fixed_operand(const GuestOperation& operation, uint64_t timer_ticks) {
    switch (operation.operand) {
        case Operand::kMmioAddress:
            return kMmioAddress;
        case Operand::kTimerTicks:
            return timer_ticks;
        default:
            return 0;
    }
}

Reading run_round(const SnippetVm& vm, Vcpu& vcpu, uint64_t count, uint64_t operand) {
    vm.start_operation(vcpu, count, operand);
    const uint64_t exits_before = vcpu.exit_count();
    const uint64_t start = now_nanoseconds();
    const SnippetResult result = run_until_end(vcpu);
    const uint64_t end = now_nanoseconds();
    const uint64_t exits_after = vcpu.exit_count();
    if (result.end == SnippetEnd::kStopped)
        throw Error(ExitStatus::kTimeout,
                    "timeout: the exits were not done in time\n" + describe_registers(vcpu));
    if (result.end != SnippetEnd::kDebugPort || vm.operations_done(vcpu) != count)
        throw Error(ExitStatus::kGuestFailed,
                    "the guest lost its way\n" + describe_registers(vcpu));
    // The next round replaces the registers.
    vcpu.complete_exit();
    return {end - start, exits_after - exits_before, result.user_exits};
}

Measurement measure(const SnippetVm& vm, Vcpu& vcpu, const GuestOperation& operation,
                    const Rounds& rounds, uint64_t timer_ticks) {
    const bool pages = operation.operand == Operand::kFreshPages;
    const uint64_t stride = pages ? kPageSize : 0;
    uint64_t operand = fixed_operand(operation, timer_ticks);
    if (pages) operand = kFreshPagesAddress + vcpu.index() * rounds.total() * kPageSize;

    run_round(vm, vcpu, rounds.warm_up, operand);
    operand += rounds.warm_up * stride;
    const Reading base = run_round(vm, vcpu, rounds.base, operand);
    operand += rounds.base * stride;
    return {base, run_round(vm, vcpu, rounds.long_run, operand)};
}

void print_result(const ExitsOptions& options, const std::vector<Measurement>& all) {
    uint64_t kernel_exits = 0;
    uint64_t user_exits = 0;
    double nanoseconds = 0;
    for (const Measurement& one : all) {
        kernel_exits += one.long_run.kernel_exits - one.base.kernel_exits;
        user_exits += one.long_run.user_exits - one.base.user_exits;
        nanoseconds += static_cast<double>(one.long_run.nanoseconds) -
                       static_cast<double>(one.base.nanoseconds);
    }
    const uint64_t operations = options.count * all.size();
    const char* pattern = options.json ? "{\"op\": \"%s\", \"vcpus\": %zu, \"count\": %" PRIu64
                                         ", \"kvm_exits\": %" PRIu64 ", \"user_exits\": %" PRIu64
                                         ", \"total_ns\": %.0f, \"ns_per_exit\": %.2f}\n"
                                       : "op=%s vcpus=%zu count=%" PRIu64 " kvm_exits=%" PRIu64
                                         " user_exits=%" PRIu64 " total_ns=%.0f ns_per_exit=%.2f\n";
    std::printf(pattern, options.operation.c_str(), all.size(), operations, kernel_exits,
                user_exits, nanoseconds, nanoseconds / static_cast<double>(operations));
}

void print_statistics(const Vcpu& vcpu) {
    for (const char* name :
         {"asi_inside", "asi_left", "asi_user", "asi_first_touch", "asi_flushes"})
        if (const auto value = vcpu.statistic(name)) std::printf("%s=%" PRIu64 "\n", name, *value);
}

}  // namespace

ExitStatus run_exits(const ExitsOptions& options) {
    const GuestOperation operation = find_operation(options.operation);
    const Rounds rounds = rounds_for(options.count);
    const bool pages = operation.operand == Operand::kFreshPages;
    if (pages && rounds.total() * options.smp > kMaxNpfPages)
        throw usage_error("--count: too many pages for --op=" + options.operation);

    const Kvm kvm;
    SnippetVm vm = make_vm(kvm, operation, options.smp);
    if (pages)
        vm.add_populated_memory(kFreshPagesAddress, rounds.total() * options.smp * kPageSize);

    std::vector<Measurement> measurements(options.smp);
    VcpuThreads threads(vm.vcpus(), [&](Vcpu& vcpu) {
        pin_to_cpu(vcpu.index());
        measurements[vcpu.index()] = measure(vm, vcpu, operation, rounds, options.timer_ticks);
        return BodyEnd::kThisVcpu;
    });
    threads.wait(options.timeout);
    threads.stop();
    print_result(options, measurements);
    if (options.statistics) print_statistics(*vm.vcpus().front());
    return ExitStatus::kOk;
}

ExitStatus run_loop(const LoopOptions& options) {
    const GuestOperation operation = find_operation(options.operation);
    if (operation.operand == Operand::kFreshPages)
        throw usage_error("--op: " + options.operation + " cannot go on for ever");

    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(options.seconds);
    const Termination termination;
    const Kvm kvm;
    SnippetVm vm = make_vm(kvm, operation, options.smp, options.backing);
    vm.add_slots(options.slots);
    for (const auto& vcpu : vm.vcpus())
        vm.start_operation(*vcpu, 0, fixed_operand(operation, options.timer_ticks));
    VcpuThreads threads(vm.vcpus(), [](Vcpu& vcpu) {
        if (run_until_end(vcpu).end != SnippetEnd::kStopped)
            throw Error(ExitStatus::kGuestFailed,
                        "the endless loop ended\n" + describe_registers(vcpu));
        return BodyEnd::kThisVcpu;
    });
    const std::chrono::duration<double> pause(options.replace);
    auto replaced_at = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < deadline && !threads.wait(0)) {
        if (termination.came_within(100ms)) break;
        if (options.replace == 0 || std::chrono::steady_clock::now() < replaced_at + pause)
            continue;
        vm.memory().replace_pages();
        replaced_at = std::chrono::steady_clock::now();
    }
    threads.stop();

    uint64_t total = 0;
    for (const auto& vcpu : vm.vcpus()) total += vm.operations_done(*vcpu);
    std::printf("op=%s vcpus=%u exits=%" PRIu64 "\n", options.operation.c_str(), options.smp,
                total);
    return ExitStatus::kOk;
}

}  // namespace asi
