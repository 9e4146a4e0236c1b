// SPDX-License-Identifier: GPL-2.0-only
#include "userfault.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "error.h"

namespace asi {
namespace {

constexpr size_t kPageSize = 4096;

UniqueFd open_userfaultfd() {
    UniqueFd fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    if (!fd.valid())
        throw system_error("guest memory of userfault (has the kernel CONFIG_USERFAULTFD?)", errno);
    uffdio_api api{};
    api.api = UFFD_API;
    checked("UFFDIO_API", ::ioctl(fd.get(), UFFDIO_API, &api));
    return fd;
}

}  // namespace

FaultResolver::FaultResolver(uint8_t* memory, size_t size)
    : memory_(memory),
      size_(size),
      fd_(open_userfaultfd()),
      stop_(checked("eventfd", ::eventfd(0, EFD_CLOEXEC))),
      taken_(size / kPageSize) {
    uffdio_register request{};
    request.range = {reinterpret_cast<uintptr_t>(memory), size};
    request.mode = UFFDIO_REGISTER_MODE_MISSING;
    checked("UFFDIO_REGISTER", ::ioctl(fd_.get(), UFFDIO_REGISTER, &request));
    void* store = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (store == MAP_FAILED) throw system_error("mapping a store for guest memory", errno);
    store_ = static_cast<uint8_t*>(store);
    thread_ = std::thread([this] { work(); });
}

FaultResolver::~FaultResolver() {
    const uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof(one)) == sizeof(one)) thread_.join();
    ::munmap(store_, size_);
}

void FaultResolver::take(size_t offset, size_t size) {
    const std::lock_guard guard(lock_);
    for (size_t at = offset; at < offset + size; at += kPageSize) {
        if (taken_[at / kPageSize]) continue;
        // In one step: what is written before goes along, who writes afterwards waits for it.
        if (::mremap(memory_ + at, kPageSize, kPageSize,
                     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, store_ + at) == MAP_FAILED)
            throw system_error("taking a page of guest memory", errno);
        taken_[at / kPageSize] = true;
    }
}

void FaultResolver::drop(size_t offset, size_t size) {
    const std::lock_guard guard(lock_);
    checked("MADV_DONTNEED", ::madvise(memory_ + offset, size, MADV_DONTNEED));
    for (size_t at = offset; at < offset + size; at += kPageSize) taken_[at / kPageSize] = false;
}

void FaultResolver::wake(size_t page) const {
    uffdio_range range{reinterpret_cast<uintptr_t>(memory_) + page * kPageSize, kPageSize};
    checked("UFFDIO_WAKE", ::ioctl(fd_.get(), UFFDIO_WAKE, &range));
}

void FaultResolver::resolve(size_t page) {
    const std::lock_guard guard(lock_);
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_) + page * kPageSize;
    uint8_t* stored = store_ + page * kPageSize;
    int result;
    if (taken_[page]) {
        uffdio_copy copy{};
        copy.dst = address;
        copy.src = reinterpret_cast<uintptr_t>(stored);
        copy.len = kPageSize;
        result = ::ioctl(fd_.get(), UFFDIO_COPY, &copy);
    } else {
        uffdio_zeropage zero{};
        zero.range = {address, kPageSize};
        result = ::ioctl(fd_.get(), UFFDIO_ZEROPAGE, &zero);
    }
    // Somebody else's fault on the same page came first.
    if (result < 0 && errno == EEXIST) return wake(page);
    checked(taken_[page] ? "UFFDIO_COPY" : "UFFDIO_ZEROPAGE", result);
    ++(taken_[page] ? copied_ : zeroed_);
    if (!taken_[page]) return;
    taken_[page] = false;
    checked("MADV_DONTNEED", ::madvise(stored, kPageSize, MADV_DONTNEED));
}

void FaultResolver::work() {
    try {
        for (;;) {
            pollfd files[] = {{fd_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            if (::poll(files, 2, -1) < 0 && errno != EINTR) throw system_error("poll", errno);
            if (files[1].revents) return;
            uffd_msg message;
            if (::read(fd_.get(), &message, sizeof(message)) != sizeof(message)) continue;
            if (message.event != UFFD_EVENT_PAGEFAULT) continue;
            resolve((message.arg.pagefault.address - reinterpret_cast<uintptr_t>(memory_)) /
                    kPageSize);
        }
    } catch (const std::exception& error) {
        // All that wait for a page would wait for ever.
        std::fprintf(stderr, "minivm: %s\n", error.what());
        ::_exit(static_cast<int>(ExitStatus::kGuestFailed));
    }
}

}  // namespace asi
