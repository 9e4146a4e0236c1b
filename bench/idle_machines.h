// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <vector>

namespace asi {

/// From now on the calling thread runs on that CPU only.
void stay_on(unsigned cpu);

/// Virtual machines with one vCPU that does nothing, each in a process of its own. They end with
/// this object.
class IdleMachines {
  public:
    IdleMachines() = default;
    IdleMachines(const IdleMachines&) = delete;
    IdleMachines& operator=(const IdleMachines&) = delete;
    ~IdleMachines();

    /// Until there are `count` that ran once and wait in user space. Their domains are there, and
    /// take no time.
    void grow_to(unsigned count);

    /// One whose guest sleeps on that CPU and wakes now and then: between that the CPU is idle,
    /// inside of its domain.
    void sleep_on(unsigned cpu);

  private:
    std::vector<pid_t> processes_;
};

}  // namespace asi
