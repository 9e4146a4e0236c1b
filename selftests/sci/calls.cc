// SPDX-License-Identifier: GPL-2.0-only
//
// Everything a system call can do, in small steps.  calls.sh compares what a step
// says when it is isolated with what it says when it is not.
//
//   calls list			names of the steps
//   calls list_api		names of those about prctl() itself
//   calls MODE STEP		MODE: plain, learn, enforce or log; learn and the
//				others with :PROFILE
//   calls build_id		of the running kernel
//   calls loopback_up
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "isolation.h"
#include "step.h"

void pause_ms(unsigned ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

namespace {

cpu_set_t usable() {
    static const cpu_set_t set = [] {
        cpu_set_t found;
        CPU_ZERO(&found);
        need(::sched_getaffinity(0, sizeof(found), &found) == 0, "sched_getaffinity");
        return found;
    }();
    return set;
}

std::vector<Step> steps() {
    std::vector<Step> all;
    for (const auto& some : {process_steps(), signal_steps(), trace_steps(), memory_steps(),
                             file_steps(), wait_steps()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

int list(std::span<const Step> some) {
    for (const Step& step : some) say("%s", step.name);
    return 0;
}

/// The note that the linker left: name "GNU", type 3.
int build_id() {
    std::ifstream file("/sys/kernel/notes", std::ios::binary);
    const std::string notes(std::istreambuf_iterator<char>(file), {});
    std::size_t at = 0;
    while (at + 12 <= notes.size()) {
        unsigned head[3];
        std::memcpy(head, notes.data() + at, sizeof(head));
        const std::size_t name = at + 12;
        const std::size_t content = name + ((head[0] + 3) & ~3U);
        if (head[2] == 3 && notes.compare(name, 4, "GNU", 4) == 0) {
            for (unsigned i = 0; i < head[1]; ++i)
                std::printf("%02x", static_cast<unsigned char>(notes.at(content + i)));
            std::puts("");
            return 0;
        }
        at = content + ((head[1] + 3) & ~3U);
    }
    return 1;
}

int loopback_up() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (::ioctl(socket, SIOCGIFFLAGS, &request) != 0) return 1;
    if ((request.ifr_flags & IFF_UP) != 0) return 0;
    request.ifr_flags |= IFF_UP;
    return ::ioctl(socket, SIOCSIFFLAGS, &request) == 0 ? 0 : 1;
}

bool isolate(const std::string& mode) {
    const std::size_t colon = mode.find(':');
    const std::string word = mode.substr(0, colon);
    const std::string profile = colon == std::string::npos ? "default" : mode.substr(colon + 1);
    unsigned number = 0;
    if (word == "plain") return true;
    if (word == "learn") number = SCI_MODE_LEARN;
    if (word == "enforce") number = SCI_MODE_ENFORCE;
    if (word == "log") number = SCI_MODE_LOG;
    const sci_config config = all_calls(number, profile);
    if (sci(PR_SCI_ENABLE, &config) == 0) return true;
    std::fprintf(stderr, "calls: %s: %s\n", mode.c_str(), std::strerror(errno));
    return false;
}

}  // namespace

unsigned processors() {
    const cpu_set_t set = usable();
    return static_cast<unsigned>(CPU_COUNT(&set));
}

bool move_to(unsigned index) {
    const cpu_set_t set = usable();
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &set) || index-- != 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return ::sched_setaffinity(0, sizeof(one), &one) == 0 &&
               ::sched_getcpu() == static_cast<int>(cpu);
    }
    return false;
}

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words == std::vector<std::string>{"list"}) return list(steps());
    if (words == std::vector<std::string>{"list_api"}) return list(api_steps());
    if (words == std::vector<std::string>{"build_id"}) return build_id();
    if (words == std::vector<std::string>{"loopback_up"}) return loopback_up();
    // What steps execute.
    if (words.size() == 2 && words[0] == "exit") return std::stoi(words[1]);
    if (words == std::vector<std::string>{"isolation"}) {
        const sci_config config = current_isolation();
        say("mode %u flags %u profile %.32s", config.mode, config.flags, config.profile);
        return 0;
    }
    if (words.size() != 2) return 2;
    ::signal(SIGPIPE, SIG_IGN);
    // Nothing waits for ever.
    ::alarm(240);
    usable();
    std::vector<Step> all = steps();
    const auto api = api_steps();
    all.insert(all.end(), api.begin(), api.end());
    for (const Step& step : all) {
        if (words[1] != step.name) continue;
        if (!isolate(words[0])) return 3;
        step.run();
        say("end");
        return 0;
    }
    return 2;
}
