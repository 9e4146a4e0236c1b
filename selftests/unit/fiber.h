// SPDX-License-Identifier: GPL-2.0-only
// Threads of control that take turns when they say so. What runs on one must
// not throw out of it, and what is left of it when it ends is not destroyed.
#ifndef SELFTESTS_UNIT_FIBER_H
#define SELFTESTS_UNIT_FIBER_H

#include <cstddef>
#include <functional>
#include <memory>

namespace sim {

class Fiber {
  public:
    /// The thread of control that is running already.
    Fiber() = default;
    /// @body starts with the first switch and must not return.
    explicit Fiber(std::function<void()> body);
    Fiber(const Fiber&) = delete;

    void switch_to(Fiber& next);

  private:
    static void start();

    static constexpr std::size_t kStackSize = 128 << 10;
    static Fiber* starting_;

    std::function<void()> body_;
    std::unique_ptr<std::byte[]> stack_;
    void* top_ = nullptr;
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_FIBER_H
