// SPDX-License-Identifier: GPL-2.0-only
// What bench/scale.py runs in the booted kernel.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "counters.h"
#include "idle_machines.h"
#include "scale_rows.h"

namespace asi {
namespace {

/// This process stays on the first CPU, which its children inherit; the second is nobody's.
constexpr unsigned kFirstBystander = 2;
constexpr char kClock[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

int usage() {
    std::fputs(
        "usage: asi-scale domains ASI_SCALE_KO ASI_LOADME_KO COUNT ...\n"
        "       asi-scale counted ASI_SCALE_KO COUNT MIB\n"
        "       asi-scale processors ASI_SCALE_KO\n"
        "\n"
        "domains     Measures each row beside so many idle virtual machines, least first.\n"
        "counted     Ends a guest with so many MiB beside COUNT of them.\n"
        "processors  Does the rows on the first processor while guests sleep on others.\n"
        "One JSON object a line.\n",
        stderr);
    return 2;
}

unsigned number(const char* text) {
    char* end;
    const unsigned long value = std::strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value > 100000)
        throw std::runtime_error(std::string("'") + text + "' is no number of machines");
    return value;
}

/// Before, the clock is the time stamp counter by a rough guess of its speed.
void wait_for_the_clock() {
    std::string name;
    while ((std::ifstream(kClock) >> name) && name != "tsc")
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
}

void prepare(const std::string& module) {
    wait_for_the_clock();
    load_scale_module(module);
}

/// What was freed comes back through RCU and work queues.
void let_the_kernel_settle() {
    std::ofstream("/proc/sys/vm/drop_caches") << 3;
    ::sleep(1);
}

void print_row(unsigned machines, const std::string& name, uint64_t count, unsigned rounds,
               TimedRun run) {
    std::vector<uint64_t> times;
    run(count);
    const Counters before = read_isolation_counters();
    for (unsigned i = 0; i < rounds; ++i) times.push_back(run(count));
    const Counters after = read_isolation_counters();
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    std::printf("{\"machines\": %u, \"row\": \"%s\", \"ops\": %" PRIu64 ", \"ns\": %" PRIu64
                ", \"counted_ops\": %" PRIu64 ", \"counters\": %s}\n",
                machines, name.c_str(), count, times[rounds / 2], rounds * count,
                json_difference(before, after).c_str());
    std::fflush(stdout);
}

void measure_beside_machines(const std::string& loadme, char** counts) {
    IdleMachines machines;
    for (; *counts; ++counts) {
        const unsigned count = number(*counts);
        machines.grow_to(count);
        let_the_kernel_settle();
        std::printf("{\"machines\": %u, \"free_pages\": %" PRIu64 "}\n", count, read_free_pages());
        for (const ScaleRow& row : scale_rows(loadme))
            print_row(count, row.name, row.count, row.rounds, row.make());
    }
}

void count_one_end(unsigned count, unsigned mib) {
    IdleMachines machines;
    machines.grow_to(count);
    print_row(count, "guest of " + std::to_string(mib) + " MiB", 1, 1, make_teardown(mib));
}

// ---- Other processors ----------------------------------------------------------

/// Function call interrupts of each CPU so far.
std::vector<uint64_t> read_calls() {
    std::ifstream file("/proc/interrupts");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        if (!(words >> name) || name != "CAL:") continue;
        std::vector<uint64_t> counts;
        for (uint64_t count; words >> count;) counts.push_back(count);
        return counts;
    }
    throw std::runtime_error("/proc/interrupts has no function call interrupts");
}

void print_calls(const ScaleRow& row, unsigned processors) {
    const TimedRun run = row.make();
    run(1);
    ::sleep(1);
    const Counters counters = read_isolation_counters();
    const std::vector<uint64_t> before = read_calls();
    const uint64_t count = row.count * row.rounds;
    run(count);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::vector<uint64_t> after = read_calls();
    uint64_t calls = 0;
    unsigned reached = 0;
    for (unsigned cpu = kFirstBystander; cpu < processors; ++cpu) {
        calls += after.at(cpu) - before.at(cpu);
        reached += after.at(cpu) != before.at(cpu);
    }
    std::printf("{\"processors\": %u, \"bystanders\": %u, \"row\": \"%s\", \"ops\": %" PRIu64
                ", \"calls\": %" PRIu64 ", \"reached\": %u, \"counters\": %s}\n",
                processors, processors - kFirstBystander, row.name.c_str(), count, calls, reached,
                json_difference(counters, read_isolation_counters()).c_str());
    std::fflush(stdout);
}

/// What comes anyway, in about the time that a row takes.
uint64_t do_nothing(uint64_t count) {
    std::this_thread::sleep_for(count * std::chrono::milliseconds(50));
    return 0;
}

void measure_beside_processors() {
    const unsigned processors = ::sysconf(_SC_NPROCESSORS_ONLN);
    if (processors <= kFirstBystander) throw std::runtime_error("too few processors");
    stay_on(0);
    IdleMachines machines;
    for (unsigned cpu = kFirstBystander; cpu < processors; ++cpu) machines.sleep_on(cpu);
    print_calls({"nothing", 1, 1, [] { return do_nothing; }}, processors);
    for (const ScaleRow& row : scale_rows("")) print_calls(row, processors);
}

}  // namespace
}  // namespace asi

int main(int argc, char** argv) {
    const std::string command = argc > 2 ? argv[1] : "";
    try {
        if (command == "domains" && argc > 4) {
            asi::prepare(argv[2]);
            asi::measure_beside_machines(argv[3], argv + 4);
        } else if (command == "counted" && argc == 5) {
            asi::prepare(argv[2]);
            asi::count_one_end(asi::number(argv[3]), asi::number(argv[4]));
        } else if (command == "processors" && argc == 3) {
            asi::prepare(argv[2]);
            asi::measure_beside_processors();
        } else {
            return asi::usage();
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "asi-scale: %s\n", error.what());
        return 1;
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}
