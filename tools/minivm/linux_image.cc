// SPDX-License-Identifier: GPL-2.0-only
#include "linux_image.h"

#include <asm/bootparam.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "error.h"
#include "file_io.h"
#include "layout.h"

namespace asi {
namespace {

constexpr uint32_t kHeaderMagic = 0x53726448;  // "HdrS"
constexpr uint16_t kOldestVersion = 0x020c;    // the first with xloadflags
constexpr size_t kHeaderOffset = offsetof(boot_params, hdr);
constexpr size_t kSectorSize = 512;
constexpr uint64_t kEntryOffset64 = 0x200;
constexpr uint8_t kLoaderUndefined = 0xff;
constexpr uint32_t kRam = 1;
constexpr uint32_t kReserved = 2;

setup_header header_of(const std::vector<uint8_t>& kernel) {
    setup_header header{};
    if (kernel.size() >= kHeaderOffset + sizeof(header))
        std::memcpy(&header, kernel.data() + kHeaderOffset, sizeof(header));
    return header;
}

void add_e820(boot_params& params, uint64_t start, uint64_t end, uint32_t type) {
    boot_e820_entry& entry = params.e820_table[params.e820_entries++];
    entry.addr = start;
    entry.size = end - start;
    entry.type = type;
}

}  // namespace

LinuxImage::LinuxImage(const std::string& kernel_path, const std::string& initrd_path,
                       std::string command_line, uint64_t memory_size)
    : kernel_(read_file(kernel_path)),
      command_line_(std::move(command_line)),
      memory_size_(memory_size) {
    const auto unusable = [&kernel_path](const char* reason) {
        return usage_error("--kernel: '" + kernel_path + "' " + reason);
    };
    const setup_header header = header_of(kernel_);
    if (header.header != kHeaderMagic || header.boot_flag != 0xaa55)
        throw unusable("is not a bzImage");
    if (header.version < kOldestVersion) throw unusable("speaks too old a boot protocol");
    if (!(header.xloadflags & XLF_KERNEL_64)) throw unusable("has no 64-bit entry point");

    const size_t setup_sectors = header.setup_sects ? header.setup_sects : 4;
    setup_size_ = (setup_sectors + 1) * kSectorSize;
    if (kernel_.size() < setup_size_ + size_t{header.syssize} * 16) throw unusable("is truncated");
    load_address_ = header.pref_address;
    const uint64_t kernel_end =
        load_address_ + std::max<uint64_t>(header.init_size, kernel_.size() - setup_size_);
    if (load_address_ < kHighMemoryStart || kernel_end > memory_size)
        throw usage_error("--mem: too small for '" + kernel_path + "'");
    if (command_line_.size() > header.cmdline_size)
        throw usage_error("--append: longer than the kernel takes (" +
                          std::to_string(header.cmdline_size) + " bytes)");

    if (initrd_path.empty()) return;
    initrd_ = read_file(initrd_path);
    const uint64_t top = std::min<uint64_t>(memory_size, uint64_t{header.initrd_addr_max} + 1);
    if (initrd_.size() > top || ((top - initrd_.size()) & ~4095ull) < kernel_end)
        throw usage_error("--mem: too small for '" + initrd_path + "' beside the kernel");
    initrd_address_ = (top - initrd_.size()) & ~4095ull;
}

void LinuxImage::load(const GuestMemory& memory, uint64_t rsdp_address) const {
    memory.write(load_address_, kernel_.data() + setup_size_, kernel_.size() - setup_size_);
    memory.write(kCommandLineAddress, command_line_.c_str(), command_line_.size() + 1);
    if (!initrd_.empty()) memory.write(initrd_address_, initrd_.data(), initrd_.size());

    boot_params params{};
    // The header ends where its jump instruction leads; what lies behind must stay zero.
    const size_t header_size =
        std::min<size_t>(kernel_[0x201] + 0x202 - kHeaderOffset, sizeof(params.hdr));
    std::memcpy(&params.hdr, kernel_.data() + kHeaderOffset, header_size);
    params.hdr.type_of_loader = kLoaderUndefined;
    params.hdr.cmd_line_ptr = kCommandLineAddress;
    params.hdr.ramdisk_image = initrd_address_;
    params.hdr.ramdisk_size = initrd_.size();
    params.acpi_rsdp_addr = rsdp_address;
    add_e820(params, 0, kLowMemoryEnd, kRam);
    add_e820(params, kLowMemoryEnd, kHighMemoryStart, kReserved);
    add_e820(params, kHighMemoryStart, memory_size_, kRam);
    memory.put(kBootParamsAddress, params);
}

uint64_t LinuxImage::entry_address() const {
    return load_address_ + kEntryOffset64;
}

}  // namespace asi
