// SPDX-License-Identifier: GPL-2.0-only
#include "netns_names.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "failure.h"

namespace asi::ctl {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& why) {
    throw Failure(ExitCode::kRuntime, what + ": " + why);
}

std::string reason_to_refuse(int error) {
    switch (error) {
        case EPERM:
        case EACCES:
            return "not permitted: it takes CAP_NET_ADMIN there, and what is locked stays";
        case ENOSPC:
            return "the reserve is promised to other namespaces; boot with a larger "
                   "netns_asi=on,SIZE";
        default:
            return std::strerror(error);
    }
}

}  // namespace

Number NetnsNames::find(const std::string& name) const {
    struct stat info;
    if (name.empty() || name.find('/') != std::string::npos) return std::nullopt;
    if (stat((root_ + "/" + name).c_str(), &info) != 0) return std::nullopt;
    return info.st_ino;
}

void NetnsNames::add_names(NetnsList& list) const {
    std::error_code error;
    std::map<std::uint64_t, std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(root_, error)) {
        const std::string name = entry.path().filename().string();
        if (const Number inum = find(name)) names.emplace(*inum, name);
    }
    for (NetnsState& state : list.namespaces) {
        const auto found = state.inum ? names.find(*state.inum) : names.end();
        if (found != names.end()) state.name = found->second;
    }
}

void NetnsNames::enter(const std::string& name) const {
    if (!find(name)) fail("no namespace '" + name + "'", "see ip netns list");
    const int fd = open((root_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    const int error = fd < 0 || setns(fd, CLONE_NEWNET) != 0 ? errno : 0;
    if (fd >= 0) close(fd);
    if (error != 0) fail("cannot enter namespace '" + name + "'", std::strerror(error));
}

void NetnsNames::write_switch(unsigned value) const {
    const int fd = open(switch_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        throw Failure(ExitCode::kAsiOff,
                      "isolation of network namespaces is off; boot with netns_asi=on");
    if (fd < 0) fail("cannot write " + switch_, reason_to_refuse(errno));
    const std::string text = std::to_string(value) + "\n";
    const ssize_t written = write(fd, text.data(), text.size());
    const int error = errno;
    close(fd);
    if (written < 0) fail("cannot write " + switch_, reason_to_refuse(error));
}

}  // namespace asi::ctl
