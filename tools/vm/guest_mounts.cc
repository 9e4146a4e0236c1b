// SPDX-License-Identifier: GPL-2.0-only
#include "guest_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "text.h"

namespace asi {

namespace {

enum class Need : bool { kOptional, kRequired };

void mount_one(const char* type, const char* target, const char* options, Need need) {
    make_directories(target);
    // EBUSY: the kernel has mounted it already (CONFIG_DEVTMPFS_MOUNT).
    if (mount(type, target, type, 0, options) == 0 || errno == EBUSY) return;
    if (need == Need::kRequired) throw system_error(std::string("mount ") + target, errno);
}

std::string parent_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

}  // namespace

void make_directories(const std::string& path) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
        (void)mkdir(path.substr(0, slash).c_str(), 0755);
    (void)mkdir(path.c_str(), 0755);
}

void mount_kernel_interfaces() {
    mount_one("proc", "/proc", "", Need::kRequired);
    mount_one("sysfs", "/sys", "", Need::kRequired);
    mount_one("devtmpfs", "/dev", "mode=0755", Need::kRequired);
}

HeldBinds::HeldBinds(const std::vector<std::pair<std::string, std::string>>& binds) {
    for (const auto& [source, target] : binds) {
        const int fd = open(source.c_str(), O_PATH | O_CLOEXEC);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) != 0) throw system_error(source, errno);
        held_.push_back({fd, S_ISDIR(status.st_mode), target});
    }
}

HeldBinds::~HeldBinds() {
    for (const Held& held : held_) close(held.fd);
}

void HeldBinds::apply() const {
    for (const Held& held : held_) {
        if (held.is_directory) {
            make_directories(held.target);
        } else {
            make_directories(parent_of(held.target));
            const int fd = open(held.target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
            if (fd >= 0) close(fd);
        }
        const std::string source = "/proc/self/fd/" + std::to_string(held.fd);
        if (mount(source.c_str(), held.target.c_str(), nullptr, MS_BIND, nullptr) != 0)
            throw system_error("no place for " + held.target, errno);
    }
}

void mount_writable_places_and_debug_interfaces() {
    mount_one("devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666", Need::kOptional);
    mount_one("tmpfs", "/dev/shm", "mode=1777", Need::kOptional);
    mount_one("tmpfs", "/run", "mode=0755", Need::kOptional);
    mount_one("tmpfs", "/tmp", "mode=1777", Need::kOptional);
    mount_one("tmpfs", "/var/tmp", "mode=1777", Need::kOptional);
    mount_one("cgroup2", "/sys/fs/cgroup", "", Need::kOptional);
    mount_one("debugfs", "/sys/kernel/debug", "", Need::kOptional);
    mount_one("tracefs", "/sys/kernel/tracing", "", Need::kOptional);
    // The symlinks a device manager would make; shells and test programs rely on them.
    (void)symlink("/proc/self/fd", "/dev/fd");
    (void)symlink("/proc/self/fd/0", "/dev/stdin");
    (void)symlink("/proc/self/fd/1", "/dev/stdout");
    (void)symlink("/proc/self/fd/2", "/dev/stderr");
}

void mount_out_directory(const std::string& path) {
    make_directories(path);
    if (mount(kOutTag, path.c_str(), "9p", 0,
              "trans=virtio,version=9p2000.L,msize=512000,cache=mmap") != 0)
        throw system_error("mount " + path, errno);
}

}  // namespace asi
