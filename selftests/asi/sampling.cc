// SPDX-License-Identifier: GPL-2.0-only
//
// Samples what every processor executes in the kernel, with call chains, for a
// while.  Prints the number of samples; fails when a processor gave none.
//
// usage: sampling MILLISECONDS
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kDataPages = 64;

struct Sampler {
    int fd;
    perf_event_mmap_page* ring;
};

bool open_sampler(int cpu, Sampler& sampler) {
    perf_event_attr attr{};
    attr.size = sizeof(attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_CPU_CLOCK;
    attr.freq = 1;
    attr.sample_freq = 1000;
    attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN;
    attr.exclude_user = 1;
    sampler.fd =
        static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
    if (sampler.fd < 0) return false;
    const std::size_t size = (1 + kDataPages) * ::sysconf(_SC_PAGESIZE);
    void* map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, sampler.fd, 0);
    if (map == MAP_FAILED) return false;
    sampler.ring = static_cast<perf_event_mmap_page*>(map);
    return true;
}

/// Counts the samples, of which the newest are still there.
unsigned count_samples(const Sampler& sampler) {
    const auto* data = reinterpret_cast<const char*>(sampler.ring) + sampler.ring->data_offset;
    const std::uint64_t head = __atomic_load_n(&sampler.ring->data_head, __ATOMIC_ACQUIRE);
    unsigned count = 0;
    // With tail never moved, the kernel stops at the ring's end: no record is cut.
    for (std::uint64_t at = 0; at < head;) {
        const auto* header =
            reinterpret_cast<const perf_event_header*>(data + at % sampler.ring->data_size);
        if (header->type == PERF_RECORD_SAMPLE) ++count;
        at += header->size;
    }
    return count;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    std::vector<Sampler> samplers(::sysconf(_SC_NPROCESSORS_ONLN));
    for (std::size_t cpu = 0; cpu < samplers.size(); ++cpu) {
        if (!open_sampler(static_cast<int>(cpu), samplers[cpu])) {
            std::perror("sampling");
            return 1;
        }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(argv[1])));
    unsigned total = 0;
    for (const Sampler& sampler : samplers) total += count_samples(sampler);
    std::printf("samples %u\n", total);
    return total > 0 ? 0 : 1;
}
