// SPDX-License-Identifier: GPL-2.0-only
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
    TlbMemory::current = this;
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
    TlbMemory::current = this;
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

// ---- Hardware ---------------------------------------------------------------

/// Between two steps of a CPU.
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
    // Mostly short turns; a long one finds the others stopped anywhere.
    burst_ = pick(4) == 0 ? pick(64) : pick(4);
    Cpu* next = &cpus_[pick(shape_.cpus)];
    if (next != self) {
        cpu_ = next;
        self->fiber->switch_to(*next->fiber);
    }
}

/// Others have to go on first.
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
    if (what == &tlb_.changes) last_change_ = tick();
    if (what == &tlb_.kernel_gen) last_kernel_removal_ = tick();
    for (Domain& domain : domains_)
        if (what == &domain.tlb.gen) domain.last_removal = tick();
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
    if (page >= kPrivate) return shared_[page - kPrivate];
    return cpu_->root ? cpu_->root->entry[page] : 0;
}

/// Asked for or speculative: both use what the TLB holds.
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

// ---- The switch -------------------------------------------------------------

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
    judge(domain, load, begun, /*is_short_way=*/false);
    ++counts_.loads;
    ++(load.flush ? counts_.flushed : counts_.kept);
    unsigned pcid = shape_.slots != 0 ? 1 + static_cast<unsigned>(load.slot) : 0;
    if (mistake_ == Mistake::kNoflushIgnoresSlot) pcid = shape_.slots != 0 ? 1 : 0;
    const bool was_recording = cpu.is_recording;
    cpu.is_recording = true;
    load_cr3(&domain, pcid, load.flush, begun);
    logic_.loaded(tlb_, cpu.slots, domain.tlb, load);
    if (load.flush && pcid != 0) cpu.held[pcid - 1].begun = begun;
    cpu.is_recording = was_recording;
    cpu.is_switching = was_switching;
}

/// The short way, for half of those that could take it.
bool TlbMachine::switch_in_again(Domain& domain) {
    Cpu& cpu = *cpu_;
    if (pick(2) == 0) return false;
    const Time begun = tick();
    if (!logic_.again(tlb_, cpu.slots, domain.tlb)) return false;
    asi_tlb_load load = {};
    load.slot = cpu.slots.current_slot;
    load.flush = shape_.slots == 0;
    judge(domain, load, begun, /*is_short_way=*/true);
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

/// Was the choice between flushing and keeping the right one, as far as what
/// happened meanwhile leaves only one?
/// The short way looks at changes only: a removal that has not counted its own yet
/// will find this CPU.
void TlbMachine::judge(const Domain& domain, const asi_tlb_load& load, Time begun,
                       bool is_short_way) {
    if (judge_ == Judge::kHitsOnly) return;
    if (shape_.slots == 0) {
        if (!load.flush) fail(TlbFault::kMissingFlush, 0);
        return;
    }
    const Time last_removal = std::max(domain.last_removal, last_kernel_removal_);
    if (is_short_way && last_removal > last_change_) begun = 0;
    if (!load.flush) {
        const Held& held = cpu_->held[load.slot];
        if (held.identity != domain.identity || held.is_forgotten ||
            (last_removal > held.flushed && last_removal < begun))
            fail(TlbFault::kMissingFlush, 0);
        return;
    }
    // An NMI may see a slot half written: a flush more is the safe side.
    if (cpu_->is_recording) return;
    for (const Held& held : cpu_->held)
        if (held.identity == domain.identity && !held.is_forgotten &&
            last_removal < std::min(held.begun, begun))
            fail(TlbFault::kNeedlessFlush, 0);
}

// ---- What kernels do --------------------------------------------------------

TlbMachine::Serial TlbMachine::make_translation() {
    translations_.emplace_back();
    return static_cast<Serial>(translations_.size() - 1);
}

void TlbMachine::free(Serial serial) {
    translations_[serial].is_free = true;
    ++counts_.frees;
}

TlbMachine::Domain* TlbMachine::any_domain() {
    Domain& domain = domains_[pick(shape_.domains)];
    return domain.is_alive ? &domain : nullptr;
}

void TlbMachine::map_private(Domain& domain, unsigned page) {
    if (domain.entry[page] == 0) domain.entry[page] = make_translation();
}

/// Rule R1.
TlbMachine::Serial TlbMachine::clear_private(Domain& domain, unsigned page, asi_u64& gen) {
    const Serial serial = domain.entry[page];
    if (mistake_ == Mistake::kCountedBeforeCleared) {
        gen = logic_.removed(tlb_, domain.tlb);
        point();
        domain.entry[page] = 0;
    } else {
        domain.entry[page] = 0;
        point();
        gen = mistake_ == Mistake::kRemovalNotCounted ? 0 : logic_.removed(tlb_, domain.tlb);
    }
    translations_[serial].removed = tick();
    ++counts_.removals;
    return serial;
}

/// As freeing does, from any context: clear, and let the frame wait.
void TlbMachine::remove_later(Domain& domain) {
    const unsigned page = pick(kPrivate);
    if (domain.entry[page] == 0) {
        map_private(domain, page);
        return;
    }
    ++domain.users;
    Quarantined q{0, domain.tlb.id, 0};
    q.serial = clear_private(domain, page, q.gen);
    if (pick(2) != 0) q = {q.serial, 0, logic_.mark(tlb_)};
    if (mistake_ == Mistake::kFreedWithoutAsking)
        free(q.serial);
    else if (pick(2) != 0)
        quarantine_.push_front(q);  // asked about soon
    else
        quarantine_.push_back(q);
    --domain.users;
}

bool TlbMachine::may_be_used(const Quarantined& q) const {
    for (const Cpu& cpu : cpus_)
        if (q.domain != 0 ? logic_.may_use(cpu.slots, q.domain, q.gen)
                          : logic_.may_use_any(cpu.slots, q.gen))
            return true;
    return false;
}

void TlbMachine::poll_quarantine() {
    if (quarantine_.empty()) return;
    const Quarantined q = quarantine_.front();
    quarantine_.pop_front();
    if (may_be_used(q)) {
        ++counts_.waits;
        quarantine_.push_back(q);
    } else {
        free(q.serial);
    }
}

/// As asi_unmap() does: clear, make the CPUs leave that are inside, free.
void TlbMachine::remove_and_wait(Domain& domain) {
    const unsigned page = pick(kPrivate);
    if (domain.entry[page] == 0) return;
    ++domain.users;
    Quarantined q{0, domain.tlb.id, 0};
    q.serial = clear_private(domain, page, q.gen);
    unsigned outstanding = 0;
    for (Cpu& cpu : cpus_)
        if (logic_.may_use(cpu.slots, q.domain, q.gen)) {
            ++outstanding;
            cpu.pending.push_back({q.domain, 0, &outstanding});
        }
    while (outstanding != 0 || may_be_used(q)) wait();
    free(q.serial);
    --domain.users;
}

/// As flush_tlb_kernel_range() and its callers do.
void TlbMachine::change_shared() {
    const unsigned index = pick(kShared);
    const Serial serial = shared_[index];
    if (serial == 0) {
        shared_[index] = make_translation();
        return;
    }
    shared_[index] = 0;
    point();
    asi_u64 gen = 0;
    const bool is_counted_late = mistake_ == Mistake::kKernelCountedAfterInterrupts;
    if (mistake_ != Mistake::kKernelRemovalNotCounted && !is_counted_late)
        gen = logic_.kernel_removed(tlb_);
    if (!is_counted_late) translations_[serial].removed = tick();
    ++counts_.kernel_removals;
    const asi_u64 mark = pick(2) != 0 ? logic_.mark(tlb_) : 0;
    unsigned outstanding = 0;
    for (Cpu& cpu : cpus_) {
        ++outstanding;
        cpu.pending.push_back({0, kPrivate + index, &outstanding});
    }
    while (outstanding != 0) wait();
    if (is_counted_late) {
        free(serial);
        point();
        gen = logic_.kernel_removed(tlb_);
        translations_[serial].removed = tick();
        return;
    }
    const auto may_be_used = [&] {
        return std::ranges::any_of(cpus_, [&](const Cpu& cpu) {
            return mark != 0 ? logic_.may_use_any(cpu.slots, mark)
                             : logic_.may_use_kernel(cpu.slots, gen);
        });
    };
    // Counting came before the interrupts, so their end is enough.
    if (pick(2) != 0)
        while (may_be_used()) wait();
    free(serial);
}

/// As flush_tlb_one_kernel() does for a mapping that only this CPU uses.
void TlbMachine::change_local() {
    Cpu& cpu = *cpu_;
    cpu.has_interrupts_on = false;
    if (cpu.local == 0) {
        cpu.local = make_translation();
    } else {
        if (cpu.curr) switch_out();
        const Serial serial = cpu.local;
        cpu.local = 0;
        point();
        invalidate(kLocalPage);
        if (mistake_ != Mistake::kLocalRemovalNotForgotten) logic_.forget(cpu.slots);
        for (Held& held : cpu.held) held.is_forgotten = true;
        free(serial);
    }
    cpu.has_interrupts_on = true;
}

/// In storage that earlier domains were in, too.
void TlbMachine::create(Domain& domain) {
    ++domain.users;
    domain.identity = ++identities_;
    domain.last_removal = 0;
    logic_.new_domain(tlb_, domain.tlb, static_cast<unsigned>(&domain - domains_.data()));
    domain.is_strict = pick(2) != 0;
    for (unsigned page = 0; page < kPrivate; ++page)
        if (pick(2) != 0) map_private(domain, page);
    domain.is_alive = true;
    ++counts_.new_domains;
    --domain.users;
}

void TlbMachine::change_domains() {
    Domain& domain = domains_[pick(shape_.domains)];
    if (domain.users != 0) return;
    if (!domain.is_alive) {
        create(domain);
        return;
    }
    domain.is_alive = false;
    for (Serial& serial : domain.entry) {
        if (serial != 0) free(serial);
        serial = 0;
    }
}

/// A page fault that the policy answers with "grow".
void TlbMachine::fault(Domain& domain) {
    cpu_->has_interrupts_on = false;
    if (cpu_->curr) {
        switch_out();
        map_private(domain, pick(kPrivate));
        switch_in(domain);
    }
    cpu_->has_interrupts_on = true;
}

void TlbMachine::inside(Domain& domain) {
    for (unsigned i = 2 + pick(8); i > 0; --i) {
        switch (pick(16)) {
            case 0:
            case 1:
            case 2:
                enter(domain);
                break;
            case 3:
                cpu_->is_critical = false;
                break;
            case 4:
            case 5:
                fault(domain);
                break;
            case 6:
                if (Domain* other = any_domain()) remove_later(*other);
                break;
            case 7:
                remove_later(domain);
                break;
            case 8:
                poll_quarantine();
                break;
            case 9:
                leave();
                break;
            case 10:
                if (pick(4) == 0) change_local();
                break;
            default:
                access(pick(kPages));
                break;
        }
        point();
    }
}

void TlbMachine::run_task(Task& task) {
    if (task.is_running) return;
    task.is_running = true;
    if (task.cpu && task.cpu != cpu_) ++counts_.migrations;
    task.cpu = cpu_;
    enter(*task.domain);
    inside(*task.domain);
    if (pick(4) == 0) {
        // A consumer that goes from one domain to another without leaving.
        if (Domain* other = any_domain()) {
            ++other->users;
            enter(*other);
            inside(*other);
            leave();
            --other->users;
        }
    }
    leave();
    if (pick(4) == 0) {
        if (Domain* other = any_domain()) {
            --task.domain->users;
            ++other->users;
            task.domain = other;
        }
    }
    task.is_running = false;
}

void TlbMachine::program() {
    while (fault_ == TlbFault::kNone) {
        switch (pick(16)) {
            case 0:
                if (Domain* domain = any_domain()) remove_and_wait(*domain);
                break;
            case 1:
                if (Domain* domain = any_domain()) remove_later(*domain);
                break;
            case 2:
                change_shared();
                break;
            case 3:
                change_local();
                break;
            case 4:
            case 5:
                change_domains();
                break;
            case 6:
            case 7:
            case 8:
                poll_quarantine();
                break;
            default:
                run_task(tasks_[pick(static_cast<unsigned>(tasks_.size()))]);
                break;
        }
        point();
    }
}

}  // namespace sim
