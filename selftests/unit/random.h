// SPDX-License-Identifier: GPL-2.0-only
// Reproducible random choices.
#ifndef SELFTESTS_UNIT_RANDOM_H
#define SELFTESTS_UNIT_RANDOM_H

#include <cstdint>

namespace sim {

/// xorshift64*: the tests spend their time in the engine, not here.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
    unsigned operator()(unsigned n) {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<unsigned>(((state_ * 0x2545f4914f6cdd1d) >> 32) * n >> 32);
    }

  private:
    std::uint64_t state_;
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_RANDOM_H
