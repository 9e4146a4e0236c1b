// SPDX-License-Identifier: GPL-2.0-only
#include "counters.h"

#include <ctime>
#include <fstream>
#include <sstream>

namespace asi {
namespace {

Counters read_numbers(const char* path) {
    Counters counters;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key;
        uint64_t value;
        if (words >> key >> value) counters[key] = value;
    }
    return counters;
}

}  // namespace

Counters read_isolation_counters() {
    Counters counters = read_numbers("/sys/kernel/asi/status");
    counters.merge(read_numbers("/sys/kernel/debug/asi/stats"));
    // States, not counts.
    counters.erase("levels");
    counters.erase("domains");
    return counters;
}

uint64_t read_free_pages() {
    return read_numbers("/proc/vmstat")["nr_free_pages"];
}

std::string json_difference(const Counters& before, const Counters& after) {
    if (after.empty()) return "null";
    std::string text = "{";
    for (const auto& [key, value] : after) {
        const auto old = before.find(key);
        if (text.size() > 1) text += ", ";
        const uint64_t count = value - (old == before.end() ? 0 : old->second);
        text += '"' + key + "\": " + std::to_string(count);
    }
    return text + "}";
}

uint64_t now_nanoseconds() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000ull + now.tv_nsec;
}

}  // namespace asi
