// SPDX-License-Identifier: GPL-2.0-only
//
// The part of the engine's port that its policy code may reach.
#include <asi/port.h>

#include <cstdio>

extern "C" void asi_port_bug(const char* what, asi_u64 value) {
    std::fprintf(stderr, "asictl: internal inconsistency: %s (0x%llx)\n", what,
                 static_cast<unsigned long long>(value));
}
