// SPDX-License-Identifier: GPL-2.0-only
// A model of CPUs with tagged TLBs, and of a kernel that enters and leaves
// domains by asi/tlb.h the way asi/x86 does.
//
// Hardware: translations stay in a TLB, tagged by PCID, over every load of CR3
// with NOFLUSH; stores wait in a buffer; the CPU walks tables on its own
// whenever it likes. Software: one fiber a CPU. Each access to memory that CPUs
// share is one step; between two steps another CPU may run, an NMI may come, and
// where interrupts are on, an interrupt.
//
// The model knows nothing of generations. It knows for each translation when it
// was removed and whether its frame was given away.
#ifndef SELFTESTS_UNIT_TLB_MACHINE_H
#define SELFTESTS_UNIT_TLB_MACHINE_H

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fiber.h"
#include "tlb_logic.h"

namespace sim {

/// What can be wrong with the logic, or with its use.
enum class TlbFault {
    kNone,
    kFreedHit,       ///< a translation was used whose frame was given away
    kStaleHit,       ///< ... that was removed before the CPU began to enter
    kMissingFlush,   ///< NOFLUSH over translations that need not be right
    kNeedlessFlush,  ///< a flush though nothing had changed
};

class TlbMachine final : private ModelMemory {
  public:
    /// @pick(n): the next choice, below n.
    using Pick = std::function<unsigned(unsigned)>;
    struct Shape {
        unsigned cpus;
        unsigned slots;    ///< 0: without PCID
        unsigned domains;  ///< at a time
    };
    struct Counts {
        std::uint64_t steps, loads, kept, flushed, evictions, reentries, migrations, interrupts,
            nmis, nmis_in_a_switch, removals, kernel_removals, frees, waits, new_domains, hits,
            short_ways;
    };
    /// Faults to look for besides wrong uses of a translation.
    enum class Judge { kHitsOnly, kFlushesToo };

    TlbMachine(Shape shape, Pick pick, const TlbLogic& logic, Mistake mistake, Judge judge);
    TlbMachine(const TlbMachine&) = delete;

    /// At most @steps more; ends early at the first fault, for good.
    TlbFault run(std::uint64_t steps);
    [[nodiscard]] const std::string& what() const { return what_; }
    [[nodiscard]] const Counts& counts() const { return counts_; }

  private:
    using Time = std::uint64_t;
    using Serial = std::uint32_t;
    static constexpr Time kNever = ~Time{0};

    /// Pages: those of one domain, those of the tables that some domains borrow from,
    /// those that all domains share with the kernel, and one that is another on each CPU.
    static constexpr unsigned kPrivate = 4, kLent = 2, kShared = 3;
    static constexpr unsigned kFirstLent = kPrivate, kFirstShared = kPrivate + kLent;
    static constexpr unsigned kLocalPage = kFirstShared + kShared, kPages = kLocalPage + 1;

    /// One translation, from its making to the next use of its frame. 0: none.
    struct Translation {
        Time removed = kNever;
        bool is_free = false;
    };

    /// Tables that are not entered.
    struct Lender {
        asi_tlb_domain tlb{};
        std::array<Serial, kLent> entry{};
        Time last_removal = 0;
    };

    struct Domain {
        asi_tlb_domain tlb{};
        const Lender* lender = nullptr;
        std::array<Serial, kPrivate> entry{};
        std::uint64_t identity = 0;
        Time last_removal = 0;
        unsigned users = 0;
        bool is_alive = false;
        bool is_strict = false;
    };

    struct Interrupt {
        std::uint64_t domain;  ///< asks to leave that one; 0: a flush for the kernel
        unsigned page;
        unsigned* outstanding;
    };

    /// What the model knows of the translations under one PCID.
    struct Held {
        std::uint64_t identity = 0;
        Time flushed = 0;  ///< when CR3 was loaded
        Time begun = 0;    ///< when the load that is recorded was begun; 0: none is
        bool is_forgotten = false;
    };

    struct Cpu {
        // Hardware.
        std::array<std::array<Serial, kPages>, 1 + ASI_TLB_SLOTS> tlb{};
        StoreBuffer stores;
        unsigned pcid = 0;
        Domain* root = nullptr;  ///< null: the kernel's own
        bool has_interrupts_on = true;
        bool is_in_nmi = false;
        std::deque<Interrupt> pending;
        // Software.
        asi_tlb_cpu slots{};
        Domain* curr = nullptr;
        Domain* last = nullptr;
        bool is_critical = false;
        Serial local = 0;
        // The model's knowledge.
        bool is_switching = false;
        bool is_recording = false;  ///< CR3 is loaded, the slot not written yet
        Time clean_since = 0;
        std::array<Held, ASI_TLB_SLOTS> held{};
        std::unique_ptr<Fiber> fiber;
    };

    struct Task {
        Domain* domain;
        const Cpu* cpu;
        bool is_running;
    };

    /// A frame that waits for the TLBs.
    struct Quarantined {
        Serial serial;
        const Domain* domain;  ///< null: ask about any
    };

    // Memory, as the fiber that runs sees it.
    asi_u64 load(const asi_u64* from) override;
    void store(asi_u64* to, asi_u64 value) override;
    void publish(asi_u64* to, asi_u64 value) override;
    asi_u64 count(asi_u64* what) override;

    // Hardware: tlb_machine.cc.
    void point();
    void wait();
    void load_cr3(Domain* domain, unsigned pcid, bool flush, Time begun);
    void access(unsigned page);
    Serial walk(unsigned page) const;
    void invalidate(unsigned page);
    void nmi();
    void interrupt();

    // The switch, as in asi/x86/cpu/switch.c: tlb_switch.cc.
    void switch_in(Domain& domain);
    bool switch_in_again(Domain& domain);
    void switch_out();
    void enter(Domain& domain);
    void leave();

    // What kernels do: tlb_kernel.cc.
    void program();
    void run_task(Task& task);
    void inside(Domain& domain);
    void fault(Domain& domain);
    void map_private(Domain& domain, unsigned page);
    Serial clear_private(Domain& domain, unsigned page);
    void remove_later(Domain& domain);
    void remove_and_wait(Domain& domain);
    void poll_quarantine();
    void change_lent();
    void change_shared();
    void change_local();
    void change_domains();
    void create(Domain& domain);

    void judge(const Domain& domain, const asi_tlb_load& load, Time begun);
    [[nodiscard]] bool may_be_used(const Quarantined& q) const;
    Serial make_translation();
    void free(Serial serial);
    Domain* any_domain();
    void choose_lender(Domain& domain);
    Time tick() { return ++now_; }
    unsigned pick(unsigned n) { return pick_(n); }
    void fail(TlbFault fault, unsigned page);

    Shape shape_;
    Pick pick_;
    const TlbLogic& logic_;
    Mistake mistake_;
    Judge judge_;

    asi_tlb tlb_{};
    std::vector<Cpu> cpus_;
    Cpu* cpu_ = nullptr;
    unsigned burst_ = 0;  ///< steps that it has left
    std::vector<Domain> domains_;
    std::vector<Task> tasks_;
    std::array<Lender, 2> lenders_{};
    std::array<Serial, kShared> shared_{};
    Time last_kernel_removal_ = 0;
    std::vector<Translation> translations_;
    std::deque<Quarantined> quarantine_;
    std::uint64_t identities_ = 0;

    Time now_ = 0;
    std::uint64_t limit_ = 0;
    TlbFault fault_ = TlbFault::kNone;
    std::string what_;
    Counts counts_{};
    Fiber main_;
};

}  // namespace sim

#endif  // SELFTESTS_UNIT_TLB_MACHINE_H
