// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace asi {

/// What mmap is asked for beyond anonymous private memory.
enum class Backing {
    kOnDemand,             ///< pages appear when first touched
    kPopulatedSmallPages,  ///< every page present before the guest runs, none of them huge
};

/// A contiguous piece of guest physical memory, mapped in this process.
class GuestMemory {
  public:
    /// Maps `size` bytes (a multiple of 4096) to appear at guest physical `base`.
    GuestMemory(uint64_t base, size_t size, Backing backing);
    GuestMemory(const GuestMemory&) = delete;
    GuestMemory& operator=(const GuestMemory&) = delete;
    ~GuestMemory();

    /// Puts other pages with the same content in place of all there are. What the guest writes
    /// meanwhile may be lost.
    void replace_pages() const;

    uint64_t base() const { return base_; }
    size_t size() const { return size_; }
    void* host_address() const { return host_; }

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
    uint64_t base_;
    size_t size_;
    void* host_;
};

}  // namespace asi
