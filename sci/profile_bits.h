// SPDX-License-Identifier: GPL-2.0-only
// What the C++ files of profiles have in common.
#ifndef SCI_PROFILE_BITS_H
#define SCI_PROFILE_BITS_H

#include "../asi/text/errno.h"
#include "profile.h"

namespace sci {

using enum asi::Errno;

/// Of the grammar; it stands behind the header.
constexpr const char* kVersion = "1";

/// Data is read and written: accesses below this one.
constexpr unsigned kDataAccesses = ASI_ACCESS_WRITE + 1;

template <typename Word>
Word read(const Word& word) {
    return __atomic_load_n(&word, __ATOMIC_RELAXED);
}

/// Text pages the bitmaps of @p have room for.
inline asi_u32 pages_of(const sci_profile_data& p) {
    return p.text_pages < SCI_MAX_TEXT_PAGES ? p.text_pages : SCI_MAX_TEXT_PAGES;
}
inline asi_u32 words_of(const sci_profile_data& p) {
    return SCI_TEXT_WORDS(pages_of(p));
}

/// Those bits of word @i of a bitmap that stand for a page.
inline asi_u64 valid_bits(const sci_profile_data& p, asi_u32 i) {
    const asi_u32 pages = pages_of(p);
    if (pages >= 64 * (i + 1)) return ~asi_u64{0};
    return pages <= 64 * i ? 0 : (asi_u64{1} << pages % 64) - 1;
}

inline asi_u64 text_word(const sci_profile_data& p, const sci_call_record& record, asi_u32 i) {
    return read(record.text[i]) & valid_bits(p, i);
}

inline sci_call_record* record_of(const sci_profile_data& p, unsigned call) {
    return __atomic_load_n(&p.call[call], __ATOMIC_ACQUIRE);
}

/// Null when there is none and @storage has no more.
sci_call_record* find_or_get(sci_profile_data& p, unsigned call,
                             const sci_profile_storage& storage);

}  // namespace sci

#endif  // SCI_PROFILE_BITS_H
