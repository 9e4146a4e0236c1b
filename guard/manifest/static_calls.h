// SPDX-License-Identifier: GPL-2.0-only
// What a static call may call: a closed set for each key.
#ifndef GUARD_MANIFEST_STATIC_CALLS_H
#define GUARD_MANIFEST_STATIC_CALLS_H

#include <set>

#include "kernel_image.h"

namespace guard {

using Targets = std::set<u64>;

class StaticCallTargets {
  public:
    explicit StaticCallTargets(const KernelImage& image);

    /// Functions for the key called @name, without its prefix.
    [[nodiscard]] Targets of(const std::string& name) const;
    /// Functions that a pv_ops slot may hold beside what the build put there.
    [[nodiscard]] const Targets& of_pv_ops() const { return pv_ops_; }

  private:
    void add_functions(Targets& targets, const std::string& patterns) const;
    void add_members(Targets& targets, u64 address, u64 size) const;
    void add_tracepoint(Targets& targets, const std::string& event) const;

    const KernelImage& image_;
    Targets pv_ops_;
};

}  // namespace guard

#endif  // GUARD_MANIFEST_STATIC_CALLS_H
