// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "unique_fd.h"

namespace asi {

/// Resolves the faults on missing pages of anonymous memory, in a thread of its own: with what was
/// taken out, or with zeros. The memory must outlive it, and nobody may touch it afterwards.
class FaultResolver {
  public:
    FaultResolver(uint8_t* memory, size_t size);
    FaultResolver(const FaultResolver&) = delete;
    FaultResolver& operator=(const FaultResolver&) = delete;
    ~FaultResolver();

    /// These pages go. Whoever touches one next gets it back with its content.
    void take(size_t offset, size_t size);
    /// These pages go, and their content.
    void drop(size_t offset, size_t size);

    /// Faults that were resolved so.
    uint64_t copied() const { return copied_; }
    uint64_t zeroed() const { return zeroed_; }

  private:
    void work();
    void resolve(size_t page);
    void wake(size_t page) const;

    uint8_t* memory_;
    size_t size_;
    uint8_t* store_;  ///< of the same size: what was taken
    UniqueFd fd_;
    UniqueFd stop_;
    std::mutex lock_;
    std::vector<bool> taken_;  ///< of each page: it is in the store
    std::atomic<uint64_t> copied_{0};
    std::atomic<uint64_t> zeroed_{0};
    std::thread thread_;
};

}  // namespace asi
