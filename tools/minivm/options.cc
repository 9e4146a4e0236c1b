// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <charconv>

#include "error.h"

namespace asi {

uint64_t parse_size(const std::string& text) {
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    unsigned shift = 0;
    bool good = error == std::errc{} && end - rest <= 1;
    if (good && rest != end) {
        switch (*rest) {
            case 'K':
            case 'k':
                shift = 10;
                break;
            case 'M':
            case 'm':
                shift = 20;
                break;
            case 'G':
            case 'g':
                shift = 30;
                break;
            default:
                good = false;
        }
    }
    if (!good || number > UINT64_MAX >> shift)
        throw usage_error("--mem: '" + text + "' is not a size like 256M");
    return number << shift;
}

Backing find_backing(const std::string& name) {
    for (const NamedBacking& known : kBackings)
        if (name == known.name) return known.backing;
    throw usage_error("--backing: '" + name +
                      "' is none of anonymous, hugetlb, shmem, mergeable, userfault");
}

}  // namespace asi
