// SPDX-License-Identifier: GPL-2.0-only
// The hardware: steps, memory, TLBs, NMIs and interrupts.
#include "tlb_machine.h"

#include <algorithm>
#include <cstdio>

namespace sim {

TlbMachine::TlbMachine(Shape shape, Pick pick, const TlbLogic& logic, Mistake mistake, Judge judge)
    : shape_(shape),
      pick_(std::move(pick)),
      logic_(logic),
      mistake_(mistake),
      judge_(judge),
      cpus_(shape.cpus),
      domains_(shape.domains),
      translations_(1) {
    ModelMemory::current = this;
    cpu_ = &cpus_[0];
    limit_ = kNever;
    for (Cpu& cpu : cpus_) cpu.slots.slots = shape.slots;
    for (Domain& domain : domains_) {
        domain.is_alive = true;
        domain.identity = ++identities_;
        domain.is_strict = pick_(2) != 0;
        domain.tlb = {};
        domain.tlb.gen = 1;
        domain.tlb.id = domain.identity;
        choose_lender(domain);
    }
    tlb_.last_id = identities_;
    for (unsigned i = 0; i < shape.cpus + 2; ++i) {
        Domain& domain = domains_[i % shape.domains];
        ++domain.users;
        tasks_.push_back({&domain, nullptr, false});
    }
    for (Cpu& cpu : cpus_) cpu.fiber = std::make_unique<Fiber>([this] { program(); });
}

TlbFault TlbMachine::run(std::uint64_t steps) {
    ModelMemory::current = this;
    if (fault_ == TlbFault::kNone) {
        limit_ = counts_.steps + steps;
        main_.switch_to(*cpu_->fiber);
    }
    return fault_;
}

/// The fiber that runs does not return from here.
void TlbMachine::fail(TlbFault fault, unsigned page) {
    static constexpr const char* kNames[] = {"none", "use of a freed page", "use of a removed page",
                                             "a flush is missing", "needless flush"};
    char text[160];
    std::snprintf(text, sizeof(text), "%s: step %llu, CPU %td, domain %llu, PCID %u, page %u",
                  kNames[static_cast<unsigned>(fault)],
                  static_cast<unsigned long long>(counts_.steps), cpu_ - cpus_.data(),
                  static_cast<unsigned long long>(cpu_->root ? cpu_->root->identity : 0),
                  cpu_->pcid, page);
    fault_ = fault;
    what_ = text;
    while (fault_ != TlbFault::kNone) cpu_->fiber->switch_to(main_);
}

/// Between two steps of a CPU: others may run, interrupts and NMIs may come.
void TlbMachine::point() {
    Cpu* self = cpu_;
    ++now_;
    ++counts_.steps;
    const unsigned chance = pick(64);
    if (chance < 16) {
        access(pick(kPages));
    } else if (chance < 18) {
        if (!self->is_in_nmi) nmi();
    } else if (chance < 28) {
        cpus_[pick(shape_.cpus)].stores.drain_one();
    }
    if (self->has_interrupts_on && (chance % 32 == 0 || (!self->pending.empty() && pick(4) == 0)))
        interrupt();
    if (counts_.steps >= limit_) self->fiber->switch_to(main_);
    if (burst_ > 0) {
        --burst_;
        return;
    }
    // Mostly short turns; during a long one the others stand still wherever they were.
    burst_ = pick(4) == 0 ? pick(64) : pick(4);
    Cpu* next = &cpus_[pick(shape_.cpus)];
    if (next != self) {
        cpu_ = next;
        self->fiber->switch_to(*next->fiber);
    }
}

/// Lets other CPUs run first.
void TlbMachine::wait() {
    burst_ = 0;
    point();
}

asi_u64 TlbMachine::load(const asi_u64* from) {
    point();
    return cpu_->stores.load(from);
}

void TlbMachine::store(asi_u64* to, asi_u64 value) {
    point();
    cpu_->stores.store(to, value);
}

void TlbMachine::publish(asi_u64* to, asi_u64 value) {
    point();
    cpu_->stores.drain();
    *to = value;
}

asi_u64 TlbMachine::count(asi_u64* what) {
    point();
    cpu_->stores.drain();
    if (what == &tlb_.kernel_gen) last_kernel_removal_ = tick();
    for (Domain& domain : domains_)
        if (what == &domain.tlb.gen) domain.last_removal = tick();
    for (Lender& lender : lenders_)
        if (what == &lender.tlb.gen) lender.last_removal = tick();
    return ++*what;
}

/// MOV to CR3 serializes. [SDM vol. 3, 4.10.4.1 and 9.3]
void TlbMachine::load_cr3(Domain* domain, unsigned pcid, bool flush, Time begun) {
    point();
    Cpu& cpu = *cpu_;
    cpu.stores.drain();
    cpu.root = domain;
    cpu.pcid = pcid;
    if (flush) cpu.tlb[pcid].fill(0);
    if (!domain) return;
    cpu.clean_since = begun;
    if (flush && shape_.slots != 0) {
        Held& held = cpu.held[pcid - 1];
        if (held.identity != 0 && held.identity != domain->identity) ++counts_.evictions;
        held = {.identity = domain->identity, .flushed = tick()};
    }
}

TlbMachine::Serial TlbMachine::walk(unsigned page) const {
    if (page == kLocalPage) return cpu_->local;
    if (page >= kFirstShared) return shared_[page - kFirstShared];
    const Domain* root = cpu_->root;
    if (!root) return 0;
    if (page < kFirstLent) return root->entry[page];
    return root->lender ? root->lender->entry[page - kFirstLent] : 0;
}

/// Whether asked for or speculative, an access uses what the TLB holds.
void TlbMachine::access(unsigned page) {
    Cpu& cpu = *cpu_;
    Serial& cached = cpu.tlb[cpu.pcid][page];
    if (cached == 0) {
        cached = walk(page);
        return;
    }
    ++counts_.hits;
    const Translation& translation = translations_[cached];
    if (translation.is_free) fail(TlbFault::kFreedHit, page);
    if (cpu.root && translation.removed <= cpu.clean_since) fail(TlbFault::kStaleHit, page);
}

/// INVLPG: of the current PCID only.
void TlbMachine::invalidate(unsigned page) {
    cpu_->tlb[cpu_->pcid][page] = 0;
}

void TlbMachine::nmi() {
    Cpu& cpu = *cpu_;
    const bool had_interrupts_on = cpu.has_interrupts_on;
    cpu.is_in_nmi = true;
    cpu.has_interrupts_on = false;
    ++counts_.nmis;
    if (cpu.is_switching) ++counts_.nmis_in_a_switch;

    const bool was_inside = cpu.curr != nullptr;
    const bool was_restricted = cpu.root != nullptr;
    if (was_inside) {
        load_cr3(nullptr, 0, shape_.slots == 0, 0);
        cpu.curr = nullptr;
        if (mistake_ == Mistake::kNmiSaysLeft) logic_.left(cpu.slots);
    }
    for (unsigned i = pick(3); i > 0; --i) {
        point();
        access(pick(kPages));
    }
    if (was_inside && was_restricted)
        switch_in(*cpu.last);
    else if (was_inside)
        cpu.curr = cpu.last;
    cpu.has_interrupts_on = had_interrupts_on;
    cpu.is_in_nmi = false;
}

void TlbMachine::interrupt() {
    Cpu& cpu = *cpu_;
    cpu.has_interrupts_on = false;
    ++counts_.interrupts;
    const bool was_inside = cpu.curr != nullptr;
    const bool resume = was_inside && (cpu.curr->is_strict || cpu.is_critical);
    if (was_inside && cpu.curr->is_strict) switch_out();

    while (!cpu.pending.empty()) {
        const Interrupt request = cpu.pending.front();
        cpu.pending.pop_front();
        if (request.domain == 0) {
            if (cpu.curr) switch_out();
            invalidate(request.page);
        } else if (cpu.curr && cpu.curr->tlb.id == request.domain) {
            switch_out();
        }
        --*request.outstanding;
    }
    if (pick(4) == 0) {
        if (Domain* domain = any_domain()) remove_later(*domain);
    }
    access(pick(kPages));

    if (resume && !cpu.curr) switch_in(*cpu.last);
    cpu.has_interrupts_on = true;
}

}  // namespace sim
