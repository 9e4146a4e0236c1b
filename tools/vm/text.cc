// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace asi {

RunError system_error(const std::string& what, int error_number) {
    return RunError(what + ": " + std::strerror(error_number));
}

std::string read_file(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw system_error(path, errno);
    std::string contents;
    char buffer[65536];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof(buffer))) > 0) contents.append(buffer, got);
    const int error_number = errno;
    close(fd);
    if (got < 0) throw system_error(path, error_number);
    return contents;
}

void write_file(const std::string& path, std::string_view contents) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) throw system_error(path, errno);
    while (!contents.empty()) {
        const ssize_t put = write(fd, contents.data(), contents.size());
        if (put < 0) {
            const int error_number = errno;
            close(fd);
            throw system_error(path, error_number);
        }
        contents.remove_prefix(put);
    }
    close(fd);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> pieces;
    while (!text.empty()) {
        const size_t end = text.find(separator);
        pieces.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return pieces;
}

}  // namespace asi
