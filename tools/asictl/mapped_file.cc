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

MappedFile::MappedFile(const std::string& file) {
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    void* map = MAP_FAILED;
    int error = 0;
    if (fd < 0 || fstat(fd, &status) != 0) {
        error = errno;
    } else if (!S_ISREG(status.st_mode)) {
        error = EINVAL;
    } else if (status.st_size > 0) {
        map =
            mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) error = errno;
    }
    if (fd >= 0) close(fd);
    if (error != 0)
        throw Failure(ExitCode::kRuntime, "cannot read " + file + ": " + std::strerror(error));
    if (map != MAP_FAILED)
        bytes_ = {static_cast<const std::uint8_t*>(map), static_cast<std::size_t>(status.st_size)};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace asi::ctl
