// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "error.h"
#include "guard.h"
#include "unique_fd.h"
#include "userfault.h"

namespace asi {
namespace {

constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

/// A file that lives in memory, of `size` bytes; or none, for anonymous memory.
UniqueFd file_for(Backing backing, size_t size) {
    if (backing == Backing::kGuard) return create_guard_memory(size);
    if (backing != Backing::kHugetlb && backing != Backing::kShmem) return UniqueFd();
    const bool huge = backing == Backing::kHugetlb;
    UniqueFd file(::memfd_create("guest", MFD_CLOEXEC | (huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0)));
    if (!file.valid() && huge)
        throw system_error("guest memory of hugetlb (has the kernel CONFIG_HUGETLBFS?)", errno);
    checked("memfd_create", file.get());
    checked("ftruncate", ::ftruncate(file.get(), static_cast<off_t>(size)));
    return file;
}

}  // namespace

GuestMemory::GuestMemory(uint64_t base, size_t size, Backing backing)
    : base_(base),
      size_(size),
      backing_(backing),
      mapped_size_((size + page_size() - 1) / page_size() * page_size()) {
    map();
    try {
        prepare();
    } catch (...) {
        ::munmap(host_, mapped_size_);
        throw;
    }
}

GuestMemory::~GuestMemory() {
    resolver_.reset();
    ::munmap(host_, mapped_size_);
}

void GuestMemory::map() {
    const UniqueFd file = file_for(backing_, mapped_size_);
    // Huge pages need an address that is a multiple of their size.
    const size_t room = mapped_size_ < kHugePageSize ? mapped_size_ : mapped_size_ + kHugePageSize;
    void* reserved = ::mmap(nullptr, room, PROT_NONE, kAnonymous, -1, 0);
    if (reserved == MAP_FAILED) throw system_error("mapping guest memory", errno);
    auto* start = static_cast<uint8_t*>(reserved);
    const size_t before =
        room == mapped_size_ ? 0 : -reinterpret_cast<uintptr_t>(start) % kHugePageSize;
    if (before > 0) ::munmap(start, before);
    if (room > before + mapped_size_)
        ::munmap(start + before + mapped_size_, room - before - mapped_size_);
    void* where = start + before;
    host_ = ::mmap(where, mapped_size_, PROT_READ | PROT_WRITE,
                   MAP_FIXED | (file.valid() ? MAP_SHARED : kAnonymous), file.get(), 0);
    if (host_ != MAP_FAILED) return;
    const int error = errno;
    ::munmap(where, mapped_size_);
    throw system_error(backing_ == Backing::kHugetlb
                           ? "guest memory of hugetlb (are enough in /proc/sys/vm/nr_hugepages?)"
                           : "mapping guest memory",
                       error);
}

void GuestMemory::prepare() {
    switch (backing_) {
        case Backing::kPopulatedSmallPages:
            // MAP_POPULATE would choose the page size before the advice is given, so touch by hand.
            // A kernel without huge pages rejects the advice, and needs none.
            (void)::madvise(host_, size_, MADV_NOHUGEPAGE);
            for (size_t offset = 0; offset < size_; offset += 4096)
                static_cast<volatile uint8_t*>(host_)[offset] = 0;
            break;
        case Backing::kMergeable:
            advise(0, size_, MADV_MERGEABLE, "mergeable guest memory (has the kernel CONFIG_KSM?)");
            break;
        case Backing::kUserfault:
            resolver_ = std::make_unique<FaultResolver>(static_cast<uint8_t*>(host_), size_);
            break;
        default:
            break;
    }
}

void GuestMemory::advise(size_t offset, size_t size, int advice, const char* what) const {
    checked(what, ::madvise(static_cast<uint8_t*>(host_) + offset, size, advice));
}

void GuestMemory::replace_pages() const {
    if (backing_ == Backing::kHugetlb || backing_ == Backing::kShmem ||
        backing_ == Backing::kUserfault)
        return push_out(0, mapped_size_);
    void* fresh = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, kAnonymous, -1, 0);
    if (fresh == MAP_FAILED) throw system_error("mapping guest memory", errno);
    std::memcpy(fresh, host_, size_);
    if (::mremap(fresh, size_, size_, MREMAP_MAYMOVE | MREMAP_FIXED, host_) == MAP_FAILED) {
        const int error = errno;
        ::munmap(fresh, size_);
        throw system_error("replacing guest memory", error);
    }
    if (backing_ == Backing::kMergeable) advise(0, size_, MADV_MERGEABLE, "MADV_MERGEABLE");
}

void GuestMemory::discard(size_t offset, size_t size) const {
    if (backing_ == Backing::kHugetlb || backing_ == Backing::kShmem)
        return advise(offset, size, MADV_REMOVE, "MADV_REMOVE");
    if (resolver_) return resolver_->drop(offset, size);
    advise(offset, size, MADV_DONTNEED, "MADV_DONTNEED");
}

bool GuestMemory::discard_later(size_t offset, size_t size) const {
    // Of these the kernel's own copy of the content, or the resolver's, would stay.
    if (backing_ == Backing::kHugetlb || backing_ == Backing::kShmem ||
        backing_ == Backing::kGuard || resolver_)
        return false;
    advise(offset, size, MADV_FREE, "MADV_FREE");
    return true;
}

void GuestMemory::push_out(size_t offset, size_t size) const {
    if (resolver_) return resolver_->take(offset, size);
    // A shared file keeps what is in it. Huge pages are not swapped.
    if (backing_ == Backing::kHugetlb || backing_ == Backing::kShmem)
        advise(offset, size, MADV_DONTNEED, "MADV_DONTNEED");
    if (backing_ != Backing::kHugetlb) advise(offset, size, MADV_PAGEOUT, "MADV_PAGEOUT");
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
