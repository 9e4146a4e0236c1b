// SPDX-License-Identifier: GPL-2.0-only
#include "bochs.h"
#include "text.h"
namespace asi {
Machine start_bochs(const Options&, const RunDir&, const std::string&) {
    throw RunError("not yet");
}
}
