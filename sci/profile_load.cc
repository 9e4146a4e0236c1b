// SPDX-License-Identifier: GPL-2.0-only
// A profile from text, all or nothing as far as memory lasts.
#include "../asi/text/text.h"
#include "profile.h"
#include "profile_bits.h"

namespace sci {

namespace {

using asi::copy_text;
using asi::Text;

/// Fills a profile.
struct Loader {
    sci_profile_data& p;
    const sci_profile_storage& storage;

    static Loader& of(void* ctx) { return *static_cast<Loader*>(ctx); }

    // The parser has checked that both fit.
    static int name(void* ctx, const char* name, const char**) {
        static_cast<void>(copy_text(Text(name), of(ctx).p.name));
        return 0;
    }
    static int build_id(void* ctx, const char* id, const char**) {
        static_cast<void>(copy_text(Text(id), of(ctx).p.build_id));
        return 0;
    }
    static int check_text(void* ctx, unsigned, asi_u32, asi_u32 last, const char** why) {
        if (last < pages_of(of(ctx).p)) return 0;
        *why = "the kernel has no such page";
        return -kE2big;
    }
    static int text(void* ctx, unsigned call, asi_u32 first, asi_u32 last, const char** why) {
        sci_profile_data& p = of(ctx).p;
        if (!find_or_get(p, call, of(ctx).storage)) return no_memory(why);
        for (asi_u32 page = first; page <= last; ++page) sci_profile_record_text(&p, call, page);
        return 0;
    }
    static int data(void* ctx, unsigned call, unsigned kind, unsigned access, const char** why) {
        if (!find_or_get(of(ctx).p, call, of(ctx).storage)) return no_memory(why);
        sci_profile_record_data(&of(ctx).p, call, kind, access);
        return 0;
    }

    static int no_memory(const char** why) {
        *why = "out of memory";
        return -kEnomem;
    }
};

}  // namespace

}  // namespace sci

using namespace sci;

int sci_profile_load(sci_profile_data* p, const char* text, asi_size len,
                     const sci_profile_storage* storage, sci_profile_error* err) {
    Loader loader{*p, *storage};
    sci_profile_sink check = {};
    check.text = Loader::check_text;
    check.ctx = &loader;
    if (const int result = sci_profile_parse(text, len, &check, err)) return result;
    const sci_profile_sink load = {Loader::name, Loader::build_id, Loader::text, Loader::data,
                                   &loader};
    return sci_profile_parse(text, len, &load, err);
}
