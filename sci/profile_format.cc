// SPDX-License-Identifier: GPL-2.0-only
// A profile as text; profile.h has the grammar.
#include <asi/engine.h>

#include "../asi/text/writer.h"
#include "profile.h"
#include "profile_bits.h"

namespace sci {

namespace {

using asi::Writer;

constexpr unsigned kRangesPerLine = 8;

/// Walks the pages of one record as ranges.
class Ranges {
  public:
    Ranges(const sci_profile_data& p, const sci_call_record& record) : p_(p), record_(record) {}

    bool next(asi_u32& first, asi_u32& last) {
        while (at_ < pages_of(p_) && !is_set()) at_ = word_ == 0 ? (at_ / 64 + 1) * 64 : at_ + 1;
        if (at_ >= pages_of(p_)) return false;
        first = at_;
        while (at_ < pages_of(p_) && is_set()) ++at_;
        last = at_ - 1;
        return true;
    }

  private:
    /// Reads each word once: others may be recording.
    bool is_set() {
        if (loaded_ != at_ / 64 + 1) {
            loaded_ = at_ / 64 + 1;
            word_ = text_word(p_, record_, at_ / 64);
        }
        return word_ >> at_ % 64 & 1;
    }

    const sci_profile_data& p_;
    const sci_call_record& record_;
    asi_u32 at_ = 0;
    asi_u32 loaded_ = 0;  ///< 1 + index of word_
    asi_u64 word_ = 0;
};

void format_text(Writer& out, const sci_profile_data& p, unsigned call,
                 const sci_call_record& record) {
    unsigned count = 0;
    asi_u32 first, last;
    for (Ranges ranges(p, record); ranges.next(first, last); ++count) {
        if (count % kRangesPerLine == 0) {
            if (count != 0) out.put('\n');
            out.put("call ").put_number(call).put(" text");
        }
        out.put(' ').put_hex(first);
        if (last != first) out.put('-').put_hex(last);
    }
    if (count != 0) out.put('\n');
}

void format_data(Writer& out, unsigned call, const sci_call_record& record) {
    const asi_u32 reads = read(record.data[ASI_ACCESS_READ]);
    const asi_u32 writes = read(record.data[ASI_ACCESS_WRITE]);
    for (unsigned kind = 0; kind < ASI_NR_KINDS; ++kind) {
        const bool is_read = reads >> kind & 1, is_written = writes >> kind & 1;
        if (!is_read && !is_written) continue;
        out.put("call ").put_number(call).put(" data ").put(asi_kind_name(kind)).put(' ');
        if (is_read) out.put('r');
        if (is_written) out.put('w');
        out.put('\n');
    }
}

}  // namespace

}  // namespace sci

using namespace sci;

asi_size sci_profile_format(const sci_profile_data* p, char* buf, asi_size len) {
    Writer out(buf, len);
    out.put(SCI_PROFILE_HEADER).put(' ').put(kVersion);
    out.put("\nbuild-id ").put(asi::text_in(p->build_id));
    out.put("\nname ").put(asi::text_in(p->name)).put('\n');
    for (unsigned call = 0; call < SCI_MAX_CALLS; ++call) {
        const sci_call_record* record = record_of(*p, call);
        if (!record) continue;
        format_text(out, *p, call, *record);
        format_data(out, call, *record);
    }
    out.put("end\n");
    return out.finish();
}
