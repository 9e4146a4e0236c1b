// SPDX-License-Identifier: GPL-2.0-only
// How engine functions report failure. No exception, no errno: the C border
// translates.
#ifndef ASI_ENGINE_RESULT_H
#define ASI_ENGINE_RESULT_H

#include <cstdint>

#include "../text/errno.h"

namespace asi {

enum class [[nodiscard]] Status : std::uint8_t{
    kOk,
    kNoMemory,  ///< the reserve is too small
    kExists,    ///< something else is in the way
    kInvalid,   ///< an argument makes no sense
    kNotFound,  ///< the source has nothing to share
    kTooBig,    ///< a fixed-size table is full
};

/// The negative errno value of the Linux ABI.
constexpr int to_errno(Status status) {
    switch (status) {
        case Status::kOk:
            return 0;
        case Status::kNoMemory:
            return -kEnomem;
        case Status::kExists:
            return -kEexist;
        case Status::kNotFound:
            return -kEnoent;
        case Status::kTooBig:
            return -kE2big;
        case Status::kInvalid:
            break;
    }
    return -kEinval;
}

/// A value, or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
  public:
    constexpr Result(T value) : value_(value), status_(Status::kOk) {}
    constexpr Result(Status status) : value_(), status_(status) {}

    [[nodiscard]] constexpr bool ok() const { return status_ == Status::kOk; }
    [[nodiscard]] constexpr Status status() const { return status_; }
    /// Only when ok().
    [[nodiscard]] constexpr const T& value() const { return value_; }

  private:
    T value_;
    Status status_;
};

}  // namespace asi

#endif  // ASI_ENGINE_RESULT_H
