// SPDX-License-Identifier: GPL-2.0-only
// What kernels and consumers do meanwhile: they map, remove, free, and run tasks.
#include <algorithm>

#include "tlb_machine.h"

namespace sim {

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

/// Rule R1 of asi/tlb.h: clear the entry, then count.
TlbMachine::Serial TlbMachine::clear_private(Domain& domain, unsigned page) {
    const Serial serial = domain.entry[page];
    if (mistake_ == Mistake::kCountedBeforeCleared) {
        logic_.removed(domain.tlb);
        point();
        domain.entry[page] = 0;
    } else {
        domain.entry[page] = 0;
        point();
        if (mistake_ != Mistake::kRemovalNotCounted) logic_.removed(domain.tlb);
    }
    translations_[serial].removed = tick();
    ++counts_.removals;
    return serial;
}

/// What freeing does, in any context: clear the entry and put the frame aside.
void TlbMachine::remove_later(Domain& domain) {
    const unsigned page = pick(kPrivate);
    if (domain.entry[page] == 0) {
        map_private(domain, page);
        return;
    }
    ++domain.users;
    const Quarantined q{clear_private(domain, page), pick(2) != 0 ? &domain : nullptr};
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
        if (q.domain ? logic_.may_use(tlb_, cpu.slots, q.domain->tlb)
                     : logic_.may_use_any(tlb_, cpu.slots))
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

/// What asi_unmap() does: clear the entry, make the CPUs inside leave, free.
void TlbMachine::remove_and_wait(Domain& domain) {
    const unsigned page = pick(kPrivate);
    if (domain.entry[page] == 0) return;
    ++domain.users;
    const Quarantined q{clear_private(domain, page), &domain};
    unsigned outstanding = 0;
    for (Cpu& cpu : cpus_)
        if (logic_.may_use(tlb_, cpu.slots, domain.tlb)) {
            ++outstanding;
            cpu.pending.push_back({domain.tlb.id, 0, &outstanding});
        }
    while (outstanding != 0 || may_be_used(q)) wait();
    free(q.serial);
    --domain.users;
}

/// Tables that domains borrow from lose a page: every domain that does shows it.
void TlbMachine::change_lent() {
    Lender& lender = lenders_[pick(static_cast<unsigned>(lenders_.size()))];
    Serial& entry = lender.entry[pick(kLent)];
    if (entry == 0) {
        entry = make_translation();
        return;
    }
    const Quarantined q{entry, nullptr};
    entry = 0;
    point();
    if (mistake_ != Mistake::kLentRemovalNotCounted) logic_.removed(lender.tlb);
    translations_[q.serial].removed = tick();
    ++counts_.removals;
    quarantine_.push_back(q);
}

void TlbMachine::choose_lender(Domain& domain) {
    const unsigned which = pick(1 + static_cast<unsigned>(lenders_.size()));
    domain.lender = which == 0 ? nullptr : &lenders_[which - 1];
    domain.tlb.lender = domain.lender ? &domain.lender->tlb : &tlb_.nobody;
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
    const bool is_counted_late = mistake_ == Mistake::kKernelCountedAfterInterrupts;
    if (mistake_ != Mistake::kKernelRemovalNotCounted && !is_counted_late)
        logic_.kernel_removed(tlb_);
    if (!is_counted_late) translations_[serial].removed = tick();
    ++counts_.kernel_removals;
    unsigned outstanding = 0;
    for (Cpu& cpu : cpus_) {
        ++outstanding;
        cpu.pending.push_back({0, kFirstShared + index, &outstanding});
    }
    while (outstanding != 0) wait();
    if (is_counted_late) {
        free(serial);
        point();
        logic_.kernel_removed(tlb_);
        translations_[serial].removed = tick();
        return;
    }
    const auto may_be_used = [&] {
        return std::ranges::any_of(
            cpus_, [&](const Cpu& cpu) { return logic_.may_use_any(tlb_, cpu.slots); });
    };
    // The removal was counted before the interrupts, so waiting for these is enough.
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

/// In storage that earlier domains have used.
void TlbMachine::create(Domain& domain) {
    ++domain.users;
    domain.identity = ++identities_;
    domain.last_removal = 0;
    choose_lender(domain);
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
            case 9:
                change_lent();
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
