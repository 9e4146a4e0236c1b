// SPDX-License-Identifier: GPL-2.0-only
#include "cpio.h"

#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <span>

#include "file_io.h"
#include "guest_code.h"

namespace asi {
namespace {

using Buffer = std::vector<uint8_t>;

struct Entry {
    uint32_t mode;
    Buffer content;
    uint32_t device_major = 0;
    uint32_t device_minor = 0;
};

/// By path without the leading slash: a directory sorts before what is in it.
using Entries = std::map<std::string, Entry>;

void pad_to_four(Buffer& archive) {
    while (archive.size() % 4 != 0) archive.push_back(0);
}

/// [linux] Documentation/driver-api/early-userspace/buffer-format.rst.
void append_entry(Buffer& archive, const std::string& path, const Entry& entry, unsigned inode) {
    constexpr size_t kHeaderSize = 110;
    char header[kHeaderSize + 1];
    std::snprintf(header, sizeof(header),
                  "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", inode, entry.mode,
                  0u, 0u, S_ISDIR(entry.mode) ? 2u : 1u, 0u, entry.content.size(), 0u, 0u,
                  entry.device_major, entry.device_minor, path.size() + 1, 0u);
    archive.insert(archive.end(), header, header + kHeaderSize);
    archive.insert(archive.end(), path.begin(), path.end());
    archive.push_back(0);
    pad_to_four(archive);
    archive.insert(archive.end(), entry.content.begin(), entry.content.end());
    pad_to_four(archive);
}

void add_parents(Entries& entries, const std::string& path) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1))
        entries.try_emplace(path.substr(0, slash), Entry{S_IFDIR | 0755, {}});
}

/// The part of DEST that is stored; throws for paths an archive can't hold.
std::string stored_path(const std::string& argument, const std::string& destination) {
    const std::string path = destination.starts_with('/') ? destination.substr(1) : destination;
    const std::string framed = "/" + path + "/";
    if (path.empty() || path.ends_with('/') || framed.find("//") != std::string::npos ||
        framed.find("/./") != std::string::npos || framed.find("/../") != std::string::npos)
        throw usage_error("--add: bad destination in '" + argument + "'");
    return path;
}

void add_file(Entries& entries, const std::string& argument) {
    const size_t colon = argument.rfind(':');
    const std::string source = argument.substr(0, colon);
    const std::string destination = colon == std::string::npos
                                        ? source.substr(source.rfind('/') + 1)
                                        : argument.substr(colon + 1);
    const std::string path = stored_path(argument, destination);
    Buffer content = read_file(source);
    struct stat info {};
    ::stat(source.c_str(), &info);

    add_parents(entries, path);
    Entry entry{S_IFREG | (info.st_mode & 0777u), std::move(content)};
    if (!entries.try_emplace(path, std::move(entry)).second)
        throw usage_error("--add: '" + path + "' is there twice");
}

}  // namespace

ExitStatus run_mkinitrd(const InitrdOptions& options) {
    Entries entries;
    for (const std::string& argument : options.add) add_file(entries, argument);
    add_parents(entries, "dev/console");
    for (const char* mount_point : {"proc", "sys", "tmp"})
        entries.try_emplace(mount_point, Entry{S_IFDIR | 0755, {}});
    entries.try_emplace("dev/console", Entry{S_IFCHR | 0600, {}, 5, 1});
    const auto init = guest_hello_program();
    entries.try_emplace("init", Entry{S_IFREG | 0755, Buffer(init.begin(), init.end())});

    Buffer archive;
    unsigned inode = 1;
    for (const auto& [path, entry] : entries) append_entry(archive, path, entry, inode++);
    append_entry(archive, "TRAILER!!!", Entry{0, {}}, 0);
    write_file(options.out, archive);
    return ExitStatus::kOk;
}

}  // namespace asi
