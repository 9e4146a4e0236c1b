// SPDX-License-Identifier: GPL-2.0-only
#include "kvm_stats.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "unique_fd.h"

namespace asi {
namespace {

// kvm_stats_desc without the name behind it: in C++ the kernel's header gives it another size.
struct Descriptor {
    uint32_t flags;
    int16_t exponent;
    uint16_t size;
    uint32_t offset;
    uint32_t bucket_size;
};
static_assert(sizeof(Descriptor) == 16);

}  // namespace

// [linux] Documentation/virt/kvm/api.rst, 4.133 KVM_GET_STATS_FD.
std::optional<uint64_t> read_kvm_statistic(int fd, std::string_view name) {
    const UniqueFd stats(::ioctl(fd, KVM_GET_STATS_FD, nullptr));
    kvm_stats_header header;
    if (!stats.valid() || ::pread(stats.get(), &header, sizeof(header), 0) != sizeof(header))
        return std::nullopt;

    const size_t entry_size = sizeof(Descriptor) + header.name_size;
    std::vector<char> table(entry_size * header.num_desc);
    if (::pread(stats.get(), table.data(), table.size(), header.desc_offset) !=
        static_cast<ssize_t>(table.size()))
        return std::nullopt;

    for (uint32_t i = 0; i < header.num_desc; ++i) {
        Descriptor descriptor;
        const char* entry = table.data() + i * entry_size;
        std::memcpy(&descriptor, entry, sizeof(descriptor));
        const char* entry_name = entry + sizeof(descriptor);
        if (std::string_view(entry_name, ::strnlen(entry_name, header.name_size)) != name) continue;
        uint64_t value;
        if (::pread(stats.get(), &value, sizeof(value), header.data_offset + descriptor.offset) !=
            sizeof(value))
            return std::nullopt;
        return value;
    }
    return std::nullopt;
}

}  // namespace asi
