// SPDX-License-Identifier: GPL-2.0-only
//
// Process 1 of the guest: prepares a small system, runs one command, reports
// to the host and powers off.
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>

#include "guest_mounts.h"
#include "guest_relay.h"
#include "job.h"
#include "text.h"

namespace asi {

namespace {

std::string variable(const char* name) {
    const char* value = getenv(name);
    return value ? value : "";
}

void bring_up_loopback() {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    ifreq request{};
    std::snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    (void)ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

void start_processors() {
    for (const auto& entry : std::filesystem::directory_iterator("/sys/devices/system/cpu")) {
        const std::string online = entry.path() / "online";
        if (entry.path().filename().string().starts_with("cpu") &&
            std::filesystem::exists(online) && read_file(online) == "0\n")
            write_file(online, "1");
    }
}

void set_environment(const Job& job) {
    clearenv();
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/root", 1);
    setenv("TERM", "dumb", 1);
    for (const std::string& assignment : job.environment) {
        const size_t equals = assignment.find('=');
        setenv(assignment.substr(0, equals).c_str(), assignment.substr(equals + 1).c_str(), 1);
    }
}

void prepare(const Job& job) {
    const HeldBinds binds(job.binds);
    mount_writable_places_and_debug_interfaces();
    binds.apply();
    if (!job.out_directory.empty()) {
        if (job.out_is_mounted)
            mount_out_directory(job.out_directory);
        else
            make_directories(job.out_directory);
    }
    bring_up_loopback();
    if (job.start_processors) start_processors();
    (void)sethostname("vm", 2);
    set_environment(job);
    if (chdir(job.working_directory.c_str()) != 0) throw system_error(job.working_directory, errno);
}

void answer(Channel& channel) {
    const Job job = Job::decode(read_file(variable(kJobVariable)));
    prepare(job);
    const int status = run_command(job.command, channel);
    if (!job.out_directory.empty() && !job.out_is_mounted) send_files(job.out_directory, channel);
    sync();
    channel.send(FrameType::kStatus, std::to_string(status));
}

}  // namespace

}  // namespace asi

int main() {
    std::unique_ptr<asi::Channel> channel;
    try {
        asi::mount_kernel_interfaces();
        channel = std::make_unique<asi::Channel>(asi::variable(asi::kChannelVariable));
        channel->send(asi::FrameType::kHello, "");
        asi::answer(*channel);
        channel->finish();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "vm init: %s\n", error.what());
        try {
            if (channel) {
                channel->send(asi::FrameType::kFailure, error.what());
                channel->finish();
            }
        } catch (const std::exception&) {
            // The console has the message.
        }
    }
    reboot(RB_POWER_OFF);
    return 1;
}
