// SPDX-License-Identifier: GPL-2.0-only
#include "smt_machine.h"

#include <cstdio>

namespace sim {
namespace {

/// Steps after which a wait is one for ever.
constexpr std::uint64_t kPatience = 50'000;

}  // namespace

SmtMachine::SmtMachine(Shape shape, Pick pick, SmtFlaw flaw)
    : shape_(shape), pick_(std::move(pick)), flaw_(flaw), threads_(shape.threads) {
    me_ = &threads_[0];
    for (Thread& thread : threads_) {
        thread.flushed.resize(shape.threads);
        thread.published.state = asi_smt_state(ASI_SMT_REACH, 0);
        thread.published.reached = 1;
        thread.fiber = std::make_unique<Fiber>([this] { program(); });
    }
}

SmtFault SmtMachine::run(std::uint64_t steps) {
    ModelMemory::current = this;
    if (fault_ == SmtFault::kNone) {
        limit_ = counts_.steps + steps;
        main_.switch_to(*me_->fiber);
    }
    return fault_;
}

// ---- Hardware ---------------------------------------------------------------

asi_u64 SmtMachine::load(const asi_u64* from) {
    point();
    return me_->stores.load(from);
}

void SmtMachine::store(asi_u64* to, asi_u64 value) {
    point();
    me_->stores.store(to, value);
}

void SmtMachine::publish(asi_u64* to, asi_u64 value) {
    if (flaw_ == SmtFlaw::kPublishesByPlainStore) return store(to, value);
    point();
    me_->stores.drain();
    *to = value;
}

asi_u64 SmtMachine::count(asi_u64* what) {
    point();
    const asi_u64 value = me_->stores.load(what) + 1;
    me_->stores.store(what, value);
    return value;
}

/// Between two steps of a thread: others may run, interrupts and NMIs may come.
void SmtMachine::point() {
    Thread* self = me_;
    ++counts_.steps;
    check();
    if (self->waits_since && counts_.steps - self->waits_since > kPatience) fail(SmtFault::kStuck);
    if (self->held_since && counts_.steps - self->held_since > 4 * kPatience)
        fail(SmtFault::kStarved);
    const unsigned chance = pick_(64);
    if (chance == 0 && shape_.has_nmis && !self->is_in_nmi && self->doing != Doing::kGuest) nmi();
    if (chance < 24) threads_[pick_(shape_.threads)].stores.drain_one();
    if (self->has_interrupts_on && self->doing != Doing::kGuest) self->is_kicked = false;
    if (counts_.steps >= limit_) self->fiber->switch_to(main_);
    if (burst_ > 0) {
        --burst_;
        return;
    }
    // Mostly short turns; during a long one the others stand still wherever they were.
    burst_ = pick_(4) == 0 ? pick_(64) : pick_(4);
    Thread* next = &threads_[pick_(shape_.threads)];
    if (next != self) {
        me_ = next;
        self->fiber->switch_to(*next->fiber);
    }
}

void SmtMachine::check() {
    for (const Thread& guest : threads_) {
        if (guest.doing != Doing::kGuest) continue;
        for (const Thread& other : threads_) {
            if (other.doing != Doing::kKernel) continue;
            ++counts_.beside;
            if (other.reaches == guest.reaches) continue;
            if (guest.cookie == 0 || guest.cookie != other.cookie) fail(SmtFault::kOverlap);
            ++counts_.trusted;
        }
    }
}

/// The fiber that runs does not return from here.
void SmtMachine::fail(SmtFault fault) {
    static constexpr const char* kNames[] = {"none",    "a guest beside the kernel", "stuck",
                                             "starved", "needless interrupt",        "leftovers"};
    char text[96];
    std::snprintf(text, sizeof(text), "%s: step %llu, thread %td",
                  kNames[static_cast<unsigned>(fault)],
                  static_cast<unsigned long long>(counts_.steps), me_ - threads_.data());
    what_ = text;
    fault_ = fault;
    while (fault_ != SmtFault::kNone) me_->fiber->switch_to(main_);
}

void SmtMachine::kick(Thread& thread) {
    thread.is_kicked = true;
}

/// VM entry to VM exit, with interrupts off in the kernel.
void SmtMachine::run_guest() {
    Thread& me = *me_;
    if (!me.is_kicked) {
        ++counts_.guests;
        ++me.runs;
        me.held_since = 0;
        me.reaches = me.inside;
        // Who trusts each other may be at work all the time.
        for (unsigned i = 0; i < shape_.threads && shape_.cookies == 1; ++i)
            if (&threads_[i] != &me && me.flushed[i] != threads_[i].excursions)
                fail(SmtFault::kLeftover);
        me.doing = Doing::kGuest;
        for (unsigned i = pick_(48); i > 0 && !me.is_kicked; --i) point();
        me.doing = Doing::kNothing;
    }
}

void SmtMachine::nmi() {
    Thread& me = *me_;
    const Doing doing = me.doing;
    const asi_u64 inside = me.inside, reaches = me.reaches;
    const bool has_interrupts_on = me.has_interrupts_on;
    const std::uint64_t waits_since = me.waits_since;
    const bool rested = me.stores.load(&me.published.state) == ASI_SMT_REST;

    ++counts_.nmis;
    me.is_in_nmi = true;
    me.has_interrupts_on = false;
    me.doing = Doing::kNothing;
    me.inside = 0;
    if (!rested || flaw_ != SmtFlaw::kNmiForgetsRest) reach();
    work(8);
    me.inside = inside;
    if (inside && flaw_ == SmtFlaw::kNmiForgetsGuest)
        recede(asi_smt_state(ASI_SMT_REACH, inside));
    else if (inside)
        entered();
    if (rested) recede(ASI_SMT_REST);
    me.reaches = reaches;
    me.doing = doing;
    me.waits_since = waits_since ? counts_.steps : 0;
    me.has_interrupts_on = has_interrupts_on;
    me.is_in_nmi = false;
}

// ---- The kernel: as in asi/x86/cpu/smt.c ---------------------------------------

void SmtMachine::set(asi_u64 state) {
    asi_smt_publish(&me_->published, state, me_->cookie);
}

void SmtMachine::recede(asi_u64 state) {
    asi_smt_recede(&me_->published, state);
}

bool SmtMachine::clash(const Thread& guest, asi_u64 state, const Thread& other) {
    if (flaw_ == SmtFlaw::kTrustsWithoutCookie &&
        ASI_SMT_LOAD(&guest.published.cookie) == ASI_SMT_LOAD(&other.published.cookie))
        return false;
    if (flaw_ == SmtFlaw::kIgnoresDomain)
        return asi_smt_phase_of(ASI_SMT_LOAD(&other.published.state)) == ASI_SMT_REACH;
    return asi_smt_clash(&guest.published, state, &other.published);
}

bool SmtMachine::must_wait(const Thread& sibling) {
    if (flaw_ == SmtFlaw::kTrustsWithoutCookie || flaw_ == SmtFlaw::kIgnoresDomain) {
        const asi_u64 state = ASI_SMT_LOAD(&sibling.published.state);
        return asi_smt_phase_of(state) == ASI_SMT_GUEST && clash(sibling, state, *me_);
    }
    return asi_smt_must_wait(&me_->published, &sibling.published);
}

bool SmtMachine::any_clash(asi_u64 state) {
    for (const Thread& other : threads_)
        if (&other != me_ && clash(*me_, state, other)) return true;
    return false;
}

void SmtMachine::stop_siblings() {
    for (Thread& sibling : threads_) {
        const bool may_run = sibling.doing == Doing::kGuest && sibling.reaches == me_->inside;
        const std::uint64_t runs = sibling.runs;
        if (&sibling == me_ || !must_wait(sibling)) continue;
        if (flaw_ == SmtFlaw::kNeverWaits) continue;
        ++counts_.stuns;
        if (may_run && runs == sibling.runs && sibling.doing == Doing::kGuest)
            fail(SmtFault::kNeedless);
        kick(sibling);
        me_->waits_since = counts_.steps;
        while (must_wait(sibling)) {
        }
        me_->waits_since = 0;
    }
}

void SmtMachine::reach() {
    if (flaw_ == SmtFlaw::kLooksBeforePublishing) stop_siblings();
    if (flaw_ == SmtFlaw::kCountsBeforePublishing) {
        ASI_SMT_COUNT(&me_->published.reached);
        set(asi_smt_state(ASI_SMT_REACH, me_->inside));
    } else {
        asi_smt_publish_reach(&me_->published, me_->inside, me_->cookie);
    }
    if (flaw_ != SmtFlaw::kLooksBeforePublishing) stop_siblings();
}

void SmtMachine::entered() {
    if (me_->is_critical && me_->is_running)
        guest();
    else
        recede(asi_smt_state(ASI_SMT_REACH, me_->inside));
}

void SmtMachine::leave() {
    if (!me_->inside) return;
    me_->inside = 0;
    if (flaw_ != SmtFlaw::kLeaveForgetsToPublish) reach();
}

bool SmtMachine::hold(asi_u64 domain) {
    if (me_->inside != domain) {
        leave();
        me_->inside = domain;
        entered();
    }
    me_->is_running = false;
    const asi_u64 gate =
        asi_smt_state(flaw_ == SmtFlaw::kGateIsReach ? ASI_SMT_REACH : ASI_SMT_GATE, domain);
    for (unsigned looks = 0; looks < 40; ++looks) {
        if (me_->stores.load(&me_->published.state) != gate) set(gate);
        asi_u64 reached = siblings_reached();
        if (flaw_ == SmtFlaw::kGateIsReach) {
            bool is_free = true;
            for (const Thread& other : threads_) {
                const asi_u64 state = ASI_SMT_LOAD(&other.published.state);
                is_free &= &other == me_ || asi_smt_phase_of(state) != ASI_SMT_REACH ||
                           state >> 2 == domain;
            }
            if (is_free) return false;
        } else if (!any_clash(gate)) {
            if (flaw_ == SmtFlaw::kCountsTooLate) reached = siblings_reached();
            if (reached != me_->seen) {
                me_->seen = reached;
                flush();
            }
            return false;
        }
    }
    ++counts_.held;
    reach();
    return true;
}

void SmtMachine::guest() {
    const asi_u64 state = asi_smt_state(ASI_SMT_GUEST, me_->inside);
    if (me_->stores.load(&me_->published.state) == state) return;
    me_->is_running = true;
    set(state);
    if (flaw_ == SmtFlaw::kNoLookAtVmEntry) return;
    const bool clashes = any_clash(state);
    if (clashes && flaw_ == SmtFlaw::kRunsInSpiteOfClash) return;
    if (clashes || (siblings_reached() != me_->seen && flaw_ != SmtFlaw::kNoLookForLeftovers &&
                    flaw_ != SmtFlaw::kNeverFlushes))
        cut_short();
}

void SmtMachine::cut_short() {
    recede(asi_smt_state(ASI_SMT_GATE, me_->inside));
    ++counts_.late;
    kick(*me_);
}

asi_u64 SmtMachine::siblings_reached() {
    asi_u64 sum = 0;
    for (const Thread& other : threads_)
        if (&other != me_) sum += asi_smt_reached(&other.published);
    return sum;
}

/// What the core's buffers hold is gone.
void SmtMachine::flush() {
    if (flaw_ == SmtFlaw::kNeverFlushes) return;
    for (unsigned i = 0; i < shape_.threads; ++i) me_->flushed[i] = threads_[i].excursions;
}

// ---- What a thread does ------------------------------------------------------------

void SmtMachine::work(unsigned most) {
    Thread& me = *me_;
    ++counts_.works;
    me.reaches = me.inside;
    if (!me.inside) ++me.excursions;
    me.doing = Doing::kKernel;
    for (unsigned i = pick_(most); i > 0; --i) point();
    me.doing = Doing::kNothing;
}

void SmtMachine::schedule() {
    const asi_u64 cookie = pick_(shape_.cookies);
    if (flaw_ != SmtFlaw::kSwitchForgetsCookie) {
        me_->has_interrupts_on = false;
        ASI_SMT_PUBLISH(&me_->published.cookie, cookie);
        me_->cookie = cookie;
        stop_siblings();
        me_->has_interrupts_on = true;
    }
    me_->cookie = cookie;
}

void SmtMachine::vcpu_loop() {
    Thread& me = *me_;
    const asi_u64 domain = 1 + pick_(shape_.domains);
    me.held_since = 0;
    for (unsigned rounds = 1 + pick_(20); rounds > 0; --rounds) {
        me.has_interrupts_on = false;
        if (hold(domain)) {
            if (!me.held_since) me.held_since = counts_.steps;
            me.has_interrupts_on = true;
            point();
            ++rounds;
            continue;
        }
        if (pick_(16) == 0) {
            reach();
        } else {
            me.is_critical = true;
            if (me.inside != domain) {
                leave();
                me.inside = domain;
                entered();
            }
            guest();
            run_guest();
            if (flaw_ == SmtFlaw::kWaitsAsGuest) {
                me.waits_since = counts_.steps;
                for (const Thread& other : threads_)
                    while (&other != &me &&
                           asi_smt_phase_of(ASI_SMT_LOAD(&other.published.state)) ==
                               ASI_SMT_GUEST &&
                           ASI_SMT_LOAD(&other.published.state) >> 2 != domain) {
                    }
                me.waits_since = 0;
            }
            me.is_critical = false;
            if (flaw_ != SmtFlaw::kExitForgetsToPublish) reach();
        }
        me.has_interrupts_on = true;
        work(8);
        if (pick_(8) == 0) {
            me.has_interrupts_on = false;
            leave();
            me.has_interrupts_on = true;
            work(8);
        }
    }
    me.held_since = 0;
    me.has_interrupts_on = false;
    leave();
    me.has_interrupts_on = true;
}

void SmtMachine::program() {
    for (;;) {
        switch (pick_(4)) {
            case 0:
                me_->has_interrupts_on = false;
                recede(ASI_SMT_REST);
                me_->has_interrupts_on = true;
                for (unsigned i = pick_(64); i > 0; --i) point();
                me_->has_interrupts_on = false;
                reach();
                me_->has_interrupts_on = true;
                break;
            case 1:
                schedule();
                break;
            case 2:
                work(32);
                break;
            default:
                vcpu_loop();
        }
        point();
    }
}

}  // namespace sim
