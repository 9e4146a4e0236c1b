// SPDX-License-Identifier: GPL-2.0-only
// What a profile holds: recording, asking, adding up.
//
// Recording comes from any context, NMI included, while others read: bits are
// only ever set, each by one atomic operation.
#include "../asi/text/text.h"
#include "profile.h"
#include "profile_bits.h"

namespace sci {

namespace {

/// Ranges of bits are as long as the types say.
static_assert(ASI_NR_KINDS <= 32 && SCI_MAX_TEXT_PAGES % 64 == 0);

/// Not __builtin_popcount(): that may be a call of a function the kernel has not.
asi_u32 count_bits(asi_u64 word) {
    asi_u32 count = 0;
    for (; word != 0; word &= word - 1) ++count;
    return count;
}

template <typename Word>
bool set_bit(Word& word, unsigned bit) {
    const Word mask = Word{1} << bit;
    // Most are known: no locked operation then.
    if (read(word) & mask) return false;
    return (__atomic_fetch_or(&word, mask, __ATOMIC_RELAXED) & mask) == 0;
}

bool is_same_build(const sci_profile_data& a, const sci_profile_data& b) {
    return asi::text_in(a.build_id) == asi::text_in(b.build_id);
}

bool is_empty(const sci_profile_data& p, const sci_call_record& record) {
    for (const asi_u32& kinds : record.data)
        if (read(kinds) != 0) return false;
    for (asi_u32 i = 0; i < words_of(p); ++i)
        if (text_word(p, record, i) != 0) return false;
    return true;
}

bool fits(const sci_profile_data& to, const sci_profile_data& from) {
    for (asi_u32 i = 0; i < words_of(from); ++i)
        if (sci_profile_text_word(&from, i) & ~valid_bits(to, i)) return false;
    return true;
}

}  // namespace

sci_call_record* find_or_get(sci_profile_data& p, unsigned call,
                             const sci_profile_storage& storage) {
    if (sci_call_record* record = record_of(p, call)) return record;
    sci_call_record* record = storage.get(storage.ctx, call);
    if (record) __atomic_store_n(&p.call[call], record, __ATOMIC_RELEASE);
    return record;
}

}  // namespace sci

using namespace sci;

int sci_profile_record_text(sci_profile_data* p, unsigned call, asi_u32 page) {
    if (call >= SCI_MAX_CALLS || page >= pages_of(*p)) return -kEinval;
    sci_call_record* record = record_of(*p, call);
    if (!record) return -kEnoent;
    return set_bit(record->text[page / 64], page % 64) ? 1 : 0;
}

int sci_profile_record_data(sci_profile_data* p, unsigned call, unsigned kind, unsigned access) {
    if (call >= SCI_MAX_CALLS || kind >= ASI_NR_KINDS || access >= kDataAccesses) return -kEinval;
    sci_call_record* record = record_of(*p, call);
    if (!record) return -kEnoent;
    return set_bit(record->data[access], kind) ? 1 : 0;
}

bool sci_profile_has_text(const sci_profile_data* p, unsigned call, asi_u32 page) {
    if (call >= SCI_MAX_CALLS || page >= pages_of(*p)) return false;
    const sci_call_record* record = record_of(*p, call);
    return record && (read(record->text[page / 64]) >> page % 64 & 1);
}

bool sci_profile_has_data(const sci_profile_data* p, unsigned call, unsigned kind,
                          unsigned access) {
    if (call >= SCI_MAX_CALLS || kind >= ASI_NR_KINDS || access >= kDataAccesses) return false;
    const sci_call_record* record = record_of(*p, call);
    return record && (read(record->data[access]) >> kind & 1);
}

int sci_profile_union(sci_profile_data* to, const sci_profile_data* from,
                      const sci_profile_storage* storage) {
    if (!is_same_build(*to, *from)) return -kEstale;
    if (!fits(*to, *from)) return -kE2big;
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call) {
        const sci_call_record* source = record_of(*from, call);
        if (!source || is_empty(*from, *source)) continue;
        sci_call_record* record = find_or_get(*to, call, *storage);
        if (!record) return -kEnomem;
        for (asi_u32 i = 0; i < words_of(*from) && i < words_of(*to); ++i)
            __atomic_fetch_or(&record->text[i], text_word(*from, *source, i) & valid_bits(*to, i),
                              __ATOMIC_RELAXED);
        for (unsigned access = 0; access < ASI_NR_ACCESSES; ++access)
            __atomic_fetch_or(&record->data[access], read(source->data[access]), __ATOMIC_RELAXED);
    }
    return 0;
}

asi_u64 sci_profile_text_word(const sci_profile_data* p, asi_u32 word) {
    asi_u64 pages = 0;
    if (word >= words_of(*p)) return 0;
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call)
        if (const sci_call_record* record = record_of(*p, call))
            pages |= text_word(*p, *record, word);
    return pages;
}

asi_u32 sci_profile_text_count(const sci_profile_data* p) {
    asi_u32 count = 0;
    for (asi_u32 i = 0; i < words_of(*p); ++i) count += count_bits(sci_profile_text_word(p, i));
    return count;
}

asi_u32 sci_profile_call_text_count(const sci_profile_data* p, unsigned call) {
    asi_u32 count = 0;
    const sci_call_record* record = call < SCI_MAX_CALLS ? record_of(*p, call) : nullptr;
    if (!record) return 0;
    for (asi_u32 i = 0; i < words_of(*p); ++i) count += count_bits(text_word(*p, *record, i));
    return count;
}

asi_u32 sci_profile_call_count(const sci_profile_data* p) {
    asi_u32 count = 0;
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call) {
        const sci_call_record* record = record_of(*p, call);
        if (record && !is_empty(*p, *record)) ++count;
    }
    return count;
}

bool sci_profile_name_ok(const char* name) {
    unsigned length = 0;
    for (; name[length] != '\0'; ++length) {
        const char c = name[length];
        const bool is_good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                             (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
        if (!is_good || length + 1 >= SCI_PROFILE_NAME_LEN) return false;
    }
    const bool is_dots = name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
    return length > 0 && !is_dots;
}
