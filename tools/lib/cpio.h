// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace asi {

/// An archive in the "newc" format that the kernel unpacks as its first root
/// (Documentation/driver-api/early-userspace/buffer-format.rst). Paths are
/// absolute; the first entry of a path stays, later ones are dropped.
class CpioArchive {
  public:
    void add_directory(const std::string& path);
    void add_file(const std::string& path, std::string_view contents, uint32_t permissions);
    void add_symlink(const std::string& path, const std::string& target);
    void add_character_device(const std::string& path, unsigned major, unsigned minor);
    [[nodiscard]] bool contains(const std::string& path) const { return paths_.contains(path); }

    /// The finished archive. Call once.
    [[nodiscard]] std::string finish();

  private:
    struct Device {
        unsigned major = 0;
        unsigned minor = 0;
    };
    void add(const std::string& path, uint32_t mode, std::string_view contents, Device device);

    std::string bytes_;
    std::set<std::string> paths_;
};

}  // namespace asi
