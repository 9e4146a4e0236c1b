// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory.h"

namespace asi {

/// A bzImage with a 64-bit entry point and what belongs to it, checked but not loaded.
/// [linux] Documentation/arch/x86/boot.rst.
class LinuxImage {
  public:
    /// Throws a usage error that names the file which cannot be used.
    /// `initrd_path` may be empty. `memory_size` is what the guest will have.
    LinuxImage(const std::string& kernel_path, const std::string& initrd_path,
               std::string command_line, uint64_t memory_size);

    /// Puts kernel, initrd, command line and boot_params into `memory`.
    void load(const GuestMemory& memory, uint64_t rsdp_address) const;

    uint64_t entry_address() const;

  private:
    std::vector<uint8_t> kernel_;
    std::vector<uint8_t> initrd_;
    std::string command_line_;
    uint64_t memory_size_;
    size_t setup_size_ = 0;
    uint64_t load_address_ = 0;
    uint64_t initrd_address_ = 0;
};

}  // namespace asi
