// SPDX-License-Identifier: GPL-2.0-only
#include "starts.h"

#include "instruction.h"

namespace guard {
namespace {

constexpr const char* kForbidden[][2] = {
    {"__entry_text_start", "__entry_text_end"},
    {"__kprobes_text_start", "__kprobes_text_end"},
    {"__noinstr_text_start", "__noinstr_text_end"},
    {"__irqentry_text_start", "__irqentry_text_end"},
};

}  // namespace

std::vector<u8> find_starts(const KernelImage& image, u64 begin, u64 end) {
    std::vector<bool> starts(end - begin);
    const auto forbid = [&](u64 from, u64 to) {
        for (u64 at = from < begin ? begin : from; at < to && at < end; at++)
            starts[at - begin] = false;
    };
    for (const Symbol& symbol : image.symbols()) {
        if (!symbol.is_function || symbol.address < begin || symbol.address >= end) continue;
        const u64 stop = symbol.address + symbol.size < end ? symbol.address + symbol.size : end;
        Instruction instruction;
        for (u64 at = symbol.address; at < stop; at += instruction.length) {
            const auto code = image.bytes(at, stop - at);
            if (!decode(code.data(), code.size(), instruction)) break;
            starts[at - begin] = true;
        }
    }
    for (const auto& [from, to] : kForbidden)
        if (image.find(from) && image.find(to)) forbid(*image.find(from), *image.find(to));
    const auto list = image.find("__start_kprobe_blacklist");
    const auto list_end = image.find("__stop_kprobe_blacklist");
    for (u64 at = list.value_or(0); list && list_end && at + 8 <= *list_end; at += 8)
        if (const Symbol* symbol = image.function_at(image.read64(at)))
            forbid(symbol->address, symbol->address + symbol->size);
    std::vector<u8> bits((starts.size() + 7) / 8);
    for (std::size_t i = 0; i < starts.size(); i++)
        if (starts[i]) bits[i / 8] = static_cast<u8>(bits[i / 8] | 1 << i % 8);
    return bits;
}

}  // namespace guard
