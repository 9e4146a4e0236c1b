// SPDX-License-Identifier: GPL-2.0-only
#include "cpio.h"

#include <sys/stat.h>

#include <cstdio>

namespace asi {

namespace {

constexpr char kTrailer[] = "TRAILER!!!";
constexpr size_t kAlignment = 4;

void align(std::string& bytes) {
    bytes.append((kAlignment - bytes.size() % kAlignment) % kAlignment, '\0');
}

void put_hexadecimal(std::string& bytes, size_t value) {
    char digits[9];
    std::snprintf(digits, sizeof(digits), "%08x", static_cast<unsigned>(value));
    bytes.append(digits);
}

}  // namespace

void CpioArchive::add(const std::string& path, uint32_t mode, std::string_view contents,
                      Device device) {
    if (!paths_.insert(path).second) return;
    // The kernel takes names relative to its root.
    const std::string name = path.substr(path.starts_with('/') ? 1 : 0);
    const size_t inode = paths_.size();
    const size_t links = 1, owner = 0, time = 0, checksum = 0;
    bytes_.append("070701");
    for (const size_t field :
         {inode, static_cast<size_t>(mode), owner, owner, links, time, contents.size(), size_t{0},
          size_t{0}, static_cast<size_t>(device.major), static_cast<size_t>(device.minor),
          name.size() + 1, checksum})
        put_hexadecimal(bytes_, field);
    bytes_.append(name).push_back('\0');
    align(bytes_);
    bytes_.append(contents);
    align(bytes_);
}

void CpioArchive::add_directory(const std::string& path) {
    if (path.empty() || path == "/") return;
    add(path, S_IFDIR | 0755, "", {});
}

void CpioArchive::add_file(const std::string& path, std::string_view contents,
                           uint32_t permissions) {
    add(path, S_IFREG | permissions, contents, {});
}

void CpioArchive::add_symlink(const std::string& path, const std::string& target) {
    add(path, S_IFLNK | 0777, target, {});
}

void CpioArchive::add_character_device(const std::string& path, unsigned major, unsigned minor) {
    add(path, S_IFCHR | 0600, "", {major, minor});
}

std::string CpioArchive::finish() {
    add(kTrailer, 0, "", {});
    return std::move(bytes_);
}

}  // namespace asi
