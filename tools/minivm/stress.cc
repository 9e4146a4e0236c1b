// SPDX-License-Identifier: GPL-2.0-only
#include "stress.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <exception>
#include <thread>
#include <utility>

#include "termination.h"

namespace asi {
namespace {

using namespace stress;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Generous: the clock of an emulated machine may be wrong by far.
constexpr double kEndSeconds = 300;
constexpr auto kStandstill = 300s;
constexpr double kLongest = 15;

class VcpuDisturber : public Disturber {
  public:
    VcpuDisturber(StressVm& vm, VcpuPool& pool) : vm_(vm), pool_(pool) {
        counts_ = {{"vcpus_swapped", 0}, {"threads_replaced", 0}};
        if (vm.plan().vcpus > 1) counts_["vcpus_added"] = 0;
    }

    void step(Random& random) override {
        if (vm_.vcpu_count() < vm_.plan().vcpus && below(random, 40) == 0) {
            pool_.add(vm_.add_vcpu());
            ++counts_["vcpus_added"];
            return;
        }
        const bool replace = below(random, 4) == 0;
        pool_.swap(static_cast<unsigned>(random() >> 32), replace);
        ++counts_[replace ? "threads_replaced" : "vcpus_swapped"];
    }

  private:
    StressVm& vm_;
    VcpuPool& pool_;
};

/// Steps of a disturber with short pauses, in a thread of its own, until it is stopped.
class DisturberThread {
  public:
    DisturberThread(std::unique_ptr<Disturber> disturber, uint64_t seed)
        : disturber_(std::move(disturber)), thread_([this, seed] { work(seed); }) {}
    DisturberThread(const DisturberThread&) = delete;
    DisturberThread& operator=(const DisturberThread&) = delete;
    ~DisturberThread() { join(); }

    Disturber& disturber() const { return *disturber_; }

    /// No step is under way any more. Throws what a step threw.
    void stop() {
        join();
        check();
    }

    void check() const {
        if (failed_) std::rethrow_exception(failure_);
    }

  private:
    void work(uint64_t seed) {
        Random random(seed);
        try {
            while (!stopping_) {
                disturber_->step(random);
                std::this_thread::sleep_for(std::chrono::microseconds(below(random, 3000)));
            }
        } catch (...) {
            failure_ = std::current_exception();
            failed_ = true;
        }
    }

    void join() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }

    std::unique_ptr<Disturber> disturber_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> failed_{false};
    std::exception_ptr failure_;
    std::thread thread_;
};

/// Throws when some vCPU has done nothing for long.
class Watchdog {
  public:
    Watchdog(const StressVm& vm, VcpuPool& pool) : vm_(vm), pool_(pool) {}

    void look() {
        const auto now = Clock::now();
        for (unsigned i = 0; i < vm_.vcpu_count(); ++i) {
            const uint64_t done = vm_.operations_done(i);
            if (i == seen_.size()) seen_.push_back({done, now});
            if (done != seen_[i].done) seen_[i] = {done, now};
            if (now - seen_[i].since < kStandstill) continue;
            pool_.pause();
            throw Error(ExitStatus::kGuestFailed, "wrong: vCPU " + std::to_string(i) +
                                                      " does nothing any more\n" +
                                                      describe_registers(vm_.vcpu(i)));
        }
    }

  private:
    struct Seen {
        uint64_t done;
        Clock::time_point since;
    };

    const StressVm& vm_;
    VcpuPool& pool_;
    std::vector<Seen> seen_;
};

bool has(const StressOptions& options, const char* name) {
    return std::find(options.with.begin(), options.with.end(), name) != options.with.end();
}

StressPlan plan_for(const StressOptions& options, uint64_t seed) {
    StressPlan plan;
    plan.seed = seed;
    plan.operations = (1u << kOperations) - 1;
    if (!has(options, "events"))
        plan.operations &= ~(operation_bit(kDoorbell) | operation_bit(kPit));
    // Nothing that waits: what leaves then is due to the memory.
    if (options.backing)
        plan.operations = operation_bit(kCpuid) | operation_bit(kMsr) | operation_bit(kString) |
                          operation_bit(kMemory) | operation_bit(kClock);
    else
        plan.operations &= ~operation_bit(kClock);
    plan.backing = options.backing;
    // KVM writes another time into each page.
    if (options.backing == Backing::kMergeable) plan.operations &= ~operation_bit(kClock);
    plan.x2apic = seed & 2;
    plan.vcpus = options.smp;
    plan.pieces = options.pieces;
    return plan;
}

void add(Counts& sum, const Counts& counts) {
    for (const auto& [name, count] : counts) sum[name] += count;
}

Clock::time_point seconds_from_now(double seconds) {
    return Clock::now() +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

/// One machine from its making to its end.
class Round {
  public:
    Round(const Kvm& kvm, const StressOptions& options, uint64_t seed)
        : vm_(kvm, plan_for(options, seed)),
          pool_([this](Vcpu& vcpu) { return vm_.run(vcpu) == StressVm::RunEnd::kEnded; },
                has(options, "vcpus")) {
        const std::string& spoil = options.spoil;
        if (spoil == "answer") vm_.spoil_answer();
        const bool hot_plug = has(options, "vcpus");
        const unsigned first = hot_plug ? 1 + seed % std::max(1u, options.smp / 2) : options.smp;
        for (unsigned i = 0; i < first; ++i) vm_.add_vcpu();
        std::vector<std::unique_ptr<Disturber>> disturbers;
        if (has(options, "slots"))
            disturbers.push_back(disturb_slots(vm_, pool_, spoil == "log"));
        else
            add_all_slots(vm_);
        if (has(options, "memory")) disturbers.push_back(disturb_memory(vm_, spoil == "memory"));
        if (has(options, "balloon") || has(options, "pageout"))
            disturbers.push_back(
                disturb_backing(vm_, has(options, "balloon"), has(options, "pageout")));
        if (has(options, "events")) disturbers.push_back(disturb_events(vm_, spoil == "interrupt"));
        if (hot_plug) disturbers.push_back(disturb_vcpus(vm_, pool_));
        for (unsigned i = 0; i < first; ++i) pool_.add(vm_.vcpu(i));
        for (auto& disturber : disturbers)
            threads_.push_back(std::make_unique<DisturberThread>(
                std::move(disturber), mix(seed + 1000 * threads_.size())));
    }

    /// Runs until `end` or a signal; true: a signal came.
    bool run(Clock::time_point end, const Termination& termination) {
        Watchdog watchdog(vm_, pool_);
        bool came = false;
        while (!came && Clock::now() < end) {
            came = termination.came_within(50ms);
            watchdog.look();
            check();
        }
        return came;
    }

    void finish(Counts& counts) {
        // The one that swaps vCPUs comes last: the others wait for vCPUs.
        for (const auto& thread : threads_) {
            thread->stop();
            thread->disturber().settle();
        }
        vm_.request_end();
        const bool ended = pool_.wait_for_end(kEndSeconds);
        check();
        if (!ended)
            throw Error(ExitStatus::kGuestFailed, "wrong: some vCPUs do not end\n" + describe());
        vm_.check_memory();
        for (const auto& thread : threads_) {
            thread->disturber().check_end();
            add(counts, thread->disturber().counts());
        }
        for (unsigned i = 0; i < vm_.vcpu_count(); ++i) {
            const VcpuState& state = vm_.state(i);
            for (unsigned operation = 0; operation < kOperations; ++operation)
                if (vm_.plan().operations >> operation & 1)
                    counts[std::string("op_") + kOperationNames[operation]] +=
                        state.done[operation];
            if (vm_.plan().operations & operation_bit(kHalt))
                counts["timer_ticks"] += state.timer_ticks;
            if (vm_.plan().operations & operation_bit(kPit)) counts["pit_ticks"] += state.pit_ticks;
        }
        if (vm_.refused()) counts["runs_refused"] += vm_.refused();
    }

  private:
    void check() {
        pool_.check();
        for (const auto& thread : threads_) thread->check();
    }

    std::string describe() {
        pool_.pause();
        std::string text;
        for (unsigned i = 0; i < vm_.vcpu_count(); ++i) {
            const VcpuState& state = vm_.state(i);
            text += "operations " + std::to_string(vm_.operations_done(i)) + ", ticks " +
                    std::to_string(state.timer_ticks) + " and " + std::to_string(state.pit_ticks) +
                    "\n" + describe_registers(vm_.vcpu(i));
        }
        return text;
    }

    StressVm vm_;
    VcpuPool pool_;
    std::vector<std::unique_ptr<DisturberThread>> threads_;
};

}  // namespace

std::unique_ptr<Disturber> disturb_vcpus(StressVm& vm, VcpuPool& pool) {
    return std::make_unique<VcpuDisturber>(vm, pool);
}

ExitStatus run_stress(const StressOptions& options) {
    if (options.backing && (has(options, "memory") || has(options, "events")))
        throw usage_error("--with: 'memory' and 'events' are not for a --backing");
    if (!options.backing && (has(options, "balloon") || has(options, "pageout")))
        throw usage_error("--with: 'balloon' and 'pageout' are for a --backing");
    const auto deadline = seconds_from_now(options.seconds);
    const auto limit = seconds_from_now(options.seconds * kLongest);
    const Termination termination;
    const Kvm kvm;
    Counts counts;
    uint64_t rounds = 0;
    // On a slow machine the time may be over before everything has happened.
    const auto is_enough = [&] {
        const auto happened = [](const auto& count) { return count.second > 0; };
        const auto now = Clock::now();
        return now > limit ||
               (now > deadline && std::all_of(counts.begin(), counts.end(), happened));
    };
    try {
        for (bool came = false; !came && !is_enough(); ++rounds) {
            Round round(kvm, options, options.seed + rounds);
            came = round.run(seconds_from_now(options.round), termination);
            round.finish(counts);
        }
    } catch (const Error& error) {
        throw Error(error.status(), "seed " + std::to_string(options.seed) + ", round " +
                                        std::to_string(rounds) + ": " + error.what());
    }
    std::printf("seed=%" PRIu64 " vcpus=%u pieces=%u rounds=%" PRIu64 "\n", options.seed,
                options.smp, options.pieces, rounds);
    for (const auto& [name, count] : counts) std::printf("%s=%" PRIu64 "\n", name.c_str(), count);
    return ExitStatus::kOk;
}

}  // namespace asi
