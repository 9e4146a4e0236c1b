// SPDX-License-Identifier: GPL-2.0-only
#include "mkinitrd.h"

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

#include "../lib/cpio.h"
#include "file_io.h"
#include "guest_code.h"

namespace asi {
namespace {

std::string_view text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void add_parents(CpioArchive& archive, const std::string& path) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
        archive.add_directory(path.substr(0, slash));
}

/// The part of DEST that is stored; throws for paths an archive can't hold.
std::string stored_path(const std::string& argument, const std::string& destination) {
    const std::string path = (destination.starts_with('/') ? "" : "/") + destination;
    const std::string framed = path + "/";
    if (framed.find("//") != std::string::npos || framed.find("/./") != std::string::npos ||
        framed.find("/../") != std::string::npos)
        throw usage_error("--add: bad destination in '" + argument + "'");
    return path;
}

void add_file(CpioArchive& archive, const std::string& argument) {
    const size_t colon = argument.rfind(':');
    const std::string source = argument.substr(0, colon);
    const std::string destination = colon == std::string::npos
                                        ? source.substr(source.rfind('/') + 1)
                                        : argument.substr(colon + 1);
    const std::string path = stored_path(argument, destination);
    const std::vector<uint8_t> content = read_file(source);
    struct stat info {};
    ::stat(source.c_str(), &info);

    add_parents(archive, path);
    if (archive.contains(path)) throw usage_error("--add: '" + path + "' is there twice");
    archive.add_file(path, text(content), info.st_mode & 0777u);
}

}  // namespace

ExitStatus run_mkinitrd(const InitrdOptions& options) {
    CpioArchive archive;
    for (const std::string& argument : options.add) add_file(archive, argument);
    for (const char* directory : {"/dev", "/proc", "/sys", "/tmp"})
        archive.add_directory(directory);
    archive.add_character_device("/dev/console", 5, 1);
    archive.add_file("/init", text(guest_hello_program()), 0755);

    const std::string bytes = archive.finish();
    write_file(options.out, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    return ExitStatus::kOk;
}

}  // namespace asi
