// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

#include <sys/mman.h>

#include <cerrno>

#include "error.h"

namespace asi {

GuestMemory::GuestMemory(uint64_t base, size_t size, Backing backing) : base_(base), size_(size) {
    host_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host_ == MAP_FAILED) throw system_error("mapping guest memory", errno);
    if (backing != Backing::kPopulatedSmallPages) return;

    // MAP_POPULATE would choose the page size before the advice is given, so touch by hand. A
    // kernel without huge pages rejects the advice, and needs none.
    (void)::madvise(host_, size, MADV_NOHUGEPAGE);
    for (size_t offset = 0; offset < size; offset += 4096)
        static_cast<volatile uint8_t*>(host_)[offset] = 0;
}

GuestMemory::~GuestMemory() {
    ::munmap(host_, size_);
}

void GuestMemory::replace_pages() const {
    void* fresh = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh == MAP_FAILED) throw system_error("mapping guest memory", errno);
    std::memcpy(fresh, host_, size_);
    if (::mremap(fresh, size_, size_, MREMAP_MAYMOVE | MREMAP_FIXED, host_) == MAP_FAILED) {
        const int error = errno;
        ::munmap(fresh, size_);
        throw system_error("replacing guest memory", error);
    }
}

std::span<uint8_t> GuestMemory::at(uint64_t address, size_t size) const {
    if (address < base_ || address - base_ > size_ || size > size_ - (address - base_))
        throw Error(ExitStatus::kGuestFailed, "guest address out of guest memory");
    return {static_cast<uint8_t*>(host_) + (address - base_), size};
}

void GuestMemory::write(uint64_t address, const void* data, size_t size) const {
    std::memcpy(at(address, size).data(), data, size);
}

}  // namespace asi
