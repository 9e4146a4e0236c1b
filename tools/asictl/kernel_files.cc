// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "failure.h"
#include "parse.h"

namespace asi::ctl {
namespace {

class FileDescriptor {
  public:
    FileDescriptor(const std::string& path, int flags)
        : fd_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
    ~FileDescriptor() {
        if (fd_ >= 0) close(fd_);
    }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;

    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

/// 0 or an errno.
int read_all(const std::string& path, std::string& text) {
    const FileDescriptor file(path, O_RDONLY);
    if (file.get() < 0) return errno;
    text.clear();
    char chunk[16384];
    for (;;) {
        const ssize_t got = read(file.get(), chunk, sizeof(chunk));
        if (got == 0) return 0;
        if (got > 0) {
            text.append(chunk, static_cast<std::size_t>(got));
        } else if (errno != EINTR) {
            return errno;
        }
    }
}

std::string reason_of(int error) {
    return std::strerror(error);
}

std::string first_line(std::string text) {
    text.resize(std::min(text.find('\n'), text.size()));
    return text;
}

bool exists(const std::string& path) {
    struct stat info;
    return stat(path.c_str(), &info) == 0;
}

bool is_debugfs(const std::string& path) {
    struct statfs info;
    return statfs(path.c_str(), &info) == 0 && info.f_type == DEBUGFS_MAGIC;
}

bool is_denial(int error) {
    return error == EACCES || error == EPERM;
}

}  // namespace

KernelFiles::KernelFiles(std::string sysfs_root, std::string debugfs_root)
    : sysfs_root_(std::move(sysfs_root)),
      sysfs_kernel_(sysfs_root_ + "/kernel"),
      sysfs_asi_(sysfs_kernel_ + "/asi"),
      debugfs_root_(std::move(debugfs_root)) {}

Status KernelFiles::status() const {
    const std::string path = state_path("status");
    std::string text;
    const int error = read_all(path, text);
    if (error == 0) return parse_status(text);
    if (!exists(sysfs_asi_)) {
        throw Failure(ExitCode::kNoAsi,
                      "the running kernel has no address space isolation (no " + sysfs_asi_ + ")");
    }
    throw Failure(ExitCode::kRuntime, "cannot read " + path + ": " + reason_of(error));
}

Status KernelFiles::require_on() const {
    Status status = this->status();
    if (status.state == "off") {
        std::string why = status.reason ? " (" + *status.reason + ")" : "";
        throw Failure(ExitCode::kAsiOff,
                      "address space isolation is off" + why + "; boot with asi=on to use this");
    }
    return status;
}

std::optional<Status> KernelFiles::find_status() const {
    try {
        return status();
    } catch (const Failure& failure) {
        if (failure.code() != ExitCode::kNoAsi) throw;
        return std::nullopt;
    }
}

Text KernelFiles::find_state(std::string_view name) const {
    const std::string path = state_path(name);
    std::string text;
    const int error = read_all(path, text);
    if (error == 0) return text;
    if (error == ENOENT) return std::nullopt;
    throw Failure(ExitCode::kRuntime,
                  "cannot read " + path + ": " +
                      (is_denial(error) && geteuid() != 0 ? "it needs root; run asictl as root"
                                                          : reason_of(error)));
}

std::string KernelFiles::state_path(std::string_view name) const {
    return sysfs_asi_ + "/" + std::string(name);
}

Text KernelFiles::find_sysfs(std::string_view path) const {
    std::string text;
    if (read_all(sysfs_root_ + "/" + std::string(path), text) != 0) return std::nullopt;
    return first_line(std::move(text));
}

Pairs KernelFiles::vulnerabilities() const {
    const std::string folder = sysfs_root_ + "/devices/system/cpu/vulnerabilities";
    const auto fail = [&](const std::string& what, const std::string& why) {
        throw Failure(ExitCode::kRuntime, "cannot read " + what + ": " + why);
    };
    std::error_code error;
    Pairs texts;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        std::string text;
        if (const int failed = read_all(entry.path(), text))
            fail(entry.path().string(), reason_of(failed));
        texts.emplace_back(entry.path().filename().string(), first_line(std::move(text)));
    }
    if (error) fail(folder, reason_of(error.value()));
    if (texts.empty()) fail(folder, "it is empty");
    std::sort(texts.begin(), texts.end());
    return texts;
}

Text KernelFiles::find_debugfs(std::string_view name) const {
    std::string text;
    if (read_all(debugfs_path(name), text) != 0) return std::nullopt;
    return text;
}

std::string KernelFiles::read_debugfs(std::string_view name) const {
    std::string text;
    if (const int error = read_all(debugfs_path(name), text)) fail_debugfs("read", name, error);
    return text;
}

int KernelFiles::write_debugfs(std::string_view name, std::string_view text) const {
    const FileDescriptor file(debugfs_path(name), O_WRONLY);
    if (file.get() < 0) fail_debugfs("write", name, errno);
    ssize_t written;
    do {
        written = write(file.get(), text.data(), text.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0) return errno;
    return static_cast<std::size_t>(written) == text.size() ? 0 : EMSGSIZE;
}

void KernelFiles::fail_write(std::string_view name, int error) const {
    fail_debugfs("write", name, error);
}

Text KernelFiles::build_id() const {
    std::string notes;
    if (read_all(sysfs_kernel_ + "/notes", notes) != 0) return std::nullopt;
    return parse_build_id(notes);
}

bool KernelFiles::has_debugfs(std::string_view name) const {
    // When the folder is not visible, opening the file says why.
    return !exists(debugfs_root_ + "/asi") || exists(debugfs_path(name));
}

std::string KernelFiles::debugfs_path(std::string_view name) const {
    return debugfs_root_ + "/asi/" + std::string(name);
}

void KernelFiles::fail_debugfs(std::string_view verb, std::string_view name, int error) const {
    const std::string what = "cannot " + std::string(verb) + " " + debugfs_path(name) + ": ";
    if (is_denial(error) && geteuid() != 0)
        throw Failure(ExitCode::kRuntime, what + "debugfs needs root; run asictl as root");
    if (is_denial(error)) {
        throw Failure(ExitCode::kRuntime,
                      what + reason_of(error) + " (does kernel lockdown forbid debugfs?)");
    }
    if (error == ENOENT && !exists(debugfs_root_ + "/asi")) {
        if (is_debugfs(debugfs_root_))
            throw Failure(ExitCode::kRuntime, what + "debugfs has no asi folder");
        throw Failure(ExitCode::kRuntime, what +
                                              "debugfs is not mounted; mount it with: "
                                              "mount -t debugfs none " +
                                              debugfs_root_);
    }
    throw Failure(ExitCode::kRuntime, what + reason_of(error));
}

void write_user_file(const std::string& path, std::string_view text) {
    const auto fail = [&](int error) {
        throw Failure(ExitCode::kRuntime, "cannot write " + path + ": " + reason_of(error));
    };
    const FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.get() < 0) fail(errno);
    while (!text.empty()) {
        const ssize_t written = write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail(errno);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::string read_user_file(const std::string& path) {
    std::string text;
    if (const int error = read_all(path, text))
        throw Failure(ExitCode::kRuntime, "cannot read " + path + ": " + reason_of(error));
    return text;
}

}  // namespace asi::ctl
