// SPDX-License-Identifier: GPL-2.0-only
// How the kernel fills what is left of a site, and moves code to another address.
#ifndef GUARD_MANIFEST_NOPS_H
#define GUARD_MANIFEST_NOPS_H

#include "code.h"

namespace guard {

class Nops {
  public:
    /// From the table that the kernel takes them from.
    explicit Nops(const KernelImage& image);

    [[nodiscard]] const Code& of(std::size_t length) const { return nops_.at(length); }
    /// Makes one long NOP of each row of NOPs.
    void optimize(Code& code) const;
    /// Code that was at @from, @from_length bytes, and is now at @to: what it says relative
    /// to its own address is changed, and its NOPs are optimized.
    void move(Code& code, u64 to, u64 from, std::size_t from_length) const;

  private:
    void fill(Code& code, std::size_t at, std::size_t length) const;

    std::vector<Code> nops_;
};

}  // namespace guard

#endif  // GUARD_MANIFEST_NOPS_H
