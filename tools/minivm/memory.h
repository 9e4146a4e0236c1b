// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace asi {

class FaultResolver;

/// What lies behind guest memory.
enum class Backing {
    kOnDemand,             ///< anonymous: pages appear when first touched
    kPopulatedSmallPages,  ///< every page present before the guest runs, none of them huge
    kHugetlb,              ///< huge pages of the kernel's pool, shared
    kShmem,                ///< a file in memory, shared; its pages huge if the kernel is told so
    kMergeable,            ///< anonymous, and the kernel may merge equal pages
    kUserfault,            ///< anonymous, and a thread of this process resolves the faults
    kGuard,                ///< of the guard, shared: not written to once the guest has locked it
};

/// The names for --backing.
struct NamedBacking {
    const char* name;
    Backing backing;
};
constexpr NamedBacking kBackings[] = {{"anonymous", Backing::kOnDemand},
                                      {"hugetlb", Backing::kHugetlb},
                                      {"shmem", Backing::kShmem},
                                      {"mergeable", Backing::kMergeable},
                                      {"userfault", Backing::kUserfault},
                                      {"guard", Backing::kGuard}};

constexpr size_t kHugePageSize = 2 << 20;

/// A contiguous piece of guest physical memory, mapped in this process.
class GuestMemory {
  public:
    /// Maps `size` bytes (a multiple of 4096) to appear at guest physical `base`.
    GuestMemory(uint64_t base, size_t size, Backing backing);
    GuestMemory(const GuestMemory&) = delete;
    GuestMemory& operator=(const GuestMemory&) = delete;
    ~GuestMemory();

    /// Puts other pages with the same content in place of all there are, or takes them out until
    /// they are touched. With anonymous memory, what the guest writes meanwhile may be lost.
    void replace_pages() const;

    /// Of these bytes the pages go, and what was in them: they read as 0.
    void discard(size_t offset, size_t size) const;
    /// The same, when the kernel finds the time, and not for pages that are written before. False:
    /// memory of this kind has no such thing.
    bool discard_later(size_t offset, size_t size) const;
    /// Of these bytes the pages go from this process, to swap if there is any; their content stays.
    void push_out(size_t offset, size_t size) const;

    /// Smaller parts have no pages of their own.
    size_t page_size() const { return backing_ == Backing::kHugetlb ? kHugePageSize : 4096; }

    uint64_t base() const { return base_; }
    size_t size() const { return size_; }
    void* host_address() const { return host_; }
    /// Who resolves the faults, if it is not the kernel.
    const FaultResolver* resolver() const { return resolver_.get(); }

    /// The bytes at guest physical `address`; throws if they are not all in this piece.
    std::span<uint8_t> at(uint64_t address, size_t size) const;

    void write(uint64_t address, const void* data, size_t size) const;

    template <typename T>
    void put(uint64_t address, const T& value) const {
        write(address, &value, sizeof(value));
    }

    template <typename T>
    T get(uint64_t address) const {
        T value;
        std::memcpy(&value, at(address, sizeof(value)).data(), sizeof(value));
        return value;
    }

  private:
    void map();
    void prepare();
    void advise(size_t offset, size_t size, int advice, const char* what) const;

    uint64_t base_;
    size_t size_;
    void* host_ = nullptr;
    Backing backing_;
    size_t mapped_size_;  ///< a multiple of the page size
    std::unique_ptr<FaultResolver> resolver_;
};

}  // namespace asi
