// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "error.h"
#include "stress_vm.h"
#include "vcpu_pool.h"

namespace asi {

/// What happens to a machine while it runs; the names for --with.
constexpr const char* kDisturbances[] = {"vcpus",  "slots",   "memory",
                                         "events", "balloon", "pageout"};
/// What goes wrong on purpose; the names for --spoil.
constexpr const char* kSpoilers[] = {"answer", "memory", "log", "interrupt"};

struct StressOptions {
    unsigned smp = 4;
    unsigned pieces = 48;
    double seconds = 10;  ///< longer, if by then something has not happened at all
    double round = 5;     ///< seconds after which a new machine takes the place of the old one
    uint64_t seed = 1;
    std::optional<Backing> backing;  ///< what lies behind all of the guest's memory
    std::vector<std::string> with;
    std::string spoil;
};

/// Runs machines whose guests check their memory and all answers, and changes what is under them.
ExitStatus run_stress(const StressOptions& options);

using Counts = std::map<std::string, uint64_t>;
using Random = std::mt19937_64;

inline unsigned below(Random& random, unsigned limit) {
    return static_cast<unsigned>(random() % limit);
}

/// One kind of disturbance; all calls come from one thread.
class Disturber {
  public:
    virtual ~Disturber() = default;
    virtual void step(Random& random) = 0;
    /// The vCPUs still run: nothing may stay that keeps them from ending.
    virtual void settle() {}
    /// All vCPUs have ended. Throws when something is wrong that shows in the end only.
    virtual void check_end() {}

    /// What can happen, and how often it did: there from the start.
    const Counts& counts() const { return counts_; }

  protected:
    Counts counts_;
};

/// vCPUs that are added, and threads that swap them or end.
std::unique_ptr<Disturber> disturb_vcpus(StressVm& vm, VcpuPool& pool);

/// Memory slots that come, go, move and change their flags, and dirty logs, with which pieces are
/// copied as for a live migration. `spoil`: one page is forgotten.
std::unique_ptr<Disturber> disturb_slots(StressVm& vm, VcpuPool& pool, bool spoil);
/// The same slots, all there and left alone.
void add_all_slots(const StressVm& vm);

/// What is mapped behind the slots. `spoil`: one bit flips.
std::unique_ptr<Disturber> disturb_memory(StressVm& vm, bool spoil);

/// With a backing: pages that the guest can spare are taken (`balloon`), and others go away from
/// the process and come back (`pageout`).
std::unique_ptr<Disturber> disturb_backing(StressVm& vm, bool balloon, bool pageout);

/// irqfds, ioeventfds and the routing of interrupts. `spoil`: an interrupt that nobody sent.
std::unique_ptr<Disturber> disturb_events(StressVm& vm, bool spoil);

}  // namespace asi
