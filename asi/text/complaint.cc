// SPDX-License-Identifier: GPL-2.0-only
#include "complaint.h"

namespace asi {

Complaint& Complaint::quote(Text word) {
    constexpr std::size_t kLongest = 40;
    writer_.put('\'');
    for (std::size_t i = 0; i < word.size && i < kLongest; ++i)
        writer_.put(is_printable(word[i]) || word[i] == ' ' ? word[i] : '?');
    if (word.size > kLongest) writer_.put("...");
    writer_.put('\'');
    return *this;
}

Complaint& Complaint::say_choices(NameOf* name_of, unsigned count) {
    writer_.put(" (use ");
    for (unsigned i = 0; i < count; ++i) writer_.put(i == 0 ? "" : ", ").put(name_of(i));
    writer_.put(')');
    return *this;
}

}  // namespace asi
