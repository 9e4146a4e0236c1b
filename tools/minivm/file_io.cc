// SPDX-License-Identifier: GPL-2.0-only
#include "file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "error.h"
#include "unique_fd.h"

namespace asi {
namespace {

Error file_error(const char* verb, const std::string& path, const char* reason) {
    return usage_error(std::string("cannot ") + verb + " '" + path + "': " + reason);
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!file.valid() || ::fstat(file.get(), &info) != 0)
        throw file_error("read", path, std::strerror(errno));
    if (!S_ISREG(info.st_mode)) throw file_error("read", path, "not a regular file");

    std::vector<uint8_t> bytes(info.st_size);
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
        if (got < 0) throw file_error("read", path, std::strerror(errno));
        if (got == 0) throw file_error("read", path, "it became shorter");
        done += got;
    }
    return bytes;
}

void write_file(const std::string& path, std::span<const uint8_t> bytes) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file.valid()) throw file_error("write", path, std::strerror(errno));
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written <= 0) throw file_error("write", path, std::strerror(errno));
        bytes = bytes.subspan(written);
    }
}

}  // namespace asi
