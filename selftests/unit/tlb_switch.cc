// SPDX-License-Identifier: GPL-2.0-only
// How domains are entered and left, as asi/x86/cpu/switch.c does, and whether each
// load of CR3 flushed when it had to and only then.
#include <algorithm>

#include "tlb_machine.h"

namespace sim {

void TlbMachine::switch_in(Domain& domain) {
    Cpu& cpu = *cpu_;
    const bool was_switching = cpu.is_switching;
    cpu.is_switching = true;
    const bool is_last = cpu.last == &domain;
    cpu.last = &domain;
    cpu.curr = &domain;
    if (is_last && switch_in_again(domain)) {
        cpu.is_switching = was_switching;
        return;
    }
    const Time begun = tick();
    const asi_tlb_load load = logic_.begin(tlb_, cpu.slots, domain.tlb);
    judge(domain, load, begun);
    ++counts_.loads;
    ++(load.flush ? counts_.flushed : counts_.kept);
    unsigned pcid = shape_.slots != 0 ? 1 + static_cast<unsigned>(load.slot) : 0;
    if (mistake_ == Mistake::kNoflushIgnoresSlot) pcid = shape_.slots != 0 ? 1 : 0;
    const bool was_recording = cpu.is_recording;
    cpu.is_recording = true;
    // What a switch does besides.
    if (pick(4) == 0)
        for (unsigned i = pick(16); i > 0; --i) point();
    load_cr3(&domain, pcid, load.flush, begun);
    logic_.loaded(tlb_, cpu.slots, domain.tlb, load);
    if (load.flush && pcid != 0) cpu.held[pcid - 1].begun = begun;
    cpu.is_recording = was_recording;
    cpu.is_switching = was_switching;
}

/// The short way; taken by half of the entries that could take it.
bool TlbMachine::switch_in_again(Domain& domain) {
    Cpu& cpu = *cpu_;
    if (pick(2) == 0) return false;
    const Time begun = tick();
    if (!logic_.again(tlb_, cpu.slots, domain.tlb)) return false;
    asi_tlb_load load = {};
    load.slot = cpu.slots.current_slot;
    load.flush = shape_.slots == 0;
    judge(domain, load, begun);
    ++counts_.loads;
    ++counts_.short_ways;
    ++(load.flush ? counts_.flushed : counts_.kept);
    load_cr3(&domain, shape_.slots != 0 ? 1 + static_cast<unsigned>(load.slot) : 0, load.flush,
             begun);
    return true;
}

void TlbMachine::switch_out() {
    Cpu& cpu = *cpu_;
    cpu.is_switching = true;
    if (mistake_ == Mistake::kLeftBeforeLoad) {
        logic_.left(cpu.slots);
        for (unsigned i = pick(32); i > 0; --i) point();
    }
    load_cr3(nullptr, 0, shape_.slots == 0, 0);
    point();
    cpu.curr = nullptr;
    if (mistake_ != Mistake::kLeftBeforeLoad) logic_.left(cpu.slots);
    cpu.is_switching = false;
}

void TlbMachine::enter(Domain& domain) {
    Cpu& cpu = *cpu_;
    cpu.has_interrupts_on = false;
    cpu.is_critical = true;
    if (cpu.curr == &domain) {
        ++counts_.reentries;
        const Time begun = tick();
        if (mistake_ == Mistake::kReentryNeverLoads ||
            logic_.is_current(tlb_, cpu.slots, domain.tlb))
            cpu.clean_since = begun;
        else
            switch_in(domain);
    } else {
        if (cpu.curr) switch_out();
        switch_in(domain);
    }
    cpu.has_interrupts_on = true;
}

void TlbMachine::leave() {
    cpu_->has_interrupts_on = false;
    if (cpu_->curr) switch_out();
    cpu_->has_interrupts_on = true;
}

/// Fails if flushing or keeping was wrong. Where a removal runs at the same time,
/// both may be right.
void TlbMachine::judge(const Domain& domain, const asi_tlb_load& load, Time begun) {
    if (judge_ == Judge::kHitsOnly) return;
    if (shape_.slots == 0) {
        if (!load.flush) fail(TlbFault::kMissingFlush, 0);
        return;
    }
    const Time last_removal = std::max({domain.last_removal, last_kernel_removal_,
                                        domain.lender ? domain.lender->last_removal : 0});
    if (!load.flush) {
        const Held& held = cpu_->held[load.slot];
        if (held.identity != domain.identity || held.is_forgotten ||
            (last_removal > held.flushed && last_removal < begun))
            fail(TlbFault::kMissingFlush, 0);
        return;
    }
    // An NMI may see a slot that is half written; then one more flush is safe.
    if (cpu_->is_recording) return;
    for (const Held& held : cpu_->held)
        if (held.identity == domain.identity && !held.is_forgotten &&
            last_removal < std::min(held.begun, begun))
            fail(TlbFault::kNeedlessFlush, 0);
}

}  // namespace sim
