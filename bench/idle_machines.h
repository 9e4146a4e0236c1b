// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <vector>

namespace asi {

/// Virtual machines with one vCPU that ran once and does nothing now, each in a process of its
/// own. Their domains are there, and take no time. They end with this object.
class IdleMachines {
  public:
    IdleMachines() = default;
    IdleMachines(const IdleMachines&) = delete;
    IdleMachines& operator=(const IdleMachines&) = delete;
    ~IdleMachines();

    /// Until there are `count`. These wait in user space.
    void grow_to(unsigned count);

    /// One whose guest has halted on that CPU, which is idle inside of its domain.
    void halt_on(unsigned cpu);

  private:
    std::vector<pid_t> processes_;
};

}  // namespace asi
