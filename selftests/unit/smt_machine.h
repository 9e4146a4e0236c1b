// SPDX-License-Identifier: GPL-2.0-only
// A model of the threads of one core, and of a kernel that tells siblings by asi/smt.h
// what it reaches, the way asi/x86/cpu/smt.c does.
//
// Hardware: stores wait in a buffer, interrupts between threads, guests that exit when one
// is pending. Software: one fiber a thread. Each access to memory that threads share is one
// step; between two steps another thread may run, and an NMI may come.
//
// The model knows what each thread executes, whatever was published.
#ifndef SELFTESTS_UNIT_SMT_MACHINE_H
#define SELFTESTS_UNIT_SMT_MACHINE_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fiber.h"
#include "smt_memory.h"

namespace sim {

/// What can be wrong with the logic, or with its use.
enum class SmtFlaw {
    kNone,
    kPublishesByPlainStore,
    kLooksBeforePublishing,
    kNeverWaits,
    kWaitsAsGuest,
    kGateIsReach,
    kTrustsWithoutCookie,
    kIgnoresDomain,
    kNoLookAtVmEntry,
    kRunsInSpiteOfClash,
    kExitForgetsToPublish,
    kLeaveForgetsToPublish,
    kNmiForgetsRest,
    kNmiForgetsGuest,
    kSwitchForgetsCookie,
    kNeverFlushes,
    kNoLookForLeftovers,
    kCountsTooLate,
    kCountsBeforePublishing,
};
constexpr unsigned kSmtFlaws = static_cast<unsigned>(SmtFlaw::kCountsBeforePublishing) + 1;

enum class SmtFault {
    kNone,
    kOverlap,   ///< a guest ran beside kernel code that reaches more
    kStuck,     ///< a thread waits for ever
    kStarved,   ///< two guests hold each other
    kNeedless,  ///< a guest was interrupted that might have run
    kLeftover,  ///< a guest ran over what a sibling had left in the core
};

class SmtMachine final : private ModelMemory {
  public:
    /// @pick(n): the next choice, below n.
    using Pick = std::function<unsigned(unsigned)>;
    struct Shape {
        unsigned threads, domains, cookies;
        bool has_nmis = true;
    };
    struct Counts {
        std::uint64_t steps, works, guests, beside, trusted, stuns, held, late, nmis;
    };

    SmtMachine(Shape shape, Pick pick, SmtFlaw flaw);
    SmtMachine(const SmtMachine&) = delete;

    /// At most @steps more; ends early at the first fault, for good.
    SmtFault run(std::uint64_t steps);
    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] const std::string& what() const { return what_; }

  private:
    enum class Doing { kNothing, kKernel, kGuest };

    struct Thread {
        asi_smt_thread published{};
        StoreBuffer stores;
        std::unique_ptr<Fiber> fiber;
        // What is true.
        Doing doing = Doing::kNothing;
        asi_u64 reaches = 0;     ///< domain; 0: everything
        std::uint64_t runs = 0;  ///< of guests
        asi_u64 cookie = 0;
        bool has_interrupts_on = true;
        bool is_kicked = false;
        bool is_in_nmi = false;
        std::uint64_t excursions = 0;          ///< outside of all domains
        std::vector<std::uint64_t> flushed{};  ///< of each thread, when this one flushed
        // What the kernel keeps for itself.
        asi_u64 inside = 0;
        bool is_critical = false;
        bool is_running = false;
        asi_u64 seen = 0;
        std::uint64_t waits_since = 0;
        std::uint64_t held_since = 0;
    };

    // ModelMemory
    asi_u64 load(const asi_u64* from) override;
    void store(asi_u64* to, asi_u64 value) override;
    void publish(asi_u64* to, asi_u64 value) override;
    asi_u64 count(asi_u64* what) override;

    // Hardware.
    void point();
    void check();
    void fail(SmtFault fault);
    void kick(Thread& thread);
    void run_guest();
    void nmi();

    // The kernel: as in asi/x86/cpu/smt.c.
    void set(asi_u64 state);
    void recede(asi_u64 state);
    bool must_wait(const Thread& sibling);
    bool clash(const Thread& guest, asi_u64 state, const Thread& other);
    bool any_clash(asi_u64 state);
    asi_u64 siblings_reached();
    void cut_short();
    void flush();
    void stop_siblings();
    void reach();
    void entered();
    void leave();
    bool hold(asi_u64 domain);
    void guest();

    // What a thread does.
    void program();
    void schedule();
    void vcpu_loop();
    void work(unsigned most);

    const Shape shape_;
    const Pick pick_;
    const SmtFlaw flaw_;
    std::vector<Thread> threads_;
    Thread* me_ = nullptr;
    Fiber main_;
    std::uint64_t limit_ = 0;
    unsigned burst_ = 0;
    SmtFault fault_ = SmtFault::kNone;
    std::string what_;
    Counts counts_{};
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_SMT_MACHINE_H
