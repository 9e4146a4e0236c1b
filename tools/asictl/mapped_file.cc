// SPDX-License-Identifier: GPL-2.0-only
#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "failure.h"

namespace asi::ctl {

namespace {

/// An error number, or 0 with all of the file in @bytes.
int map_file(int fd, std::span<const std::uint8_t>& bytes) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return errno;
    if (!S_ISREG(status.st_mode)) return EINVAL;
    if (status.st_size == 0) return 0;
    const auto size = static_cast<std::size_t>(status.st_size);
    const void* map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) return errno;
    bytes = {static_cast<const std::uint8_t*>(map), size};
    return 0;
}

}  // namespace

MappedFile::MappedFile(const std::string& file) {
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const int error = fd < 0 ? errno : map_file(fd, bytes_);
    if (fd >= 0) close(fd);
    if (error != 0)
        throw Failure(ExitCode::kRuntime, "cannot read " + file + ": " + std::strerror(error));
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace asi::ctl
