// SPDX-License-Identifier: GPL-2.0-only
#ifndef GUARD_MANIFEST_BUILD_ERROR_H
#define GUARD_MANIFEST_BUILD_ERROR_H

#include <stdexcept>

namespace guard {

/// A build that no manifest can be made of; what() says what is wrong with which file.
class BuildError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace guard

#endif  // GUARD_MANIFEST_BUILD_ERROR_H
