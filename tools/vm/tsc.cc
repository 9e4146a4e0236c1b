// SPDX-License-Identifier: GPL-2.0-only
#include "tsc.h"

#include <chrono>
#include <cstdint>
#include <thread>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace asi {

#if defined(__x86_64__)

namespace {

using Clock = std::chrono::steady_clock;

struct Sample {
    uint64_t ticks = 0;
    Clock::time_point time;
};

/// Both at once, as nearly as it goes: on a busy host something may come between.
Sample sample() {
    constexpr unsigned kTries = 20;
    Sample best;
    auto shortest = Clock::duration::max();
    for (unsigned i = 0; i < kTries; ++i) {
        const auto before = Clock::now();
        const uint64_t ticks = __rdtsc();
        const auto took = Clock::now() - before;
        if (took >= shortest) continue;
        shortest = took;
        best = {ticks, before + took / 2};
    }
    return best;
}

}  // namespace

unsigned tsc_khz() {
    const Sample first = sample();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Sample last = sample();
    const std::chrono::duration<double, std::milli> time = last.time - first.time;
    return static_cast<unsigned>(static_cast<double>(last.ticks - first.ticks) / time.count());
}

#else

unsigned tsc_khz() {
    return 0;
}

#endif

}  // namespace asi
