// SPDX-License-Identifier: GPL-2.0-only
// The calls of asi/tlb.h as an object, so that a test can put a broken one in
// the place of each; and the mistakes that a caller can make.
#ifndef SELFTESTS_UNIT_TLB_LOGIC_H
#define SELFTESTS_UNIT_TLB_LOGIC_H

#include <unordered_map>

#include "tlb_memory.h"

namespace sim {

class TlbLogic {
  public:
    virtual ~TlbLogic() = default;
    /// @place: where the domain's storage is, which is used again.
    virtual void new_domain(asi_tlb& tlb, asi_tlb_domain& domain, unsigned) const {
        asi_tlb_new_domain(&tlb, &domain, domain.lender);
    }
    virtual void removed(asi_tlb_domain& domain) const { asi_tlb_removed(&domain); }
    virtual void kernel_removed(asi_tlb& tlb) const { asi_tlb_kernel_removed(&tlb); }
    virtual bool may_use(const asi_tlb& tlb, const asi_tlb_cpu& cpu,
                         const asi_tlb_domain& domain) const {
        return asi_tlb_may_use(&tlb, &cpu, &domain);
    }
    virtual bool may_use_any(const asi_tlb& tlb, const asi_tlb_cpu& cpu) const {
        return asi_tlb_may_use_any(&tlb, &cpu);
    }
    virtual asi_tlb_load begin(const asi_tlb& tlb, asi_tlb_cpu& cpu,
                               const asi_tlb_domain& domain) const {
        return asi_tlb_begin(&tlb, &cpu, &domain);
    }
    virtual bool again(const asi_tlb& tlb, asi_tlb_cpu& cpu, const asi_tlb_domain& domain) const {
        return asi_tlb_again(&tlb, &cpu, &domain);
    }
    virtual void loaded(const asi_tlb&, asi_tlb_cpu& cpu, const asi_tlb_domain&,
                        const asi_tlb_load& load) const {
        asi_tlb_loaded(&cpu, &load);
        entered_with_[&cpu] = load.age;
    }
    virtual void left(asi_tlb_cpu& cpu) const { asi_tlb_left(&cpu); }
    virtual bool is_current(const asi_tlb& tlb, asi_tlb_cpu& cpu,
                            const asi_tlb_domain& domain) const {
        return (domain.lender == &tlb.nobody &&
                asi_tlb_is_unchanged(&tlb, entered_with_[&cpu], &domain)) ||
               asi_tlb_is_current(&tlb, &cpu, &domain);
    }
    virtual void forget(asi_tlb_cpu& cpu) const { asi_tlb_forget(&cpu); }

  private:
    /// The age that the task on a CPU entered with.
    mutable std::unordered_map<const asi_tlb_cpu*, asi_u64> entered_with_;
};

/// What a caller does wrong.
enum class Mistake {
    kNone,
    kRemovalNotCounted,
    kCountedBeforeCleared,
    kFreedWithoutAsking,
    kLentRemovalNotCounted,
    kKernelRemovalNotCounted,
    kKernelCountedAfterInterrupts,
    kLeftBeforeLoad,
    kNmiSaysLeft,
    kReentryNeverLoads,
    kLocalRemovalNotForgotten,
    kNoflushIgnoresSlot,
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_TLB_LOGIC_H
