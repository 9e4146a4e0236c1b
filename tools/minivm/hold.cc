// SPDX-License-Identifier: GPL-2.0-only
#include "hold.h"

#include <cstdio>

#include "snippet_vm.h"
#include "termination.h"

namespace asi {

ExitStatus run_hold() {
    const Termination termination;
    const Kvm kvm;
    const SnippetVm with(kvm, Irqchip::kInKernel, CpuMode::kLong, 1);
    const SnippetVm without(kvm, Irqchip::kNone, CpuMode::kLong, 1);
    std::puts("holding");
    std::fflush(stdout);
    termination.wait();
    return ExitStatus::kOk;
}

}  // namespace asi
