// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "error.h"

namespace asi {

/// Keeps two machines that never run, one with and one without an interrupt controller, until
/// SIGTERM or SIGINT. KVM patches the kernel's code when the first of a kind comes and when the
/// last one goes (preemption notifiers, local APICs); while these are there it does not.
/// Prints "holding" once they are.
ExitStatus run_hold();

}  // namespace asi
