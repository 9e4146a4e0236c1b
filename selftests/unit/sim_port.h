// SPDX-License-Identifier: GPL-2.0-only
// The engine's port over simulated memory.
//
// Pages come from one of two arenas: those the engine may own, and those of
// foreign tables, which can be made read-only so that a stray write faults on
// the spot. Physical addresses are made up, and no page of one arena has the
// physical address of a page of the other. Freeing a page that is not live, or
// translating an address that is no live page, throws.
#ifndef SELFTESTS_UNIT_SIM_PORT_H
#define SELFTESTS_UNIT_SIM_PORT_H

#include <asi/port.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sim {

struct Failure : std::logic_error {
    using std::logic_error::logic_error;
};

/// A zeroed page the engine may own.
void* allocate_page();
/// A zeroed page of a foreign table.
void* allocate_foreign_page();
/// Every foreign page is given back at once.
void free_foreign_pages();
void set_foreign_read_only(bool read_only);

/// Pages of the engine's arena that are not free.
std::size_t live_pages();
/// Calls of asi_port_bug() since the last call of this function.
unsigned take_bugs();
/// The next allocation of a root fails.
void fail_next_root();
/// Runs once, inside the next asi_port_phys(): a way into the middle of an
/// operation, for what may happen concurrently.
void set_phys_hook(void (*hook)());

/// Gives the engine's pages back when a test ends; throws nothing, so ask
/// live_pages() first.
void free_all();

}  // namespace sim

#endif  // SELFTESTS_UNIT_SIM_PORT_H
