// SPDX-License-Identifier: GPL-2.0-only
#include "guest_code.h"

#include <cpuid.h>

#include "error.h"

#define DECLARE_GUEST_CODE(name) extern "C" const uint8_t guest_##name[], guest_##name##_end[]
DECLARE_GUEST_CODE(cpuid);
DECLARE_GUEST_CODE(msr);
DECLARE_GUEST_CODE(in);
DECLARE_GUEST_CODE(out);
DECLARE_GUEST_CODE(vmcall);
DECLARE_GUEST_CODE(vmmcall);
DECLARE_GUEST_CODE(mmio);
DECLARE_GUEST_CODE(npf);
DECLARE_GUEST_CODE(outs);
DECLARE_GUEST_CODE(hlt_irq);
DECLARE_GUEST_CODE(hello_file);
DECLARE_GUEST_CODE(stress);
extern "C" const uint8_t guest_timer_handler[];
#undef DECLARE_GUEST_CODE
#define GUEST_CODE(name) (Bytes{guest_##name, guest_##name##_end})

namespace asi {
namespace {

/// [intel/vol2]: CPUID, leaf 1, ECX bit 5.
bool machine_has_vmx() {
    unsigned eax, ebx, ecx = 0, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & 1u << 5);
}

std::vector<GuestOperation> all_operations() {
    using enum GuestOperation::Operand;
    return {
        {"cpuid", GUEST_CODE(cpuid), kNone},
        {"msr", GUEST_CODE(msr), kNone},
        {"hlt_irq", GUEST_CODE(hlt_irq), kTimerTicks},
        {"in", GUEST_CODE(in), kNone},
        {"out", GUEST_CODE(out), kNone},
        {"hypercall", machine_has_vmx() ? GUEST_CODE(vmcall) : GUEST_CODE(vmmcall), kNone},
        {"mmio", GUEST_CODE(mmio), kMmioAddress},
        {"npf", GUEST_CODE(npf), kFreshPages},
        {"outs", GUEST_CODE(outs), kFreshPages},
    };
}

}  // namespace

std::vector<std::string> operation_names() {
    std::vector<std::string> names;
    for (const GuestOperation& operation : all_operations()) names.push_back(operation.name);
    return names;
}

GuestOperation find_operation(const std::string& name) {
    for (const GuestOperation& operation : all_operations())
        if (operation.name == name) return operation;
    throw usage_error("--op: unknown operation '" + name + "'");
}

uint64_t timer_handler_offset() {
    return guest_timer_handler - guest_hlt_irq;
}

Bytes stress_program() {
    return GUEST_CODE(stress);
}

Bytes guest_hello_program() {
    return GUEST_CODE(hello_file);
}

}  // namespace asi
