// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace asi {

using Bytes = std::span<const uint8_t>;

/// An operation whose every execution leaves the guest once.
struct GuestOperation {
    const char* name;
    Bytes code;
    /// Where the operation's pages, address or ticks come from.
    enum class Operand { kNone, kMmioAddress, kFreshPages, kTimerTicks } operand;
};

/// All names for --op, in one order.
std::vector<std::string> operation_names();

/// The operation called `name`, which must be one of operation_names(). "hypercall" is the
/// instruction of this machine's vendor.
GuestOperation find_operation(const std::string& name);

/// Where in the code of "hlt_irq" its handler for kTimerVector lies.
uint64_t timer_handler_offset();
constexpr unsigned kTimerVector = 0x40;

/// The program of the stress tests, a flat binary for kSnippetAddress.
Bytes stress_program();

/// The static init program that mkinitrd installs.
Bytes guest_hello_program();

}  // namespace asi
